"""Show which parts of a study are done or in progress and how long the rest takes, during a run or afterwards."""

import argparse
from pathlib import Path

from mmlu_kit.cli import study_options
from mmlu_kit.results import status

EXAMPLE = "mmlu-kit status --study writeup"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    study_options.add_arguments(parser)


def run(args: argparse.Namespace) -> None:
    study = study_options.resolve(study_options.read(args))
    for line in status.lines(study, Path("results") / study.name, Path("resources"), Path(".snakemake/locks")):
        print(line)

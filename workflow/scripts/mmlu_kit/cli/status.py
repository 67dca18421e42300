"""Show which parts of a study are done or in progress and how long the rest takes, during a run or afterwards."""

import argparse
from pathlib import Path

from mmlu_kit import config_files
from mmlu_kit.results import status
from mmlu_kit.study import resolve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--study", help="the study's name (default: the one in config)")
    add("--only", nargs="*", help="only these parts of the study, as in config")
    add("--configfile", type=Path, nargs="*", default=[], help="files that extend config.yaml, as for snakemake")


def run(args: argparse.Namespace) -> None:
    chosen = {key: value for key, value in (("study", args.study), ("only", args.only)) if value}
    study = resolve(config_files.read([Path("config.yaml"), *args.configfile]) | chosen)
    for line in status.lines(study, Path("results") / study.name, Path("resources")):
        print(line)

"""Show what of a study is done, what is in progress and how long is left, while it runs or after."""

import argparse
from pathlib import Path

from mmlu_kit import config
from mmlu_kit.results import status
from mmlu_kit.study import resolve


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--study", help="which study (default: the one that config names)")
    add("--only", nargs="*", help="which of its groups, as in config")
    add("--configfile", type=Path, nargs="*", default=[], help="files that add to config.yaml, as for snakemake")


def run(args: argparse.Namespace) -> None:
    chosen = {key: value for key, value in (("study", args.study), ("only", args.only)) if value}
    study = resolve(config.read([Path("config.yaml"), *args.configfile]) | chosen)
    for line in status.lines(study, Path("results") / study.name, Path("resources")):
        print(line)

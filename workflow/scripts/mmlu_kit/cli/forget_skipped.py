"""Delete a study's "not run" placeholders so that the next run tries those models again."""

import argparse
from pathlib import Path

from mmlu_kit.formatting import plural
from mmlu_kit.results import skipped

EXAMPLE = "mmlu-kit forget-skipped results/writeup"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, metavar="FOLDER", help="a study's results: results/<study>")


def run(args: argparse.Namespace) -> None:
    deleted = plural(skipped.forget(args.results), "placeholder")
    print(f"{deleted} of skipped evaluations deleted from {args.results}")

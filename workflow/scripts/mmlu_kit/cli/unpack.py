"""Unpack results that other machines packed into a study's results; the next run uses them instead of computing its own."""

import argparse
from pathlib import Path

from mmlu_kit.results import archives
from mmlu_kit.user_errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "archives",
        type=Path,
        nargs="+",
        help=".zip files by `mmlu-kit pack`; in the report, a file's name stands for the machine",
    )
    add("--results", type=Path, required=True, help="the study's results: results/<study>")


def run(args: argparse.Namespace) -> None:
    if len({path.stem for path in args.archives}) < len(args.archives):
        raise UserError("two archives have the same name, under which results are stored: rename one of them")
    for path in args.archives:
        models = archives.unpack(path, args.results, path.stem)
        counts = ", ".join(f"{model} ({count})" for model, count in models.items())
        print(f"{path} unpacked into {args.results}; models (number of subjects): {counts}")
        study = archives.study_name(path)
        if study not in (None, args.results.name):
            print(f"Note: these are results of the study '{study}', not of '{args.results.name}'.")

"""Unpack what other machines packed into a study's results: the next run uses it instead of running it here."""

import argparse
from pathlib import Path

from mmlu_kit.results import archives
from mmlu_kit.user_errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("archives", type=Path, nargs="+", help=".zip files by `mmlu-kit pack`; a file's name names the machine in the report")
    add("--results", type=Path, required=True, help="the study's results: results/<study>")


def run(args: argparse.Namespace) -> None:
    if len({path.stem for path in args.archives}) < len(args.archives):
        raise UserError("two archives have the same name, and results are kept under an archive's name: rename one")
    for path in args.archives:
        models = archives.unpack(path, args.results, path.stem)
        counts = ", ".join(f"{model} ({count})" for model, count in models.items())
        print(f"{path} unpacked into {args.results}; models and numbers of subjects: {counts}")
        study = archives.study_name(path)
        if study not in (None, args.results.name):
            print(f"They were run as the study '{study}', not as '{args.results.name}': is that what you meant?")

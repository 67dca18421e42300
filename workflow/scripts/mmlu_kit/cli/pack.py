"""Pack the results that this machine computed for a study into a zip archive, to be unpacked on another machine."""

import argparse
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.results import archives
from mmlu_kit.user_errors import UserError

EXAMPLE = "mmlu-kit pack results/writeup --output writeup.zip"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, metavar="FOLDER", help="a study's results: results/<study>")
    parser.add_argument("--output", type=Path, required=True, help="the .zip file to write")


def run(args: argparse.Namespace) -> None:
    if args.output.exists() and not args.output.is_file():
        raise UserError(f"{args.output} is not a file that an archive could replace: choose another path")
    data, models = archives.pack(args.results)
    files.write_bytes(args.output, data)
    counts = ", ".join(f"{model} ({count})" for model, count in models.items())
    print(f"{args.output} written, {len(data) / 1e6:.2f} MB; models (number of subjects): {counts}")

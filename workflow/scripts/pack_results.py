#!/usr/bin/env python3
"""Pack what this machine ran in a study into one zip archive, to be unpacked on another machine."""

import argparse
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.results import archives


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="a study's results: results/<study>")
    parser.add_argument("--output", type=Path, required=True, help="the .zip file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    data, models = archives.pack(args.results)
    files.write_bytes(args.output, data)
    counts = ", ".join(f"{model} ({count})" for model, count in models.items())
    print(f"{args.output} written, {len(data) / 1e6:.2f} MB; models and numbers of subjects: {counts}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))

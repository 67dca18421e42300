#!/usr/bin/env python3
"""Write a study's report as Markdown from its merged results."""

import argparse
import sys
from pathlib import Path

import pandas
from mmlu_kit import files, problems, records, reporting


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merged", type=Path, required=True, help="merged.json")
    parser.add_argument("--table", type=Path, required=True, help="questions.csv")
    parser.add_argument("--templates", type=Path, required=True, help="the folder of the report's templates")
    parser.add_argument("--output", type=Path, required=True, help="report.md to write; links are relative to it")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    merged = records.read(args.merged, "merged")
    # An answer's text may be 'nan' or empty: nothing but an empty `parsed` means that something is missing.
    table = pandas.read_csv(args.table, keep_default_na=False)
    files.write_text(args.output, reporting.render(merged, table, args.templates))
    print(f"{args.output} written")


if __name__ == "__main__":
    sys.exit(problems.run(main))

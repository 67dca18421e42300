#!/usr/bin/env python3
"""Merge a study's evaluations and timings into merged.json and questions.csv."""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit import files, merging, problems, records
from mmlu_kit.problems import Problem


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--study", required=True, help="the resolved study as JSON text")
    add("--evaluations", type=Path, nargs="*", required=True, help="evaluation files")
    add("--timings", type=Path, nargs="*", required=True, help="timing files")
    add("--processes", type=Path, required=True, help="the file that parse_times.py wrote")
    add("--merged", type=Path, required=True, help="merged.json to write")
    add("--table", type=Path, required=True, help="questions.csv to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if not args.evaluations:
        raise Problem("there is no evaluation to merge: run the study first")
    study = json.loads(args.study)
    evaluations = [records.read(path, "evaluation") for path in args.evaluations]
    timings = [records.read(path, "timing") for path in args.timings]
    merged = merging.merge(study, evaluations, timings, files.read_json(args.processes))
    records.check(merged, "merged", str(args.merged))
    files.write_json(args.merged, merged)
    files.write_text(args.table, merging.table(study, evaluations).to_csv(index=False, lineterminator="\n"))
    print(f"{len(merged['results'])} results of {len(merged['models'])} models merged, {len(merged['missing'])} missing")


if __name__ == "__main__":
    sys.exit(problems.run(main))

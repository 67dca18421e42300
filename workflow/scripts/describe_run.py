#!/usr/bin/env python3
"""Write what a run consists of: code, command line, locks, images, models, questions and machines."""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.provenance import run_record
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--merged", type=Path, required=True, help="merged.json, in the folder of the study's results")
    add("--questions", type=Path, nargs="*", default=[], help="the .jsonl files that were asked")
    add("--begun", default="{}", metavar="JSON", help="what the process that began the run knows: command, commit, changed")
    add("--image", action="append", default=[], metavar="KIND=NAME", help="an image that rules ran in: a file or an address")
    add("--output", type=Path, required=True, help="run.json to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    try:
        begun = json.loads(args.begun or "{}")
    except ValueError:
        raise UserError("--begun is not JSON: leave it out where nothing is known") from None
    images = dict(one.split("=", 1) for one in args.image)
    merged = records.read(args.merged, "merged")
    run = run_record.describe(merged, args.merged.parent, Path.cwd(), begun, images, args.questions)
    records.check(run, "run", str(args.output))
    files.write_json(args.output, run)
    print(f"{args.output}: {len(run['code']['files'])} files of code, commit {run['code']['commit'] or 'not known'}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))

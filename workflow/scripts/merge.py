#!/usr/bin/env python3
"""Merge a study's evaluations and timings into merged.json and questions.csv."""

import argparse
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.provenance import privacy
from mmlu_kit.results import study_results
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    study_results.add_options(parser)
    parser.add_argument("--merged", type=Path, required=True, help="merged.json to write")
    parser.add_argument("--table", type=Path, required=True, help="questions.csv to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    results = study_results.from_options(args)
    merged = results.merged
    if not (results.outcomes or merged.setups or merged.stability or merged.chat):
        raise UserError(f"{args.results}: no results of this study to merge: run it first")
    # merged.json may be published, so only the base name of a path outside the project is kept.
    study = Study.model_validate(privacy.shorten(merged.study.plain(), Path.cwd()))
    merged.model_copy(update={"study": study}).write(args.merged)
    files.write_text(args.table, study_results.csv(results.table()))
    counts = f"{len(merged.not_run)} not run, {len(merged.missing)} missing"
    print(f"{len(merged.results)} results of {len(merged.models)} models merged, {counts}")


if __name__ == "__main__":
    user_errors.run(main)

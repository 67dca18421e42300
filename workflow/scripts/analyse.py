#!/usr/bin/env python3
"""Analyse a study's mistakes: each model's, those that models share, and those that lie in subjects and questions."""

import argparse
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.analysis import label_errors, mistakes
from mmlu_kit.evaluation import records
from mmlu_kit.inputs import questions
from mmlu_kit.results import merging


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--merged", type=Path, required=True, help="merged.json")
    add("--table", type=Path, required=True, help="questions.csv")
    add("--questions", type=Path, nargs="+", required=True, help="the subjects' questions, <subject>.jsonl")
    add("--label-errors", type=Path, help="a folder of MMLU-Redux's mmlu_<subject>.csv, where the study names one")
    add("--output", type=Path, required=True, help="analysis.json to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    merged = records.read(args.merged, "merged")
    table = merging.read_table(args.table)
    texts = [one for path in args.questions for one in questions.split(questions.read_jsonl(path), "test")]
    labels = None
    if args.label_errors:
        labels = label_errors.match(label_errors.read(args.label_errors, merged["study"]["subjects"]), texts)
    found = mistakes.analysis(merged, table, texts, labels)
    records.check(found, "analysis", str(args.output))
    files.write_json(args.output, found)
    print(f"{len(found['models'])} models, {len(found['pairs'])} pairs on {found['questions']} questions")
    for warning in found["warnings"]:
        print(warning)


if __name__ == "__main__":
    sys.exit(user_errors.run(main))

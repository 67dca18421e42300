#!/usr/bin/env python3
"""Analyse a study's mistakes: those of each model, those that models share, and which subjects and questions are hard."""

import argparse
from pathlib import Path

from mmlu_kit import formatting, user_errors
from mmlu_kit.analysis import label_errors, mistakes
from mmlu_kit.inputs import question_faults, questions
from mmlu_kit.results import merging
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import Split


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--merged", type=Path, required=True, help="merged.json")
    add("--table", type=Path, required=True, help="questions.csv")
    add("--questions", type=Path, nargs="+", required=True, help="the questions, one <subject>.jsonl for each subject")
    add("--label-errors", type=Path, help="a folder of MMLU-Redux's mmlu_<subject>.csv files, if the study has one")
    add("--output", type=Path, required=True, help="analysis.json to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    merged = Merged.read(args.merged)
    table = merging.read_table(args.table)
    with_examples = [question for path in args.questions for question in questions.read_jsonl(path)]
    tests = questions.split(with_examples, Split.TEST)
    labels = None
    if args.label_errors:
        labels = label_errors.match(label_errors.read(args.label_errors, merged.study.subjects), tests)
    analysis = mistakes.analysis(merged, table, tests, labels, question_faults.faults(with_examples))
    analysis.write(args.output)
    models, pairs = formatting.plural(len(analysis.models), "model"), formatting.plural(len(analysis.pairs), "pair")
    print(f"{models}, {pairs} on {formatting.plural(analysis.questions, 'question')}")
    for warning in analysis.warnings:
        print(warning)


if __name__ == "__main__":
    user_errors.run(main)

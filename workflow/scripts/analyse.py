#!/usr/bin/env python3
"""Analyse a study's mistakes: those of each model, those that models share, and which subjects and questions are hard."""

import argparse
from pathlib import Path

from mmlu_kit import formatting, user_errors
from mmlu_kit.analysis import label_errors, mistakes, precision, protocols
from mmlu_kit.inputs import question_faults, questions
from mmlu_kit.results import study_results
from mmlu_kit.settings import Split


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    study_results.add_options(parser)
    add = parser.add_argument
    add("--label-errors", type=Path, help="a folder of MMLU-Redux's mmlu_<subject>.csv files, if the study has one")
    add("--output", type=Path, required=True, help="analysis.json to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    results = study_results.checked(args)
    merged, tests = results.merged, questions.split(results.questions, Split.TEST)
    table = study_results.checked_table(results, args.results)
    labels = None
    if args.label_errors:
        labels = label_errors.match(label_errors.read(args.label_errors, merged.study.subjects), tests)
    analysis = mistakes.analysis(merged, table, tests, labels, question_faults.faults(results.questions))
    parts = {
        "protocols": protocols.analyse_protocols(merged, results.outcomes),
        "precisions": precision.analyse_precisions(merged, results.outcomes),
    }
    analysis = analysis.model_copy(update=parts)
    analysis.write(args.output)
    models, pairs = formatting.plural(len(analysis.models), "model"), formatting.plural(len(analysis.pairs), "pair")
    print(f"{models}, {pairs} on {formatting.plural(analysis.questions, 'question')}")
    for warning in analysis.warnings:
        print(warning)


if __name__ == "__main__":
    user_errors.run(main)

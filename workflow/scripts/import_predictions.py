#!/usr/bin/env python3
"""Import another run's predictions from a CSV file as a model's evaluations."""

import argparse
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.inputs import questions
from mmlu_kit.results import predictions
from mmlu_kit.settings import Split


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help=f"a .csv or .csv.gz with {', '.join(predictions.COLUMNS)}")
    add("--predictions-model", help="which of its models to import, if it has several")
    add("--name", required=True, help="the model's name in results")
    add("--questions", type=Path, nargs="+", required=True, help="the questions, .jsonl files by fetch_questions.py")
    add(
        "--evaluations",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="write each subject's records to <subject>.json in this folder",
    )
    return parser.parse_args()


def main() -> None:
    args = arguments()
    answers = predictions.read(args.predictions, args.predictions_model)
    sha256 = files.file_sha256(args.predictions)
    tests = [question for path in args.questions for question in questions.split(questions.read_jsonl(path), Split.TEST)]
    answered = predictions.records(answers, tests, str(args.predictions))
    for subject in dict.fromkeys(question.subject for question in tests):
        subject_records = [record for record in answered if record.subject == subject]
        evaluation = records.imported(args.name, args.predictions.name, sha256, subject, subject_records)
        evaluation.write(args.evaluations / f"{subject}.json")
        totals = evaluation.totals
        print(f"{args.name} on {subject}: {totals.parsed} of {totals.questions} parsed, {totals.correct} correct")
    print(f"{args.name}: {predictions.how_read(answered, tests)}")


if __name__ == "__main__":
    user_errors.run(main)

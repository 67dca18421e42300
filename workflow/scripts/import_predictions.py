#!/usr/bin/env python3
"""Import another run's predictions from a CSV file as a model's evaluations."""

import argparse
import hashlib
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.inputs import questions
from mmlu_kit.results import predictions


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--predictions", type=Path, required=True, help=f"a .csv or .csv.gz with {', '.join(predictions.COLUMNS)}")
    add("--predictions-model", help="which of its models is meant, where it has several")
    add("--name", required=True, help="how the model is called in results")
    add("--questions", type=Path, nargs="+", required=True, help="the questions, .jsonl files by fetch_questions.py")
    add("--evaluations", type=Path, required=True, metavar="FOLDER", help="write <subject>.json with every record there")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    found = predictions.read(args.predictions, args.predictions_model)
    digest = hashlib.sha256(args.predictions.read_bytes()).hexdigest()
    for path in args.questions:
        asked = questions.split(questions.read_jsonl(path), "test")
        answers = predictions.records(found, asked, str(args.predictions))
        evaluation = records.imported(args.name, args.predictions.name, digest, asked[0].subject, answers)
        files.write_json(args.evaluations / f"{asked[0].subject}.json", evaluation)
        totals = evaluation["totals"]
        counts = f"{totals['parsed']} of {totals['questions']} readable, {totals['correct']} correct"
        print(f"{args.name} on {asked[0].subject}: {counts}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))

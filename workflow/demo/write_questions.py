#!/usr/bin/env python3
"""Write the demo study's questions as MMLU CSV files from the facts in workflow/demo/facts."""

import argparse
import csv
import io
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.settings import Split
from recipes import bank, facts

DEMO = Path(__file__).parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--facts", type=Path, default=DEMO / "facts", help="folder of facts (default: the project's)")
    parser.add_argument("--output", type=Path, default=DEMO / "questions", help="folder to write (default: the project's)")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    for subject, questions in bank.fixed_questions(facts.read(args.facts)).items():
        for split in Split:
            text = io.StringIO()
            rows = csv.writer(text, lineterminator="\n")
            rows.writerows([q.question, *q.choices, q.answer] for q in questions if q.split == split)
            files.write_text(args.output / split / f"{subject}_{split}.csv", text.getvalue())
        print(f"{subject}: {sum(question.split == Split.TEST for question in questions)} questions")


if __name__ == "__main__":
    user_errors.run(main)

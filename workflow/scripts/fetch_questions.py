#!/usr/bin/env python3
"""Fetch one subject's questions from the hub at a pinned commit, or from a local folder of MMLU CSVs; check them."""

import argparse
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.inputs import questions
from mmlu_kit.settings import Split
from mmlu_kit.subjects import SUBJECTS


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Questions are cached in HF_HUB_CACHE.")
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folder", type=Path, help="a local folder with MMLU's dev/ and test/ CSV files")
    source.add_argument("--repository", help="a data set on the hub with the layout of cais/mmlu, owner/name")
    add("--commit", help="the repository's full commit")
    add("--subject", choices=SUBJECTS, required=True, metavar="SUBJECT", help="one of MMLU's 57 subjects")
    add("--output", type=Path, required=True, help="the .jsonl file to write")
    args = parser.parse_args()
    if (args.repository is None) != (args.commit is None):
        parser.error("--repository and --commit go together")
    return args


def main() -> None:
    args = arguments()
    if args.repository:
        from mmlu_kit.inputs import hub_questions

        subject_questions = hub_questions.fetch(args.repository, args.commit, args.subject)
    else:
        subject_questions = questions.read_folder(args.folder, args.subject)
    questions.write_jsonl(args.output, subject_questions)
    tests = len(questions.split(subject_questions, Split.TEST))
    print(f"{args.subject}: {tests} questions and {len(subject_questions) - tests} few-shot examples")


if __name__ == "__main__":
    user_errors.run(main)

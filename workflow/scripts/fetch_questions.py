#!/usr/bin/env python3
"""Fetch one subject's questions from the hub at a pinned commit, or from local files; check them."""

import argparse
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.inputs import question_sources, questions
from mmlu_kit.settings import Split
from mmlu_kit.source_entries import QuestionSet


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog="Questions are cached in HF_HUB_CACHE.")
    add = parser.add_argument
    add("--source", required=True, help="the question set's entry in config, as JSON text")
    add("--subject", required=True, metavar="SUBJECT", help="the subject's name, as in a study")
    add("--limit", type=int, help="only the first so many questions")
    add("--output", type=Path, required=True, help="the .jsonl file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    source = options.from_json(QuestionSet, args.source, "--source")
    if source.repository:
        from mmlu_kit.inputs import hub_questions

        subject_questions = hub_questions.fetch(source, args.subject)
    else:
        subject_questions = question_sources.of_entry(source).read(args.subject)
    subject_questions = questions.first(subject_questions, args.limit)
    questions.write_jsonl(args.output, subject_questions)
    tests = len(questions.split(subject_questions, Split.TEST))
    print(f"{args.subject}: {tests} questions and {len(subject_questions) - tests} few-shot examples")


if __name__ == "__main__":
    user_errors.run(main)

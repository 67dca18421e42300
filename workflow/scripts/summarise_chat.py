#!/usr/bin/env python3
"""Summarise the recall experiment of a study's chat models: recall and cost under each strategy, and how strategies differ."""

import argparse
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.recall import chat_file
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--models", nargs="+", required=True, metavar="NAME", help="the study's chat models, in the study's order")
    add("--manifests", type=Path, nargs="+", required=True, help="their manifests by fetch_model.py, in the same order")
    add("--folder", type=Path, required=True, help="the folder with <model>/recall.json and transcripts.json")
    add("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if len(args.models) != len(args.manifests):
        raise UserError("--models and --manifests: name one manifest for each model")
    chat = chat_file.summarize(dict(zip(args.models, args.manifests, strict=True)), args.folder)
    chat.write(args.output)
    for not_run in chat.not_run:
        print(f"{not_run.model}: not run: {not_run.reason}")
    for model in chat.models:
        for row in model.rows:
            if row.distance is None and row.reader == "model":
                print(f"{model.model}, {row.strategy}: {row.recall.right} of {row.recall.n} recalled")


if __name__ == "__main__":
    user_errors.run(main)

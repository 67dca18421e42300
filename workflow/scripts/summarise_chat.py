#!/usr/bin/env python3
"""Sum up the recall experiment of a study's chat models: what each strategy keeps, what that costs, how strategies differ."""

import argparse
import json
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.recall import summary


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="the resolved study as JSON text")
    parser.add_argument("--folder", type=Path, required=True, help="the folder with <model>/recall.json and transcripts.json")
    parser.add_argument("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    found = []
    for model in json.loads(args.study)["chat"]["models"]:
        recall = records.read_outcome(args.folder / model / "recall.json", "recall")
        found.append(summary.of(recall, records.read_outcome(args.folder / model / "times.json", "recall_times")))
    transcripts = records.read_outcome(args.folder / "transcripts.json", "transcripts")
    ran = records.was_run(transcripts)
    result = {
        "schema": "mmlu-kit/chat_summary/1",
        "models": found,
        "transcripts": {key: transcripts[key] for key in ("model", "chats", "restored")} if ran else None,
    }
    records.check(result, "chat", str(args.output))
    files.write_json(args.output, result)
    for one in found:
        if not one["effective"]:
            print(f"{one['model']}: not run: {one['reason']}")
            continue
        for row in one["rows"]:
            if row["distance"] is None and row["reader"] == "model":
                print(f"{one['model']}, {row['strategy']}: {row['recall']['right']} of {row['recall']['n']} recalled")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))

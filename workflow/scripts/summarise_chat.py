#!/usr/bin/env python3
"""Sum up the recall experiment of a study's chat models: what each strategy keeps, what that costs, how strategies differ."""

import argparse
import sys
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.recall import summary
from mmlu_kit.recall.documents import ChatFile, ChatModelNotRun, RecallFile, RecallTimesFile, Transcripts, TranscriptsFile


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--models", nargs="+", required=True, metavar="NAME", help="the study's chat models, in its order")
    add("--folder", type=Path, required=True, help="the folder with <model>/recall.json and transcripts.json")
    add("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    models, not_run = [], []
    for name in args.models:
        recall, times = (args.folder / name / file for file in ("recall.json", "times.json"))
        if records.is_not_run(recall):
            outcome = NotRun.read(recall)
            not_run.append(ChatModelNotRun(model=outcome.model, requested=outcome.requested, reason=outcome.reason))
            print(f"{outcome.model}: not run: {outcome.reason}")
        else:
            models.append(summary.summarize(RecallFile.read(recall), RecallTimesFile.read(times)))
    ChatFile(models=models, not_run=not_run, transcripts=read_transcripts(args.folder / "transcripts.json")).write(args.output)
    for model in models:
        for row in model.rows:
            if row.distance is None and row.reader == "model":
                print(f"{model.model}, {row.strategy}: {row.recall.right} of {row.recall.n} recalled")


def read_transcripts(path: Path) -> Transcripts | None:
    """What the transcripts show; None where the model could not be run."""
    if records.is_not_run(path):
        return None
    transcripts = TranscriptsFile.read(path)
    return Transcripts(model=transcripts.model, chats=transcripts.chats, restored=transcripts.restored)


if __name__ == "__main__":
    sys.exit(user_errors.run(main))

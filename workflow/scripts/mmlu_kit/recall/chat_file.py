"""chat.json, from the files that each chat model's jobs wrote."""

from collections.abc import Iterable
from pathlib import Path

from mmlu_kit.evaluation.records import NotRun, is_not_run
from mmlu_kit.recall import summary
from mmlu_kit.recall.documents import (
    ChatFile,
    ChatModelNotRun,
    ChatModelSummary,
    RecallFile,
    RecallTimesFile,
    Transcripts,
    TranscriptsFile,
)
from mmlu_kit.settings import SETTINGS, LoadSettings


def summarize(models: Iterable[str], folder: Path) -> ChatFile:
    """The summary of these models, in this order, from `folder`/<model>/recall.json, times.json and transcripts.json."""
    outcomes = [_model(folder / model) for model in models]
    return ChatFile(
        models=[outcome for outcome in outcomes if isinstance(outcome, ChatModelSummary)],
        not_run=[outcome for outcome in outcomes if isinstance(outcome, ChatModelNotRun)],
        transcripts=_transcripts(folder / "transcripts.json"),
    )


def _model(folder: Path) -> ChatModelSummary | ChatModelNotRun:
    if not is_not_run(folder / "recall.json"):
        return summary.summarize(RecallFile.read(folder / "recall.json"), RecallTimesFile.read(folder / "times.json"))
    not_run = NotRun.read(folder / "recall.json")
    requested = LoadSettings(**{setting: getattr(not_run.requested, setting) for setting in SETTINGS})
    return ChatModelNotRun(model=not_run.model, requested=requested, reason=not_run.reason)


def _transcripts(path: Path) -> Transcripts | None:
    """What the transcripts show; None where the model could not be run."""
    if is_not_run(path):
        return None
    transcripts = TranscriptsFile.read(path)
    return Transcripts(model=transcripts.model, chats=transcripts.chats, restored=transcripts.restored)

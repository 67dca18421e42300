"""Make chat.json from the files of each chat model."""

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
    """Summarise models, in order, from their recall.json and times.json in `folder`/<model> and `folder`/transcripts.json."""
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
    """The transcripts' summary, None if the model was not run."""
    if is_not_run(path):
        return None
    transcripts = TranscriptsFile.read(path)
    return Transcripts(model=transcripts.model, chats=transcripts.chats, restored=transcripts.restored)

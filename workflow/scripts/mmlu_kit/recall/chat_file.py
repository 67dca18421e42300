"""Make chat.json from the files of each chat model."""

from collections.abc import Mapping
from pathlib import Path

from mmlu_kit.evaluation import model_files
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
from mmlu_kit.user_errors import UserError


def summarize(models: Mapping[str, Path], folder: Path) -> ChatFile:
    """Summarise models, in order, from their recall.json and times.json in `folder`/<model> and `folder`/transcripts.json.

    `models` are their manifests by name. Raises UserError if a result was made by another model.
    """
    outcomes = [_model(folder / model, manifest) for model, manifest in models.items()]
    return ChatFile(
        models=[outcome for outcome in outcomes if isinstance(outcome, ChatModelSummary)],
        not_run=[outcome for outcome in outcomes if isinstance(outcome, ChatModelNotRun)],
        transcripts=_transcripts(folder / "transcripts.json"),
    )


def _model(folder: Path, manifest: Path) -> ChatModelSummary | ChatModelNotRun:
    if not is_not_run(folder / "recall.json"):
        recall, times = RecallFile.read(folder / "recall.json"), RecallTimesFile.read(folder / "times.json")
        model_files.check(folder / "recall.json", recall, model_files.manifest(manifest), "delete it and run again")
        if not recall.model == times.model == folder.name:
            raise UserError(f"{folder} has results of {recall.model} and {times.model}: delete them and run again")
        return summary.summarize(recall, times)
    not_run = NotRun.read(folder / "recall.json")
    requested = LoadSettings(**{setting: getattr(not_run.requested, setting) for setting in SETTINGS})
    return ChatModelNotRun(model=not_run.model, requested=requested, reason=not_run.reason)


def _transcripts(path: Path) -> Transcripts | None:
    """The transcripts' summary, None if the model was not run."""
    if is_not_run(path):
        return None
    transcripts = TranscriptsFile.read(path)
    return Transcripts(model=transcripts.model, chats=transcripts.chats, restored=transcripts.restored)

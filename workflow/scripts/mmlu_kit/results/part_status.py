"""The progress of a study's parts other than its evaluations: timing setups, stability, chat models."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit import formatting
from mmlu_kit.config import ChatEntry
from mmlu_kit.evaluation import journal, records
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.recall.documents import RecallFile, RecallTimesFile, TranscriptsFile
from mmlu_kit.results.model_status import unreadable_lines
from mmlu_kit.results.stability import StabilityFile
from mmlu_kit.study import Study, TimingSetups
from mmlu_kit.timing.time_logs import read_time_log
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class PartStatus:
    """The progress of one part: `done` and `not_run` of `total` things, which `unit` names.

    `notes` are words for its line; `unreadable` has a line for each file of another version of the kit and each damaged one,
    which are not counted. `left_s` is None where the time left is not known.
    """

    name: str
    unit: str
    total: int
    done: int
    not_run: int
    notes: list[str]
    unreadable: list[str]
    left_s: float | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing of it is left to run."""
        return self.done + self.not_run == self.total


def parts(study: Study, results: Path) -> list[PartStatus]:
    """Return the status of each of these parts that the study has."""
    setups = [_setups(study.timing_setups, results)] if study.timing_setups else []
    stability = [_stability(results)] if study.stability else []
    chat = [_chat(study.chat, results)] if study.chat else []
    return [*setups, *stability, *chat]


def lines(status: PartStatus, width: int) -> list[str]:
    """Return a part's status as lines, its name padded to `width`."""
    texts = [f"{status.name:{width}}  {status.done} of {formatting.plural(status.total, status.unit)}"]
    texts += [f"{status.not_run} not run on this machine"] if status.not_run else []
    texts += [f"about {formatting.rounded_duration(status.left_s)} left"] if status.left_s else []
    return [", ".join([*texts, *status.notes]), *unreadable_lines(status.unreadable, width)]


class _Tally:
    """Counts of things that are done and not run, and the lines on those that cannot be read."""

    def __init__(self) -> None:
        self.done = self.not_run = 0
        self.unreadable: list[str] = []

    def count(self, paths: list[Path], read: Callable[[Path], object]) -> bool:
        """Count a thing with all its files, unless one is missing; return whether it was run."""
        if not all(path.is_file() for path in paths):
            return False
        try:
            outcomes = [NotRun.read(path) if records.is_not_run(path) else read(path) for path in paths]
        except (UserError, OSError) as error:
            self.unreadable.append(str(error))
            return False
        skipped = any(isinstance(outcome, NotRun) for outcome in outcomes)
        self.not_run += skipped
        self.done += not skipped
        return not skipped


def _setups(setups: TimingSetups, results: Path) -> PartStatus:
    tally = _Tally()
    times: list[float] = []
    total = setups.repeats * len(setups.setups)
    for repeat in range(1, setups.repeats + 1):
        for setup in setups.setups:
            log = results / f"setups/run_{repeat}/{setup.name}.txt"
            evaluations = [log.with_suffix("") / f"evaluations/{subject}.json" for subject in setups.subjects]
            if log.is_file() and tally.count(evaluations, records.read_evaluation):
                try:
                    times.append(read_time_log(log).real_s)
                except UserError as error:
                    tally.unreadable.append(str(error))
    waiting = total - tally.done - tally.not_run
    left_s = waiting * sum(times) / len(times) if times else None
    return PartStatus("timing setups", "run", total, tally.done, tally.not_run, [], tally.unreadable, left_s)


def _stability(results: Path) -> PartStatus:
    tally = _Tally()
    tally.count([results / "stability.json"], StabilityFile.read)
    return PartStatus("stability", "measurement", 1, tally.done, tally.not_run, [], tally.unreadable)


def _chat(chat: ChatEntry, results: Path) -> PartStatus:
    tally, transcripts = _Tally(), _Tally()
    notes: list[str] = []
    for model in chat.models:
        folder = results / "chat" / model
        recall, times = folder / "recall.json", folder / "times.json"
        tally.count([recall, times], lambda path, recall=recall: _read_chat(path, recall))  # type: ignore[misc]
        path = results / "journals" / model / "chat.jsonl"
        if path.is_file() and not recall.is_file():
            written = formatting.rounded_duration(time.time() - path.stat().st_mtime)
            notes.append(f"in progress: {model}, {journal.kept(path)} replies, last written {written} ago")
    transcripts.count([results / "chat/transcripts.json"], TranscriptsFile.read)
    if not transcripts.not_run:
        notes.append("transcripts written" if transcripts.done else "transcripts to be written")
    return PartStatus(
        "chat", "model", len(chat.models), tally.done, tally.not_run, notes, tally.unreadable + transcripts.unreadable
    )


def _read_chat(path: Path, recall: Path) -> object:
    """Read one of the two files of a chat model."""
    return RecallFile.read(path) if path == recall else RecallTimesFile.read(path)

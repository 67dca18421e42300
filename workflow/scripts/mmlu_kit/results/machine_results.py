"""The results of one machine, read and checked together: an evaluation, its timing, and the log of its process."""

from dataclasses import dataclass
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation.records import Evaluation, Timing
from mmlu_kit.results import compatibility, zip_members
from mmlu_kit.study import Study
from mmlu_kit.timing import time_logs
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Place:
    """A folder of results: `where` names it in messages, and `advice` says what to do about a file that is wrong."""

    folder: Path
    where: str
    advice: str

    def read(self, name: str) -> bytes:
        """Return the content of a file; a missing one, or one that is too large, raises UserError."""
        if not (self.folder / name).exists():
            raise UserError(f"{self.where}{name} is missing; {self.advice}")
        return files.read_bytes(self.folder / name, zip_members.MOST_BYTES_EACH[name.partition("/")[0]], self.advice)

    def refuse(self, name: str, problem: str) -> UserError:
        """Return the error for a file."""
        return UserError(f"{self.where}{name} {problem}; {self.advice}")


def read_evaluation(place: Place, name: str) -> tuple[Evaluation, list[str]]:
    """Return the evaluation in a file of the folder, and the names of the files that belong to it, itself among them.

    Raises UserError if one of them is damaged, or if they contradict themselves or each other.
    """
    evaluation = Evaluation.parse(place.read(name), f"{place.where}{name}", place.advice)
    model, subject = evaluation.model, evaluation.subject
    if name != f"evaluations/{model}/{subject}.json":
        raise place.refuse(name, f"holds the answers of {model} on {subject}, so it was renamed")
    if None in (evaluation.requested, evaluation.effective, evaluation.scoring):
        raise place.refuse(name, "holds imported answers, which were not computed on that machine")
    timing_name = f"timings/{model}/{subject}.json"
    timing = Timing.parse(place.read(timing_name), f"{place.where}{timing_name}", place.advice)
    if (timing.model, timing.subject) != (model, subject):
        raise place.refuse(timing_name, f"holds the times of {timing.model} on {timing.subject}, so it was renamed")
    compatibility.check_timing(timing, evaluation, f"{place.where}{timing_name}", place.advice)
    names = [name, timing_name]
    if timing.process is not None:
        log = f"timings/{timing.process}"
        if not (zip_members.MEMBER.fullmatch(log) and log.startswith(f"timings/{model}/") and log.endswith(".time")):
            raise place.refuse(timing_name, f"names '{timing.process[:80]}', which is not the log of a process of {model}")
        time_logs.parse_time_log(place.read(log), f"{place.where}{log}")
        names.append(log)
    return evaluation, names


def check_in_study(evaluation: Evaluation, study: Study, where: str) -> None:
    """Raise UserError if a study does not ask for an evaluation, which messages call `where`, or with other settings."""
    name, subject = evaluation.model, evaluation.subject
    entry = study.models.get(name)
    config = "add it in config (a file that extends config.yaml is named by --configfile, or CONFIG= for make)"
    if entry is None:
        raise UserError(f"{where}: the study '{study.name}' has no model '{name}': {config}")
    if (name, subject) not in study.pairs():
        raise UserError(f"{where}: the study '{study.name}' does not ask '{name}' about '{subject}': {config}")
    if not isinstance(entry, ModelEntry):
        raise UserError(f"{where}: the study '{study.name}' imports the answers of '{name}': give one of the two another name")
    compatibility.check_as_requested(entry, evaluation, where, "run it again with the study's settings")

"""How far answers depend on what should not matter: batching, threads and the number format."""

import itertools
from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from pydantic import Field

from mmlu_kit.data import Count, Data, Document, Positive, version
from mmlu_kit.evaluation.records import Record
from mmlu_kit.settings import LETTERS, DType, Letter

DTYPES = (DType.FLOAT32, DType.BFLOAT16)
THREADS = (1, 2)


class Batching(StrEnum):
    """One question at a time by the model's own attention, or packed."""

    UNPACKED = "alone"
    PACKED = "packed"


class RunSettings(Data):
    """What a run is done with."""

    dtype: DType
    batching: Batching
    threads: Positive


class StabilityRun(RunSettings):
    """What one run answered."""

    correct: Count
    predicted: list[Letter] | None = Field(description="The best letter of each question; null in merged.json.")
    logprobs: list[list[float]] | None = Field(description="The letters' log-probabilities; null in merged.json.")


class StabilityComparison(Data):
    """Two runs that differ in one setting alone."""

    changed: Literal["dtype", "batching", "threads"] = Field(description="That setting.")
    runs: tuple[RunSettings, RunSettings]
    flips: Count = Field(description="Questions answered otherwise.")
    largest_difference: float = Field(ge=0, description="Of a letter's log-probability.")
    margins: list[float] = Field(description="For each flipped question, how far its two letters lay apart in the first run.")


class StabilityFile(Document):
    """stability.json: the same questions scored in several ways."""

    schema_: Literal["mmlu-kit/stability/2"] = version("mmlu-kit/stability/2")
    model: str
    subjects: list[str]
    questions: Positive
    runs: list[StabilityRun]
    comparisons: list[StabilityComparison]

    def without_answers(self) -> "StabilityFile":
        """The same without the answers to each question."""
        runs = [run.model_copy(update={"predicted": None, "logprobs": None}) for run in self.runs]
        return self.model_copy(update={"runs": runs})


def run(settings: RunSettings, records: Sequence[Record]) -> StabilityRun:
    """What one run answered: for each question the letter and the letters' log-probabilities."""
    logprobs = [[(record.letter_logprobs or {})[letter] for letter in LETTERS] for record in records]
    return StabilityRun(
        **dict(settings),
        correct=sum(record.correct for record in records),
        predicted=[record.predicted or "" for record in records],
        logprobs=logprobs,
    )


def comparisons(runs: Sequence[StabilityRun]) -> list[StabilityComparison]:
    """Every two runs that differ in one setting alone, by threads, then batching, then number format."""
    order = list(RunSettings.model_fields)[::-1]
    found = []
    for one, other in itertools.combinations(runs, 2):
        changed = [setting for setting in order if getattr(one, setting) != getattr(other, setting)]
        if len(changed) == 1:
            found.append(_compare(changed[0], one, other))
    return sorted(found, key=lambda comparison: order.index(comparison.changed))


def _compare(changed: str, one: StabilityRun, other: StabilityRun) -> StabilityComparison:
    before, after = one.logprobs or [], other.logprobs or []
    margins = [
        round(max(logprobs) - logprobs[LETTERS.index(letter)], 6)
        for logprobs, first, letter in zip(before, one.predicted or [], other.predicted or [], strict=True)
        if letter != first
    ]
    differences = [abs(a - b) for x, y in zip(before, after, strict=True) for a, b in zip(x, y, strict=True)]
    settings = [RunSettings(**{name: getattr(run, name) for name in RunSettings.model_fields}) for run in (one, other)]
    return StabilityComparison(
        changed=changed,
        runs=(settings[0], settings[1]),
        flips=len(margins),
        largest_difference=round(max(differences, default=0.0), 6),
        margins=margins,
    )

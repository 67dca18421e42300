"""Numerical stability: how many answers change with batching, threads and number format, which should not matter."""

import itertools
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mmlu_kit.data import Count, Data, Document, Positive, version
from mmlu_kit.evaluation.answers import ROUNDING, Record, mass
from mmlu_kit.evaluation.continuations import Logprob
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.settings import FEWEST_CHOICES, LETTERS, MOST_CHOICES, DType, Letter, NumberFormat

DTYPES = (DType.FLOAT32, DType.BFLOAT16)
THREADS = (1, 2)
Setting = Literal["dtype", "batching", "threads"]


class Batching(StrEnum):
    """How questions are batched: one at a time with the model's own attention, or packed."""

    UNPACKED = "alone"
    PACKED = "packed"


class RunSettings(Data):
    """The settings of a run."""

    dtype: NumberFormat
    batching: Batching
    threads: Positive

    def in_words(self) -> str:
        """Return 'float32 packed 2'."""
        return f"{self.dtype} {self.batching} {self.threads}"


def _probabilities(logprobs: list[float]) -> list[float]:
    if mass(logprobs) > 1 + ROUNDING:
        raise ValueError("the letters' probabilities add up to more than 1")
    return logprobs


# The log-probability of each letter of a question's choices, in order.
LogprobList = Annotated[
    list[Logprob], Field(min_length=FEWEST_CHOICES, max_length=MOST_CHOICES), AfterValidator(_probabilities)
]


class StabilityRun(RunSettings):
    """The answers of one run."""

    packing: Packing = Field(description="Which questions were computed together.")
    correct: Count
    predicted: list[Letter] | None = Field(description="The best letter of each question; null in merged.json.")
    logprobs: list[LogprobList] | None = Field(
        description="The letters' log-probabilities, over all orders if several were asked; null in merged.json."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.predicted is None) != (self.logprobs is None):
            raise ValueError("predicted and logprobs are null only together")
        letters, logprobs = self.predicted or [], self.logprobs or []
        if len(letters) != len(logprobs) or (self.predicted is not None and len(letters) != self.questions):
            raise ValueError("predicted, logprobs and packing are of different numbers of questions")
        for number, (letter, values) in enumerate(zip(letters, logprobs, strict=True)):
            if letter not in tuple(LETTERS[: len(values)]):
                raise ValueError(f"predicted is beyond the {len(values)} choices of answer {number}")
            if values[LETTERS.index(letter)] != max(values):
                raise ValueError(f"predicted is not the most probable letter of answer {number}")
        return self

    @property
    def questions(self) -> int:
        """The number of questions."""
        return self.packing.questions

    @property
    def settings(self) -> RunSettings:
        """The run's settings alone."""
        return RunSettings(dtype=self.dtype, batching=self.batching, threads=self.threads)


class StabilityComparison(Data):
    """Two runs that differ in one setting only."""

    changed: Setting = Field(description="The setting in which they differ.")
    runs: tuple[RunSettings, RunSettings]
    flips: Count = Field(description="Questions with different answers.")
    largest_difference: float = Field(ge=0, description="Largest difference of a letter's log-probability.")
    margins: list[Annotated[float, Field(ge=0)]] = Field(
        description="For each changed answer, the difference of the two letters' log-probabilities in the first run."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        first, second = self.runs
        if [name for name in RunSettings.model_fields if getattr(first, name) != getattr(second, name)] != [self.changed]:
            raise ValueError(f"its runs do not differ in {self.changed} alone")
        if self.flips != len(self.margins):
            raise ValueError("flips is not the number of margins")
        return self


class StabilityFile(Document):
    """stability.json: the same questions scored in several ways."""

    schema_: Literal["mmlu-kit/stability/5"] = version("mmlu-kit/stability/5")
    model: str
    subjects: list[str]
    questions: Positive
    runs: list[StabilityRun]
    comparisons: list[StabilityComparison]

    @model_validator(mode="after")
    def _counts_within_questions(self) -> Self:
        counts = [*(run.correct for run in self.runs), *(comparison.flips for comparison in self.comparisons)]
        if any(count > self.questions for count in counts):
            raise ValueError("a run's correct or a comparison's flips is larger than questions")
        if any(run.questions != self.questions for run in self.runs):
            raise ValueError("a run's packing is of another number of questions")
        settings = [run.settings for run in self.runs]
        if any(settings.count(each) > 1 for each in settings):
            raise ValueError("two runs have the same settings")
        if all(run.predicted is not None for run in self.runs) and self.comparisons != comparisons(self.runs):
            raise ValueError("comparisons are not those of the runs")
        return self

    def without_answers(self) -> "StabilityFile":
        """Return a copy without the answers to each question."""
        runs = [run.model_copy(update={"predicted": None, "logprobs": None}) for run in self.runs]
        return self.model_copy(update={"runs": runs})


def run(settings: RunSettings, records: Sequence[Record], packing: Packing) -> StabilityRun:
    """Return the answers of one run: each question's best letter and the letters' log-probabilities."""
    logprobs = [[(record.choice_logprobs or {})[letter] for letter in record.letters] for record in records]
    return StabilityRun(
        **dict(settings),
        packing=packing,
        correct=sum(record.correct for record in records),
        predicted=[record.predicted or "" for record in records],
        logprobs=logprobs,
    )


def comparisons(runs: Sequence[StabilityRun]) -> list[StabilityComparison]:
    """Compare every two runs that differ in one setting only, ordered by threads, batching, number format."""
    order: tuple[Setting, ...] = ("threads", "batching", "dtype")
    compared = []
    for first, second in itertools.combinations(runs, 2):
        changed = [setting for setting in order if getattr(first, setting) != getattr(second, setting)]
        if len(changed) == 1:
            compared.append(_compare(changed[0], first, second))
    return sorted(compared, key=lambda comparison: order.index(comparison.changed))


def _compare(changed: Setting, first: StabilityRun, second: StabilityRun) -> StabilityComparison:
    before, after = first.logprobs or [], second.logprobs or []
    margins = [
        round(max(logprobs) - logprobs[LETTERS.index(letter)], 6)
        for logprobs, letter_before, letter in zip(before, first.predicted or [], second.predicted or [], strict=True)
        if letter != letter_before
    ]
    differences = [abs(a - b) for x, y in zip(before, after, strict=True) for a, b in zip(x, y, strict=True)]
    return StabilityComparison(
        changed=changed,
        runs=(first.settings, second.settings),
        flips=len(margins),
        largest_difference=round(max(differences, default=0.0), 6),
        margins=margins,
    )

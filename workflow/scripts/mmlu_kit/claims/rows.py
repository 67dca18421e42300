"""A published number beside this run's: what the run has, and the verdict."""

from dataclasses import dataclass, replace
from typing import Self

from mmlu_kit import formatting, statistics
from mmlu_kit.claims.document import NumberResult, NumberVerdict, Stage, Unit
from mmlu_kit.evaluation.records import Totals
from mmlu_kit.results.summaries import Summary
from mmlu_kit.timing.machine import Machine

Reason = str  # why a run has no number
Counted = Summary | Totals


@dataclass(frozen=True)
class RunNumber:
    """A run's number: a published one from `low` to `high` counts as reproduced.

    `stage` is the first stage known to differ, and `reason` says what differs there or why the number may differ.
    """

    value: float
    low: float
    high: float
    stage: Stage | None = None
    reason: Reason | None = None

    def because(self, stage: Stage | None, reason: Reason) -> Self:
        """Return the number with where and why it may differ."""
        return replace(self, stage=stage, reason=reason)


def row(name: str, section: str, what: str, unit: Unit, published: float, number: RunNumber | Reason) -> NumberResult:
    """Return a published number beside what this run has, or the reason why it has nothing.

    `what` names the number among those of `name`, a model or a run: 'accuracy on anatomy'.
    """
    here = None if isinstance(number, str) else number
    if here is None:
        verdict = NumberVerdict.NOT_RUN
    else:
        verdict = NumberVerdict.REPRODUCED if here.low <= published <= here.high else NumberVerdict.DIFFERS
    return NumberResult(
        id=f"{name}: {what}",
        section=section,
        what=f"{what} of {name}",
        unit=unit,
        published=published,
        run=here.value if here else None,
        low=here.low if here else None,
        high=here.high if here else None,
        verdict=verdict,
        stage=here.stage if here and verdict == NumberVerdict.DIFFERS else None,
        reason=here.reason if here else str(number),
    )


def accuracy(counts: Counted) -> RunNumber:
    """Return the accuracy by the generated letter with its Wilson interval."""
    low, high = statistics.wilson(counts.correct_generated, counts.questions)
    return RunNumber(counts.correct_generated / counts.questions, low, high)


def within(value: float, factor: float) -> RunNumber:
    """Return a number that counts as any other within a factor."""
    return RunNumber(value, value / factor, value * factor)


def elsewhere(value: float, published: float, machine: Machine) -> str:
    """Say what a reader must know of a time beside that of another machine."""
    ratio = f"{formatting.ratio(value / published)} the published time"
    return f"{ratio}, on another machine: {machine.in_words()}; the writeup does not name its own"

"""Rows that compare a published number with this run's."""

from dataclasses import dataclass, replace
from typing import Self

from mmlu_kit import formatting
from mmlu_kit.claims.document import NumberResult, NumberVerdict, Stage, Unit
from mmlu_kit.results.summaries import Summary
from mmlu_kit.statistics import proportions
from mmlu_kit.timing.machine import Machine

Reason = str  # why a run has no number


@dataclass(frozen=True)
class RunNumber:
    """A run's number. A published number between `low` and `high` counts as reproduced.

    `stage` is the first stage known to differ; `reason` says what differs there, or why the number may differ.
    """

    value: float
    low: float
    high: float
    stage: Stage | None = None
    reason: Reason | None = None

    def because(self, stage: Stage | None, reason: Reason) -> Self:
        """Return a copy with the stage at which, and the reason why, the number may differ."""
        return replace(self, stage=stage, reason=reason)


def row(name: str, section: str, what: str, unit: Unit, published: float, number: RunNumber | Reason) -> NumberResult:
    """Compare a published number with this run's, or say why this run has none.

    `name` is a model or a run, `what` one of its numbers: 'accuracy on anatomy'.
    """
    run_number = None if isinstance(number, str) else number
    if run_number is None:
        verdict = NumberVerdict.NOT_RUN
    else:
        verdict = NumberVerdict.REPRODUCED if run_number.low <= published <= run_number.high else NumberVerdict.DIFFERS
    return NumberResult(
        id=f"{name}: {what}",
        section=section,
        what=f"{what} of {name}",
        unit=unit,
        published=published,
        run=run_number.value if run_number else None,
        low=run_number.low if run_number else None,
        high=run_number.high if run_number else None,
        verdict=verdict,
        stage=run_number.stage if run_number and verdict == NumberVerdict.DIFFERS else None,
        reason=run_number.reason if run_number else str(number),
    )


def accuracy(correct: int, questions: int, distinct: int | None = None) -> RunNumber:
    """Return an accuracy with the Wilson interval of as many questions as are `distinct`; by default, all."""
    share, number = correct / questions, distinct or questions
    low, high = proportions.wilson(share * number, number)
    return RunNumber(share, low, high)


def copies(summary: Summary) -> str:
    """Return the end of a reason that says which repeated questions a comparison counts twice; empty without any."""
    number = summary.every_copy.questions - summary.questions
    if not number:
        return ""
    return (
        f"; {formatting.plural(number, 'copy', 'copies')} of repeated questions count here, as in the published number, "
        f"but the interval is that of {summary.questions} questions"
    )


def within(value: float, factor: float) -> RunNumber:
    """Return a number that counts as equal to any other within a factor of it."""
    return RunNumber(value, value / factor, value * factor)


def on_another_machine(value: float, published: float, machine: Machine) -> str:
    """Return a warning for a time compared with one from another machine."""
    ratio = f"{formatting.ratio(value / published)} the published time"
    return f"{ratio}, on another machine: {machine.in_words()}; the machine of the published time is not known"

"""Rows that compare a published number with this run's."""

from dataclasses import dataclass, replace
from typing import Self

from mmlu_kit import formatting
from mmlu_kit.claims.document import NumberResult, NumberVerdict, Stage, Unit
from mmlu_kit.results.summaries import Summary
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


def accuracy(correct: int, questions: int, allowance: int) -> RunNumber:
    """Return an accuracy that counts as equal to any other within so many right answers of it.

    The questions are the same, so an equal model gives the same answers, and no sampling interval applies.
    """
    fewest, most = max(0, correct - allowance), min(questions, correct + allowance)
    return RunNumber(correct / questions, fewest / questions, most / questions)


def with_difference(reason: Reason, stage: Stage | None, number: RunNumber, questions: int, published: float) -> Reason:
    """Return the reason, after how many more or fewer answers are right than the published share of as many questions.

    If the questions are not as many as in the publication (the stage is `data`), answers cannot be counted against each other.
    """
    if stage == "data":
        return reason
    more = round((number.value - published) * questions)
    if not more:
        return f"as many right answers of {questions}; {reason}"
    direction, points = "more" if more > 0 else "fewer", 100 * more / questions
    return f"{abs(more)} {direction} right of {questions} ({points:+.1f} points); {reason}"


def copies(summary: Summary) -> str:
    """Return the end of a reason that says which repeated questions a comparison counts twice; empty without any."""
    number = summary.every_copy.questions - summary.questions
    if not number:
        return ""
    return f"; {formatting.plural(number, 'copy', 'copies')} of repeated questions count here, as in the published number"


def within(value: float, factor: float) -> RunNumber:
    """Return a number that counts as equal to any other within a factor of it."""
    return RunNumber(value, value / factor, value * factor)


def on_another_machine(value: float, published: float, machine: Machine, published_machine: str) -> str:
    """Return a warning for a time compared with one from another machine, of which `published_machine` says what is known."""
    ratio = f"{formatting.ratio(value / published)} the published time"
    return f"{ratio}, on another machine: {machine.in_words()}; {published_machine}"

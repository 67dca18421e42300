"""The appendix on a publication's claims and numbers."""

from collections import Counter
from dataclasses import dataclass

from mmlu_kit.claims.document import ClaimResult, ClaimsFile, ClaimVerdict, NumberResult, NumberVerdict
from mmlu_kit.formatting import cell, plain_cell, quantity
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows

# Verdicts can be told apart without colour.
_MARKS = {
    ClaimVerdict.HOLDS: "✓",
    ClaimVerdict.DOES_NOT_HOLD: "✗",
    ClaimVerdict.CANNOT_BE_TOLD: "?",
    ClaimVerdict.NOT_TESTABLE: "–",
}


@dataclass(frozen=True)
class Card:
    """A claim with both verdicts in one line of plain text; what is tested, None if nothing can be; and the evidence."""

    title: str
    tested: str | None
    published: str
    run: str


@dataclass(frozen=True)
class ClaimsSection:
    """Verdicts on claims, and published numbers compared with this run's."""

    publication: str
    same_models: bool
    verdicts: Rows
    claims: list[Card]
    summary: str
    numbers: Rows
    not_run: list[str]


def section(claims: ClaimsFile) -> ClaimsSection:
    """Return the appendix."""
    compared = [number for number in claims.numbers if number.verdict != NumberVerdict.NOT_RUN]
    not_run = [number for number in claims.numbers if number.verdict == NumberVerdict.NOT_RUN]
    return ClaimsSection(
        publication=claims.publication.name,
        same_models=claims.same_models,
        verdicts=[
            ["By the published numbers", *_counts([claim.published.verdict for claim in claims.claims])],
            ["By this run", *_counts([claim.run.verdict for claim in claims.claims])],
        ],
        claims=[_claim(claim) for claim in claims.claims],
        summary=_summary(claims.numbers, claims.publication.name),
        numbers=[_number(number) for number in compared],
        not_run=[cell(number.what) for number in not_run] if compared else [],
    )


def _counts(verdicts: list[ClaimVerdict]) -> Row:
    counts = Counter(verdicts)
    return [str(counts[verdict]) for verdict in ClaimVerdict]


def _claim(claim: ClaimResult) -> Card:
    published, run = claim.published, claim.run
    verdicts = f"published: {_MARKS[published.verdict]} {published.verdict}; this run: {_MARKS[run.verdict]} {run.verdict}"
    section = f"Section {plain_cell(claim.section)}: " if claim.section else ""
    return Card(
        title=f"{section}{plain_cell(claim.text)} ({verdicts})",
        tested=cell(claim.tested) if claim.tested else None,
        published=f"**{published.verdict}**: {cell(published.evidence)}",
        run=f"**{run.verdict}**: {cell(run.evidence)}",
    )


def _summary(numbers: list[NumberResult], publication: str) -> str:
    """Return how many published numbers are reproduced, and what that means."""
    counts = Counter(number.verdict for number in numbers)
    if counts[NumberVerdict.NOT_RUN] == len(numbers):
        reason = (numbers[0].reason if numbers else None) or "its models were not run"
        return f"None of {publication}'s {len(numbers)} numbers can be compared with this run: {reason}."
    return (
        f"{counts[NumberVerdict.REPRODUCED]} of {len(numbers)} published numbers reproduced, "
        f"{counts[NumberVerdict.DIFFERS]} different, {counts[NumberVerdict.NOT_RUN]} not run. The questions are the "
        "same, so a published accuracy counts as reproduced if about as many answers are right, and a time, as machines "
        "differ, within a factor: the reference's `published.yaml` sets how far both may differ."
    )


def _number(number: NumberResult) -> Row:
    values = (number.published, number.run, number.low, number.high)
    stage = ": ".join(filter(None, (number.stage, cell(number.reason) if number.reason else None)))
    return [
        cell(number.section) or NOT_KNOWN,
        cell(number.what),
        *(quantity(value, number.unit) for value in values),
        number.verdict,
        stage or NOT_KNOWN,
    ]

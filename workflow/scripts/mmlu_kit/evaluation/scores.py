"""The accuracies of an evaluation, by subject and over all of them: what mmlu-kit evaluate prints."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field

from mmlu_kit.data import Count, Data, Document, Fraction, Positive, version
from mmlu_kit.evaluation.answers import Record, Totals
from mmlu_kit.evaluation.process import Job, Scored
from mmlu_kit.evaluation.records import SCORING
from mmlu_kit.formatting import columns, percent
from mmlu_kit.settings import Effective, Requested
from mmlu_kit.statistics import intervals


class Accuracy(Data):
    """The share of right answers, with the 95 % Wilson interval."""

    correct: Count
    value: Fraction
    low: Fraction
    high: Fraction

    @classmethod
    def of(cls, correct: int, questions: int) -> Self:
        """Return the accuracy of at least one question."""
        low, high = intervals.wilson(correct, questions)
        return cls(correct=correct, value=correct / questions, low=low, high=high)


class SubjectScores(Data):
    """The accuracies on some questions."""

    questions: Positive
    best: Accuracy = Field(description="By the best answer: the most probable letter or, of a cloze preset, choice.")
    generated: Accuracy | None = Field(
        description="By the letter in the generated text, where an unparsed one is wrong; null if nothing was generated."
    )
    parsed: Count | None = Field(description="Answers from which a letter could be parsed; null if nothing was generated.")

    @classmethod
    def over(cls, records: Sequence[Record]) -> Self:
        """Return the accuracies on the questions of at least one record."""
        totals = Totals.over(records)
        right = totals.correct_generated
        return cls(
            questions=totals.questions,
            best=Accuracy.of(totals.correct, totals.questions),
            generated=None if right is None else Accuracy.of(right, totals.questions),
            parsed=totals.parsed,
        )


class Scores(Document):
    """What `mmlu-kit evaluate --json` prints: the accuracies of one model, by subject and over all of them."""

    schema_: Literal["mmlu-kit/scores/1"] = version("mmlu-kit/scores/1")
    scoring: Positive = Field(description="The version of the kit's scoring.")
    model: str = Field(description="The model's name in config, or that of its folder or file.")
    repository: str | None = Field(description="The model's repository on the hub; null for a local one.")
    commit: str | None = Field(description="The repository's commit; null for a local model.")
    requested: Requested = Field(description="The configuration that was requested.")
    effective: Effective | None = Field(description="The configuration in which the model ran; null if it was not run.")
    reason: str | None = Field(description="Why it did not run as requested, or at all; null if it did.")
    subjects: dict[str, SubjectScores] = Field(description="By subject; empty if the model was not run.")
    overall: SubjectScores | None = Field(
        description="Over all subjects, where a question that occurs more than once counts once; null if the model was not run."
    )


def scores(job: Job, scored: Scored) -> Scores:
    """Return the accuracies of an evaluation."""
    return Scores(
        scoring=SCORING,
        model=job.name,
        repository=scored.manifest.repository,
        commit=scored.manifest.commit,
        requested=job.requested,
        effective=scored.effective,
        reason=scored.reason,
        subjects={subject: SubjectScores.over(records) for subject, records in scored.by_subject.items()},
        overall=SubjectScores.over(scored.counted) if scored.records else None,
    )


def table(scores: Scores) -> list[str]:
    """Return the lines of a table for the terminal; none if the model was not run."""
    if scores.overall is None:
        return []
    best = "best choice" if scores.requested.preset.is_cloze else "best letter"
    rows = [["subject", "n", "metric", "accuracy", "95% interval"]]
    overall = [("all subjects", scores.overall)] if len(scores.subjects) > 1 else []
    for subject, result in [*scores.subjects.items(), *overall]:
        rows.append([subject, str(result.questions), best, *_cells(result.best)])
        if result.generated:
            rows.append(["", "", "generated letter", *_cells(result.generated)])
    return columns(rows, numbers=(1, 3))


def _cells(accuracy: Accuracy) -> list[str]:
    return [percent(accuracy.value), f"{percent(accuracy.low)} to {percent(accuracy.high)}"]

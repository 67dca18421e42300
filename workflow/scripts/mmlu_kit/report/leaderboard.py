"""All models of a study in order of accuracy: how they were asked, in which precision, and how long a question took."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmlu_kit import settings
from mmlu_kit.results import protocols, summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Summary
from mmlu_kit.settings import Effective, Quantization


@dataclass(frozen=True)
class Entry:
    """A model's place on the leaderboard.

    `weights` is the first model of the study with the same weights; `ran_as` is how the model ran if not as requested. What is
    not known of imported answers is None.
    """

    summary: Summary
    weights: str
    parameters: int | None
    precision: str | None
    ran_as: str | None

    @property
    def readable(self) -> float | None:
        """The share of answers that a choice could be read from; None if nothing is generated."""
        return self.summary.parse_rate

    @property
    def seconds_a_question(self) -> float | None:
        """The real time divided by the number of questions, without startup and loading; None if it is not known."""
        summary = self.summary
        return None if summary.real_s is None else summary.real_s / summary.every_copy.questions


def entries(merged: Merged) -> list[Entry]:
    """Return the models of the study's groups with results, the most accurate first; models as accurate keep their order.

    If no group has a result, it is the baseline, on its subjects.
    """
    groups = [summary for group in merged.study.groups for summary in summaries.summarize_group(merged, group)]
    by_model = {summary.model: summary for summary in groups}
    baseline = merged.study.baseline
    if not by_model and baseline:
        summary = summaries.summarize(merged, baseline.model, baseline.subjects)
        by_model = {summary.model: summary} if summary else {}
    first = protocols.first_of_each(merged.study.models, by_model)
    placed = [
        _entry(merged, summary, next(one for one in first if _same_weights(merged, one, name)))
        for name, summary in by_model.items()
    ]
    return sorted(placed, key=lambda entry: -entry.summary.accuracy)


def common_questions(placed: Sequence[Entry]) -> int | None:
    """Return the number of questions that each model answered; None if it differs."""
    numbers = {entry.summary.questions for entry in placed}
    return numbers.pop() if len(numbers) == 1 else None


def _same_weights(merged: Merged, one: str, other: str) -> bool:
    return one == other or len(protocols.first_of_each(merged.study.models, [one, other])) == 1


def _entry(merged: Merged, summary: Summary, weights: str) -> Entry:
    model = merged.models[summary.model]
    requested, effective = model.requested, model.effective
    differs = requested and effective and settings.differences(requested, effective)
    return Entry(
        summary=summary,
        weights=weights,
        parameters=model.parameters,
        precision=_precision(effective) if effective else None,
        ran_as=settings.in_words(effective) if differs and effective else None,
    )


def _precision(effective: Effective) -> str:
    """Return 'float32', 'bfloat16, 4bit'."""
    words = [str(effective.dtype)]
    words += [str(effective.quantization)] if effective.quantization != Quantization.NONE else []
    return ", ".join([*words, *([f"saved as {effective.saved}"] if effective.saved else [])])

"""Tests of what a claim says of subjects at every model: true of all, untrue of one, or neither shown."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Counts, ModelEvidence
from mmlu_kit.claims.verdicts import shown
from mmlu_kit.statistics import ALPHA, multiple, two_by_two


@dataclass(frozen=True)
class Tested:
    """What a claim says of one model, as comparisons: whether its accuracies have that order, and p-values for and against."""

    model: ModelEvidence
    in_order: bool
    p_for: Sequence[float]
    p_against: Sequence[float]


def lower(model: ModelEvidence, comparisons: Sequence[tuple[Counts, Counts]]) -> Tested:
    """Test, for a model, that the first accuracy of each pair is lower than the second, on different questions."""
    return Tested(
        model,
        all(low.accuracy <= high.accuracy for low, high in comparisons),
        [larger_share(high, low) for low, high in comparisons],
        [larger_share(low, high) for low, high in comparisons],
    )


def everywhere(tested: Sequence[Tested], line: str) -> Judgement:
    """Return the judgement on a claim about every model: it holds if each comparison is significant for each model, and does
    not hold if one is significant the other way, with Holm's correction for all of them, or if published numbers, which the
    claim describes, have another order."""
    corrected = iter(multiple.holm([p for each in tested for p in each.p_against]))
    against = [[next(corrected) for _ in each.p_against] for each in tested]
    untrue = [each.model.short for each, values in zip(tested, against, strict=True) if min(values, default=1) < ALPHA]
    true = [each.model.short for each in tested if max(each.p_for, default=1) < ALPHA]
    return _judgement(len(tested), true, untrue, [each.model for each in tested if not each.in_order], line)


@dataclass(frozen=True)
class Place:
    """A subject's rank for one model, 1 for the first, and the ranks that its accuracies allow."""

    model: ModelEvidence
    rank: int
    lowest: int
    highest: int


def places(models: Sequence[ModelEvidence], subject: str, hardest: bool = False) -> list[Place]:
    """Return a subject's rank for each model, from the best or the hardest, and the ranks that remain possible: subjects whose
    accuracy differs significantly are before or after it, with Holm's correction over models and subjects."""
    names = [[name for name in model.subjects if name != subject] for model in models]
    pairs = [
        (model.subjects[name], model.subjects[subject]) for model, others in zip(models, names, strict=True) for name in others
    ]
    better = iter(multiple.holm([larger_share(other, this) for other, this in pairs]))
    worse = iter(multiple.holm([larger_share(this, other) for other, this in pairs]))
    ranked = []
    for model, others in zip(models, names, strict=True):
        above, below = (sum(next(values) < ALPHA for _ in others) for values in (better, worse))
        before, after = (below, above) if hardest else (above, below)
        ranked.append(Place(model, model.rank(subject, hardest), 1 + before, 1 + len(others) - after))
    return ranked


def places_are(ranked: Sequence[Place], first: int, last: int, line: str) -> Judgement:
    """Return the judgement on a claim that a subject's rank is between two ranks for every model. Published ranks are what the
    claim describes, so others contradict it."""
    true = [place.model.short for place in ranked if first <= place.lowest and place.highest <= last]
    untrue = [place.model.short for place in ranked if place.lowest > last or place.highest < first]
    return _judgement(len(ranked), true, untrue, [place.model for place in ranked if not first <= place.rank <= last], line)


def larger_share(first: Counts, second: Counts) -> float:
    """Return the p-value for a first accuracy above a second, on different questions."""
    return two_by_two.larger_share(first.correct, first.questions, second.correct, second.questions)


def together(counts: Sequence[Counts]) -> Counts:
    """Return counts over several subjects."""
    return reduce(add, counts)


def _judgement(
    models: int, true: Sequence[str], untrue: Sequence[str], out_of_order: Sequence[ModelEvidence], line: str
) -> Judgement:
    line += f"; beyond chance, true of {len(true)} of {formatting.plural(models, 'model')}"
    line += f" and untrue of {', '.join(untrue)}" if untrue else ""
    contradicted = [model.short for model in out_of_order if model.effective is None]
    line += f"; the published numbers contradict it for {', '.join(contradicted)}" if contradicted else ""
    return shown(len(true) == models, bool(untrue or contradicted), line)

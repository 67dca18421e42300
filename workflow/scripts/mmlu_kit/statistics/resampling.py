"""Intervals by resampling: of rank correlations of subjects, and of how far models miss the same questions.

Noise biases both: it lowers correlations, and raises kappa's share of what the accuracies allow. The percentile interval of the
draws has this bias twice; the basic interval, mirrored at the observed value, corrects it but is too narrow at the ends of the
scale (Davison and Hinkley 1997, Bootstrap Methods, section 5.2). An interval here covers both.
"""

from typing import NamedTuple

import numpy
from numpy.typing import ArrayLike, NDArray

from mmlu_kit.statistics import ALPHA, DRAWS, SEED, ranks

ENDS = (ALPHA / 2, 1 - ALPHA / 2)


class Estimate(NamedTuple):
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


class Correlations(NamedTuple):
    """Rank correlations of every two models, in the order of `combinations`, and their mean."""

    pairs: list[Estimate]
    mean: Estimate


def rank_correlations(correct: ArrayLike, questions: ArrayLike, draws: int = DRAWS) -> Correlations:
    """Return Spearman's correlations of models' accuracies over subjects, with 95 % bootstrap intervals.

    Both arrays are models × subjects, and no model's accuracy may be constant. Right answers are drawn anew from binomial
    distributions.
    """
    right, totals = numpy.asarray(correct, int), numpy.asarray(questions, int)
    random = numpy.random.default_rng(SEED)
    drawn = random.binomial(totals, (right + 0.5) / (totals + 1), (draws, *totals.shape)) / totals
    pairs = numpy.triu_indices(len(totals), 1)  # in the order of `combinations`
    observed, resampled = (ranks.rank_correlations(ranks.centred_ranks(accuracies)) for accuracies in (right / totals, drawn))
    return _correlations(observed[pairs], resampled[:, *pairs])


def shared_kappa(correct: ArrayLike, choices: ArrayLike, draws: int = DRAWS) -> Correlations | None:
    """Return kappa of right and wrong over the largest kappa that the accuracies allow, of every two models, with 95 %
    bootstrap intervals over questions.

    `correct` is questions × models. What is expected of independent models comes from their accuracies on questions with as
    many choices. None if this is not defined for a pair.
    """
    right, numbers = numpy.asarray(correct, bool), numpy.asarray(choices)
    # Questions of one kind (number of choices, which models are right) are drawn together.
    kinds, counts = numpy.unique(numpy.column_stack([numbers, right]), axis=0, return_counts=True)
    random = numpy.random.default_rng(SEED)
    drawn = numpy.vstack([counts, random.multinomial(len(right), counts / len(right), draws)]).astype(float)
    first, second = numpy.triu_indices(right.shape[1], 1)  # in the order of `combinations`
    patterns = kinds[:, 1:].astype(float)
    observed, expected, largest = (numpy.zeros((len(drawn), len(first))) for _ in range(3))
    for number in numpy.unique(numbers):
        of = kinds[:, 0] == number
        weights, rows = drawn[:, of], patterns[of]
        total = weights.sum(axis=1, keepdims=True)
        one, other = (weights @ rows[:, columns] / numpy.maximum(total, 1) for columns in (first, second))
        observed += weights @ (rows[:, first] == rows[:, second]).astype(float)
        expected += total * (one * other + (1 - one) * (1 - other))
        largest += total * (1 - abs(one - other))
    reachable = largest - expected
    if (reachable[0] <= 0).any():
        return None
    ratios = numpy.divide(observed - expected, reachable, out=numpy.zeros_like(observed), where=reachable > 1e-12)
    return _correlations(ratios[0], ratios[1:])


def _correlations(observed: NDArray[numpy.float64], drawn: NDArray[numpy.float64]) -> Correlations:
    """Return the pairs' values and their mean with intervals; `drawn` has shape (draws, pairs)."""
    return Correlations(
        [_estimate(float(value), column) for value, column in zip(observed, drawn.T, strict=True)],
        _estimate(float(observed.mean()), drawn.mean(axis=1)),
    )


def _estimate(value: float, drawn: NDArray[numpy.float64]) -> Estimate:
    low, high = (float(end) for end in numpy.quantile(drawn, ENDS))
    return Estimate(value, max(-1.0, min(low, 2 * value - high)), min(1.0, max(high, 2 * value - low)))

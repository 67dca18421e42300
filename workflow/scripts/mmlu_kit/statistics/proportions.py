"""Proportions of right answers, and means: tests against guessing and against 0, and intervals."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mmlu_kit.statistics import ALPHA


class Mean(NamedTuple):
    """A mean or difference, the ends of its 95 % interval, and its p-value against 0."""

    mean: float
    low: float
    high: float
    p: float


def better_than_guessing(correct: int, chances: Sequence[float]) -> float:
    """Return the exact p-value: the probability of at least this many right answers by guessing; 1 if there is no question.

    `chances` has each question's probability of being guessed right, so the number of right answers is Poisson-binomial.
    """
    equal, others = _guesses(chances)
    return min(1.0, float(others @ equal.sf(correct - 1 - numpy.arange(len(others)))))


def worse_than_guessing(correct: int, chances: Sequence[float]) -> float:
    """Return the exact p-value: the probability of at most this many right answers by guessing; 1 if there is no question."""
    equal, others = _guesses(chances)
    return min(1.0, float(others @ equal.cdf(correct - numpy.arange(len(others)))))


def _guesses(chances: Sequence[float]) -> tuple[Any, NDArray[numpy.float64]]:
    """Return the distribution of the right guesses among the questions with the most common chance, a binomial one, and the
    probabilities of 0, 1, … right guesses among the others: the convolution of a binomial distribution for each chance."""
    (chance, number), *rest = sorted(Counter(chances).items(), key=lambda item: (-item[1], item[0])) or [(1.0, 0)]
    others = numpy.ones(1)
    for other, questions in rest:
        others = numpy.convolve(others, stats.binom.pmf(numpy.arange(questions + 1), questions, other))
    return stats.binom(number, chance), others


def independent_difference(first: int, first_trials: int, second: int, second_trials: int) -> Mean:
    """Return the first minus the second of two proportions of different trials, with Newcombe's 95 % interval (method 10 of
    1998, Statistics in Medicine 17, 873-890) and the p-value of Fisher's exact test."""
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(first, first_trials, second, second_trials, method="newcomb", compare="diff")
    p = stats.fisher_exact([[first, first_trials - first], [second, second_trials - second]]).pvalue
    return Mean(first / first_trials - second / second_trials, float(low), float(high), min(1.0, float(p)))


def mean_test(values: ArrayLike) -> Mean | None:
    """Return the mean with its 95 % interval and the two-sided p-value of the t-test against 0; None if nothing varies."""
    sample = numpy.asarray(values, float)
    if len(sample) < 2 or sample.min() == sample.max():
        return None
    test = stats.ttest_1samp(sample, 0)
    low, high = test.confidence_interval(1 - ALPHA)
    return Mean(float(sample.mean()), float(low), float(high), float(test.pvalue))

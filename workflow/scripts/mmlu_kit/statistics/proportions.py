"""Proportions of right answers: tests against guessing, and intervals."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mmlu_kit.statistics import ALPHA

# statsmodels imports pandas, which takes a second; who only reads claims or checks a study computes nothing with it.


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


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


def wilson(successes: float, trials: int) -> Interval:
    """Return the 95 % Wilson score interval of a proportion, which contains it even after rounding."""
    from statsmodels.stats.proportion import proportion_confint

    low, high = proportion_confint(successes, trials, alpha=ALPHA, method="wilson")
    return Interval(min(float(low), successes / trials), max(float(high), successes / trials))


def clustered_interval(correct: ArrayLike, clusters: ArrayLike) -> Interval | None:
    """Return the 95 % interval of an accuracy with whole clusters (subjects) as the sampling unit.

    Uses the mean's cluster-robust standard error (Miller 2024, https://arxiv.org/abs/2411.00640, section 2.2) and Student's t
    with clusters - 1 degrees of freedom; clipped to [0, 1]. None if all answers are right or all are wrong.
    """
    outcomes = numpy.asarray(correct, float)
    if outcomes.min() == outcomes.max():
        return None
    groups = {"groups": numpy.unique(clusters, return_inverse=True)[1]}
    from statsmodels.regression.linear_model import OLS

    fit = OLS(outcomes, numpy.ones_like(outcomes)).fit(cov_type="cluster", cov_kwds=groups, use_t=True)
    low, high = fit.conf_int(alpha=ALPHA)[0]
    return Interval(max(0.0, float(low)), min(1.0, float(high)))


def std_dev(values: Sequence[float]) -> float:
    """Return the population standard deviation."""
    return float(numpy.std(values))

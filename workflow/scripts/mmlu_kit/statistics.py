"""Statistical tests and intervals on counts and arrays. Nothing here knows of files, models or subjects.

`correct` arrays are true where an answer is right. A test that cannot be made (nothing varies, nothing to compare) returns
None, or has None for a p-value.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats import contingency_tables, multitest
from statsmodels.stats.proportion import proportion_confint

from mmlu_kit.settings import CHANCE

# A p-value below ALPHA is called significant, and intervals hold 1 - ALPHA.
ALPHA, POWER = 0.05, 0.8
# Random draws of a permutation test: the smallest p-value is 1 / (DRAWS + 1).
DRAWS, SEED = 1999, 2025
FEWEST_EXPECTED = 5  # in a cell of a chi-square test


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


class CochranQ(NamedTuple):
    """The result of Cochran's Q test."""

    statistic: float
    df: int
    p: float


class KendallW(NamedTuple):
    """Kendall's coefficient of concordance, with Friedman's test of it."""

    w: float
    chi2: float
    df: int
    p: float


class Correlation(NamedTuple):
    """A rank correlation and its p-value."""

    rho: float | None
    p: float | None


class ChiSquare(NamedTuple):
    """The result of a chi-square test."""

    chi2: float | None
    df: int | None
    p: float | None


def better_than_guessing(correct: int, questions: int, chance: float = CHANCE) -> float:
    """Return the exact binomial p-value of this many right answers or more from guessing."""
    return float(stats.binomtest(correct, questions, chance, alternative="greater").pvalue)


def worse_than_guessing(correct: int, questions: int, chance: float = CHANCE) -> float:
    """Return the exact binomial p-value of this many right answers or fewer from guessing."""
    return float(stats.binomtest(correct, questions, chance, alternative="less").pvalue)


def wilson(successes: int, trials: int) -> Interval:
    """Return the 95 % Wilson score interval of a proportion."""
    low, high = proportion_confint(successes, trials, alpha=ALPHA, method="wilson")
    return Interval(float(low), float(high))


def clustered_interval(correct: ArrayLike, clusters: ArrayLike) -> Interval | None:
    """Return the 95 % interval of an accuracy when whole clusters (subjects) were sampled, not single questions.

    The mean's cluster-robust standard error (Miller 2024, https://arxiv.org/abs/2411.00640, section 2.2) with Student's t
    on clusters - 1 degrees of freedom, cut to [0, 1]. None if every answer is right or every answer is wrong.
    """
    outcomes = numpy.asarray(correct, float)
    if outcomes.min() == outcomes.max():
        return None
    groups = {"groups": numpy.unique(clusters, return_inverse=True)[1]}
    fit = OLS(outcomes, numpy.ones_like(outcomes)).fit(cov_type="cluster", cov_kwds=groups, use_t=True)
    low, high = fit.conf_int(alpha=ALPHA)[0]
    return Interval(max(0.0, float(low)), min(1.0, float(high)))


def std_dev(values: Sequence[float]) -> float:
    """Return the standard deviation of a whole population."""
    return float(numpy.std(values))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided McNemar p-value of two models, from the questions that only one of them got right."""
    return float(contingency_tables.mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number by Holm's method."""
    return [float(p) for p in multitest.multipletests(p_values, method="holm")[1]] if len(p_values) else []


def smallest_difference(questions: int, discordant: float) -> float | None:
    """Return the smallest difference in accuracy that the exact McNemar test at 5 % finds with a power of 80 %.

    `discordant` is the share of questions that only one of two models gets right. Of n questions, D ~ Binomial(n, discordant)
    are discordant, and Binomial(D, (1 + difference / discordant) / 2) of these favour the better model. The power is the
    probability that the test's p-value is then at most 0.05, summed over all D (Schork and Williams 1980, Communications in
    Statistics B 9, 349-357). None if the test would miss even a model that wins every discordant question.
    """
    if not discordant:
        return None
    number = numpy.arange(questions + 1)
    weight = stats.binom.pmf(number, questions, discordant)
    number, weight = number[weight > 1e-12], weight[weight > 1e-12]
    # The most wins of the worse model at which the test still rejects; -1 where it cannot.
    worse = stats.binom.ppf(ALPHA / 2, number, 0.5)
    worse -= stats.binom.cdf(worse, number, 0.5) > ALPHA / 2

    def excess_power(difference: float) -> float:
        favoured = (1 + difference / discordant) / 2
        rejected = stats.binom.cdf(worse, number, 1 - favoured) + stats.binom.cdf(worse, number, favoured)
        return float(weight @ rejected) - POWER

    return float(optimize.brentq(excess_power, 0, discordant)) if excess_power(discordant) >= 0 else None


def cochran_q(correct: NDArray[numpy.bool_]) -> CochranQ | None:
    """Test whether models differ in accuracy; `correct` is questions × models. None if they agree on every question."""
    if (correct == correct[:, :1]).all():
        return None
    test = contingency_tables.cochrans_q(correct)
    return CochranQ(float(test.statistic), int(test.df), float(test.pvalue))


def kendall_w(ratings: NDArray[numpy.float64]) -> KendallW | None:
    """Return Kendall's W of `ratings` (models × subjects): 1 if all models order the subjects alike, 0 if orders are unrelated.

    From Friedman's test, corrected for ties: W = chi2 / (models (subjects - 1)). None under two models or three subjects, or
    if each model rates all subjects the same.
    """
    models, subjects = ratings.shape
    if models < 2 or subjects < 3 or (ratings == ratings[:, :1]).all():
        return None
    chi2, p = stats.friedmanchisquare(*ratings.T)
    return KendallW(float(chi2 / (models * (subjects - 1))), float(chi2), subjects - 1, float(p))


def spearman(first: ArrayLike, second: ArrayLike) -> Correlation:
    """Return Spearman's rank correlation with its two-sided permutation p-value.

    Under eight values every order is tried, else DRAWS random ones. Both numbers are None under three values, or if one of the
    two does not vary.
    """
    ranks, others = stats.rankdata(first), stats.rankdata(second)
    if len(ranks) < 3 or ranks.min() == ranks.max() or others.min() == others.max():
        return Correlation(None, None)
    test = stats.permutation_test(
        (ranks - ranks.mean(),),  # only these are permuted, so that each order against the others is tried once
        lambda permuted, axis=-1: numpy.sum(permuted * others, axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=DRAWS,
        rng=numpy.random.default_rng(SEED),
    )
    return Correlation(float(stats.spearmanr(ranks, others).statistic), float(test.pvalue))


def poisson_binomial(rates: Sequence[float]) -> list[float]:
    """Return the probabilities that 0, 1, … all of independent models miss a question; `rates` are their error rates."""
    return [float(share) for share in stats.poisson_binom.pmf(numpy.arange(len(rates) + 1), rates)]


def goodness_of_fit(observed: Sequence[float], expected: Sequence[float]) -> ChiSquare:
    """Test counts against expected counts whose mean was fitted to them, by Pearson's chi-square.

    Cells at either end are pooled until each has an expected count of five. One degree of freedom is lost to the total and
    one to the mean. All numbers are None if fewer than three cells are left.
    """
    counts, means = list(map(float, observed)), list(map(float, expected))
    for end in (0, -1):
        while len(means) > 1 and means[end] < FEWEST_EXPECTED:
            inner = 1 if end == 0 else -2
            counts[inner] += counts[end]
            means[inner] += means[end]
            del counts[end], means[end]
    if len(means) < 3 or min(means) < FEWEST_EXPECTED:
        return ChiSquare(None, None, None)
    total = sum(means)
    chi2, p = stats.chisquare(counts, [mean * sum(counts) / total for mean in means], ddof=1)
    return ChiSquare(float(chi2), len(means) - 2, float(p))

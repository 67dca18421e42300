"""Statistical tests and intervals on counts and arrays, independent of files and models.

`correct` arrays are true where an answer is right. A test that cannot be done (nothing varies, nothing to compare) returns
None, or None as its p-value.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

# statsmodels imports pandas, which takes a second; who only reads claims or checks a study computes nothing with it.
# P-values below ALPHA are called significant; intervals have a coverage of 1 - ALPHA.
ALPHA, POWER = 0.05, 0.8
# Random draws of a permutation test: the smallest p-value is 1 / (DRAWS + 1).
DRAWS, SEED = 1999, 2025
MIN_EXPECTED = 5  # expected count in each cell of a chi-square test


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
    """Kendall's coefficient of concordance, with Friedman's test."""

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


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the exact two-sided McNemar p-value from the numbers of questions that only one of two models got right."""
    from statsmodels.stats import contingency_tables

    return float(contingency_tables.mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue)


def paired_interval(both: int, only_first: int, only_second: int, neither: int) -> Interval:
    """Return the 95 % interval of the first minus the second of two accuracies on the same questions, from the numbers of
    questions that both, only one or neither got right.

    Method 10 of Newcombe 1998 (Statistics in Medicine 17, 2635-2650): Wilson's intervals of the two accuracies, combined with
    their correlation, which is corrected for continuity if positive.
    """
    questions, first, second = both + only_first + only_second + neither, both + only_first, both + only_second
    (low, high), (other_low, other_high) = wilson(first, questions), wilson(second, questions)
    accuracy, other = first / questions, second / questions
    covariance = float(both * neither - only_first * only_second)
    if covariance > 0:
        covariance = max(0.0, covariance - questions / 2)
    margins = first * (questions - first) * second * (questions - second)
    correlation = covariance / margins**0.5 if margins else 0.0

    def reach(one: float, two: float) -> float:
        return max(0.0, one**2 - 2 * correlation * one * two + two**2) ** 0.5

    difference = accuracy - other
    lowest = difference - reach(accuracy - low, other_high - other)
    highest = difference + reach(high - accuracy, other - other_low)
    return Interval(max(-1.0, lowest), min(1.0, highest))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for multiple testing by Holm's method."""
    # statsmodels' function also collects garbage, which takes a second among the records of a large study.
    values, number = numpy.asarray(p_values, float), len(p_values)
    order = numpy.argsort(values, kind="stable")
    corrected = numpy.empty(number)
    corrected[order] = numpy.minimum(numpy.maximum.accumulate(values[order] * numpy.arange(number, 0, -1)), 1)
    return [float(p) for p in corrected]


def smallest_difference(questions: int, discordant: float) -> float | None:
    """Return the smallest difference in accuracy that the exact McNemar test at 5 % detects with a power of 80 %.

    `discordant` is the share of questions that only one of two models gets right. Of n questions, D ~ Binomial(n, discordant)
    are discordant, and Binomial(D, (1 + difference / discordant) / 2) of these favour the better model. The power is the
    probability that the test's p-value is then at most 0.05, summed over all D (Schork and Williams 1980, Communications in
    Statistics B 9, 349-357). None if the power is lower even for a model that wins every discordant question.
    """
    if not discordant:
        return None
    number = numpy.arange(questions + 1)
    weight = stats.binom.pmf(number, questions, discordant)
    number, weight = number[weight > 1e-12], weight[weight > 1e-12]
    # The most wins of the worse model with which the test still rejects; -1 if it never does.
    worse = stats.binom.ppf(ALPHA / 2, number, 0.5)
    worse -= stats.binom.cdf(worse, number, 0.5) > ALPHA / 2

    def excess_power(difference: float) -> float:
        favoured = (1 + difference / discordant) / 2
        rejected = stats.binom.cdf(worse, number, 1 - favoured) + stats.binom.cdf(worse, number, favoured)
        return float(weight @ rejected) - POWER

    return float(optimize.brentq(excess_power, 0, discordant)) if excess_power(discordant) >= 0 else None


def cochran_q(correct: NDArray[numpy.bool_]) -> CochranQ | None:
    """Test whether models differ in accuracy; `correct` has shape (questions, models). None if they agree on every question."""
    if (correct == correct[:, :1]).all():
        return None
    from statsmodels.stats import contingency_tables

    test = contingency_tables.cochrans_q(correct)
    return CochranQ(float(test.statistic), int(test.df), float(test.pvalue))


def kendall_w(ratings: NDArray[numpy.float64]) -> KendallW | None:
    """Return Kendall's W of `ratings`, shape (models, subjects): 1 if all models rank the subjects alike, 0 without agreement.

    From Friedman's test, corrected for ties: W = chi2 / (models (subjects - 1)). None with fewer than two models or three
    subjects, or if each model rates all subjects the same.
    """
    models, subjects = ratings.shape
    if models < 2 or subjects < 3 or (ratings == ratings[:, :1]).all():
        return None
    chi2, p = stats.friedmanchisquare(*ratings.T)
    return KendallW(float(chi2 / (models * (subjects - 1))), float(chi2), subjects - 1, float(p))


def spearman(first: ArrayLike, second: ArrayLike) -> Correlation:
    """Return Spearman's rank correlation with its two-sided permutation p-value.

    All orders are tried for fewer than eight values, else DRAWS random ones. Both numbers are None for fewer than three values,
    or if one variable is constant.
    """
    ranks, others = stats.rankdata(first), stats.rankdata(second)
    if len(ranks) < 3 or ranks.min() == ranks.max() or others.min() == others.max():
        return Correlation(None, None)
    test = stats.permutation_test(
        (ranks - ranks.mean(),),  # only one variable is permuted, so that each pairing is tried once
        lambda permuted, axis=-1: numpy.sum(permuted * others, axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=DRAWS,
        rng=numpy.random.default_rng(SEED),
    )
    return Correlation(float(stats.spearmanr(ranks, others).statistic), float(test.pvalue))


def poisson_binomial(rates: Sequence[float]) -> list[float]:
    """Return the probabilities that 0, 1, … or all of several independent models miss a question, from their error rates."""
    return [float(share) for share in stats.poisson_binom.pmf(numpy.arange(len(rates) + 1), rates)]


def goodness_of_fit(observed: Sequence[float], expected: Sequence[float]) -> ChiSquare:
    """Test counts against expected counts whose mean was fitted to them, by Pearson's chi-square test.

    Cells at both ends are pooled until every expected count is at least five. The total and the fitted mean take one degree of
    freedom each. All numbers are None if fewer than three cells are left.
    """
    counts, means = list(map(float, observed)), list(map(float, expected))
    for end in (0, -1):
        while len(means) > 1 and means[end] < MIN_EXPECTED:
            inner = 1 if end == 0 else -2
            counts[inner] += counts[end]
            means[inner] += means[end]
            del counts[end], means[end]
    if len(means) < 3 or min(means) < MIN_EXPECTED:
        return ChiSquare(None, None, None)
    total = sum(means)
    chi2, p = stats.chisquare(counts, [mean * sum(counts) / total for mean in means], ddof=1)
    return ChiSquare(float(chi2), len(means) - 2, float(p))

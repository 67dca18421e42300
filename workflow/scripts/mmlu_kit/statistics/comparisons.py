"""Models on the same questions: tests of their accuracies, and intervals of a difference or ratio."""

from typing import NamedTuple

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, stats

from mmlu_kit.statistics import ALPHA, POWER, two_by_two
from mmlu_kit.statistics.clusters import ClusteredMean, clustered_mean
from mmlu_kit.statistics.intervals import Interval, wilson

# Five questions that only one of two models gets right, each in another subject, would make a t-test significant.
FEWEST_DISCORDANT = 10


class CochranQ(NamedTuple):
    """The result of Cochran's Q test."""

    statistic: float
    df: int
    p: float


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


def paired_ratio_interval(both: int, only_first: int, only_second: int) -> Interval | None:
    """Return the 95 % interval of the first accuracy divided by the second, on the same questions, from the numbers of
    questions that both or only one got right. None if one of the models is never right.

    Bonett and Price 2006 (Statistics in Medicine 25, 3039-3047): Wilson's intervals of the two accuracies among the questions
    that at least one got right, narrowed so that the limits' ratios cover the ratio of correlated accuracies.
    """
    first, second, either = both + only_first, both + only_second, both + only_first + only_second
    if not first or not second:
        return None
    z = float(stats.norm.isf(ALPHA / 2))
    log_se = ((only_first + only_second + 2) / ((first + 1) * (second + 1))) ** 0.5
    z *= log_se / sum(((1 - (right + 1) / (either + 2)) / (right + 1)) ** 0.5 for right in (first, second))

    def limits(right: int) -> Interval:
        middle, reach = 2 * right + z**2, z * (z**2 + 4 * right * (1 - right / either)) ** 0.5
        return Interval((middle - reach) / (2 * (either + z**2)), (middle + reach) / (2 * (either + z**2)))

    (low, high), (other_low, other_high) = limits(first), limits(second)
    return Interval(low / other_high, high / other_low)


def clustered_difference(first: ArrayLike, second: ArrayLike, clusters: ArrayLike) -> ClusteredMean | None:
    """Return the first minus the second of two accuracies on the same questions, from their `correct` arrays, with its test
    (Miller 2024, https://arxiv.org/abs/2411.00640, section 4.2).

    None if the models are right on the same questions, if they differ equally in every cluster (subject), or if so few answers
    differ (FEWEST_DISCORDANT) that no mean of them is normal.
    """
    differences = numpy.asarray(first, float) - numpy.asarray(second, float)
    if numpy.count_nonzero(differences) < FEWEST_DISCORDANT:
        return None
    return clustered_mean(differences, clusters)


def right_together(first: ArrayLike, second: ArrayLike, strata: ArrayLike) -> float | None:
    """Return the one-sided p-value that two models which are independent within each stratum are right on so many of the same
    questions, from their `correct` arrays.

    The exact Mantel-Haenszel test: with both models' numbers of right answers in each stratum fixed, the number of questions
    that both get right is a sum of hypergeometric numbers. A normal one in its place gives too small p-values where few
    answers are right, or wrong. None if it cannot vary in any stratum.
    """
    one, other, places = numpy.asarray(first, bool), numpy.asarray(second, bool), numpy.unique(strata, return_inverse=True)[1]
    questions, first_right, second_right = (numpy.bincount(places, weights) for weights in (None, one, other))
    varies = (first_right % questions > 0) & (second_right % questions > 0)
    tested = varies[places]
    return two_by_two.both_wrong(one[tested], other[tested], places[tested]).p_more if tested.any() else None


def smallest_clustered_difference(test: ClusteredMean, level: float = ALPHA) -> float | None:
    """Return the smallest difference in accuracy that the clustered test at this level detects with a power of 80 %.

    (t(1 - level / 2) + t(power)) standard errors, by Student's t with clusters - 1 degrees of freedom (Bloom 1995, Evaluation
    Review 19, 547-556). None if it is larger than 1.
    """
    difference = float(stats.t.isf(level / 2, test.df) + stats.t.ppf(POWER, test.df)) * test.standard_error
    return difference if difference <= 1 else None


def smallest_difference(questions: int, discordant: float, level: float = ALPHA) -> float | None:
    """Return the smallest difference in accuracy that the exact McNemar test at this level detects with a power of 80 %.

    `discordant` is the share of questions that only one of two models gets right. Of n questions, D ~ Binomial(n, discordant)
    are discordant, and Binomial(D, (1 + difference / discordant) / 2) of these favour the better model. The power is the
    probability that the test's p-value is then at most `level`, summed over all D (Schork and Williams 1980, Communications in
    Statistics B 9, 349-357). None if the power is lower even for a model that wins every discordant question.
    """
    if not discordant:
        return None
    number = numpy.arange(questions + 1)
    weight = stats.binom.pmf(number, questions, discordant)
    number, weight = number[weight > 1e-12], weight[weight > 1e-12]
    # The most wins of the worse model with which the test still rejects; -1 if it never does.
    worse = stats.binom.ppf(level / 2, number, 0.5)
    worse -= stats.binom.cdf(worse, number, 0.5) > level / 2

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

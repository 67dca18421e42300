"""Models on the same questions: tests of their accuracies, and intervals of a difference."""

from typing import NamedTuple

import numpy
from numpy.typing import NDArray
from scipy import optimize, stats

from mmlu_kit.statistics import ALPHA, POWER
from mmlu_kit.statistics.proportions import Interval, wilson

# statsmodels imports pandas, which takes a second; who only reads claims or checks a study computes nothing with it.


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

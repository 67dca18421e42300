"""Positive measurements that vary by factors, such as times and memory."""

from collections.abc import Sequence

import numpy
from scipy import stats

from mmlu_kit.statistics import ALPHA
from mmlu_kit.statistics.intervals import Interval


def ratio_interval(first: Sequence[float], second: Sequence[float], alpha: float = ALPHA) -> Interval | None:
    """Return the interval, of coverage 1 - `alpha`, of the ratio of two groups' geometric means, first to second.

    Student's interval of the difference of mean logarithms, with one variance for both groups. None if a group has fewer than
    two measurements, as nothing then tells how much they vary.
    """
    if min(len(first), len(second)) < 2:
        return None
    logarithms = numpy.log(first), numpy.log(second)
    if all(numpy.ptp(group) == 0 for group in logarithms):
        ratio = first[0] / second[0]
        return Interval(ratio, ratio)
    low, high = stats.ttest_ind(*logarithms).confidence_interval(1 - alpha)
    return Interval(float(numpy.exp(low)), float(numpy.exp(high)))

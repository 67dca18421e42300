"""Means over questions with whole clusters of them (subjects) as the sample."""

from typing import NamedTuple

import numpy
from numpy.typing import ArrayLike

from mmlu_kit.statistics import ALPHA
from mmlu_kit.statistics.intervals import Interval

_ROUNDING = 1e-6  # of a cluster's sum


class ClusteredMean(NamedTuple):
    """A mean with its standard error, degrees of freedom, p-value against 0 and 95 % interval."""

    mean: float
    standard_error: float
    df: int
    p: float
    interval: Interval


def clustered_mean(values: ArrayLike, clusters: ArrayLike) -> ClusteredMean | None:
    """Return the mean of one value for each question, with its cluster-robust standard error and the two-sided t-test.

    The standard error is of Miller 2024 (https://arxiv.org/abs/2411.00640, section 2.2); Student's t has clusters - 1 degrees
    of freedom. None if the standard error is zero: there is one cluster, or the mean is the same in every one.
    """
    from statsmodels.regression.linear_model import OLS

    sample = numpy.asarray(values, float)
    groups = numpy.unique(clusters, return_inverse=True)[1]
    if groups.max(initial=0) == 0 or numpy.allclose(numpy.bincount(groups, sample - sample.mean()), 0, atol=_ROUNDING):
        return None
    fit = OLS(sample, numpy.ones_like(sample)).fit(cov_type="cluster", cov_kwds={"groups": groups}, use_t=True)
    low, high = (float(end) for end in fit.conf_int(alpha=ALPHA)[0])
    return ClusteredMean(float(sample.mean()), float(fit.bse[0]), int(groups.max()), float(fit.pvalues[0]), Interval(low, high))


def clustered_interval(correct: ArrayLike, clusters: ArrayLike) -> Interval | None:
    """Return the 95 % interval of an accuracy with clusters as the sample, clipped to [0, 1]; None as of `clustered_mean`."""
    accuracy = clustered_mean(correct, clusters)
    return Interval(max(0.0, accuracy.interval.low), min(1.0, accuracy.interval.high)) if accuracy else None

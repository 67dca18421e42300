"""Rankings of subjects: whether models agree on them."""

from typing import NamedTuple

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mmlu_kit.statistics import DRAWS, SEED


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

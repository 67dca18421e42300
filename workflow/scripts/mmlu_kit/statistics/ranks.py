"""Rankings of subjects: whether models agree on them."""

from itertools import permutations
from math import factorial
from typing import NamedTuple

import numpy
from numpy.typing import NDArray
from scipy import stats

from mmlu_kit.statistics import SEED
from mmlu_kit.statistics.draws import ROUNDING, p_at_least

Floats = NDArray[numpy.float64]

# Permutations for Kendall's W: all of them if there are no more than MOST_ORDERS, else RANK_DRAWS random ones.
MOST_ORDERS = 1_000_000
RANK_DRAWS = 99_999


class KendallW(NamedTuple):
    """Kendall's coefficient of concordance and its permutation p-value."""

    w: float
    p: float


def kendall_w(ratings: Floats) -> KendallW | None:
    """Return Kendall's W of `ratings`, shape (models, subjects): 1 if all models rank the subjects alike, 0 without agreement.

    Each model's ratings are permuted over the subjects, independently of the other models': Friedman's test without its
    chi-square approximation, which is wrong for few models. The p-value is exact if there are at most MOST_ORDERS permutations,
    else (draws with at least this W + 1) / (RANK_DRAWS + 1). None with fewer than two models or three subjects, or if each
    model rates all subjects the same.

    Ratings alone cannot tell whether models agree on subjects or on single questions that all of them answered;
    `shuffled_subjects` can.
    """
    models, subjects = ratings.shape
    if models < 2 or subjects < 3 or (ratings == ratings[:, :1]).all():
        return None
    ranks = centred_ranks(ratings)
    return KendallW(float(concordance(ranks)), _p_of_orders(ranks))


def _p_of_orders(ranks: Floats) -> float:
    """Return the p-value of the agreement of `ranks`, shape (models, subjects), when each model's are permuted."""
    models, subjects = ranks.shape
    observed = float((ranks.sum(axis=0) ** 2).sum())
    if factorial(subjects) ** (models - 1) > MOST_ORDERS:
        random = numpy.random.default_rng(SEED)
        sums = numpy.zeros((RANK_DRAWS, subjects))
        for model in ranks:  # one at a time, as the draws of all models may not fit into memory
            sums += random.permuted(numpy.broadcast_to(model, sums.shape), axis=1)
        return p_at_least(observed, (sums**2).sum(axis=1))
    orders = numpy.array(list(permutations(range(subjects))))
    sums = ranks[:1]  # permuting all models alike changes nothing, so the first one's ranks stay
    for model in ranks[1:]:
        sums = (sums[:, None] + model[orders]).reshape(-1, subjects)
    return float(((sums**2).sum(axis=1) >= observed - ROUNDING).mean())


def centred_ranks(ratings: Floats) -> Floats:
    """Return the ranks of ratings along the last axis, tied ones sharing their mean rank, less the mean of all ranks."""
    return numpy.asarray(stats.rankdata(ratings, axis=-1)) - (ratings.shape[-1] + 1) / 2


def concordance(ranks: Floats) -> Floats:
    """Return Kendall's W, corrected for ties, of centred ranks of shape (…, models, subjects); 0 where all ranks are tied.

    It is the squared length of the sum of the models' ranks, divided by its largest possible value: W = 12 S / (m² (k³ - k) -
    m ΣT), since a model's centred ranks have the squared length ((k³ - k) - T) / 12.
    """
    models = ranks.shape[-2]
    agreement = (ranks.sum(axis=-2) ** 2).sum(axis=-1)
    most = models * (ranks**2).sum(axis=(-2, -1))
    return numpy.divide(agreement, most, out=numpy.zeros_like(agreement), where=most > 0)


def rank_correlations(ranks: Floats) -> Floats:
    """Return Spearman's correlations of every two models, of centred ranks of shape (…, models, subjects).

    The shape is (…, models, models); a correlation is 0 where all ranks of a model are tied.
    """
    lengths = numpy.sqrt((ranks**2).sum(axis=-1, keepdims=True))
    unit = numpy.divide(ranks, lengths, out=numpy.zeros_like(ranks), where=lengths > 0)
    return unit @ unit.swapaxes(-1, -2)

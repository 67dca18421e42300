"""Counts of questions: how many models miss them, and whether models miss the same ones."""

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray
from scipy import stats

from mmlu_kit.statistics import DRAWS, SEED
from mmlu_kit.statistics.draws import p_at_least


def poisson_binomial(rates: Sequence[float]) -> list[float]:
    """Return the probabilities that 0, 1, … or all of several independent models miss a question, from their error rates."""
    return [float(share) for share in stats.poisson_binom.pmf(numpy.arange(len(rates) + 1), rates)]


def pairs_wrong(counts: Sequence[float]) -> float:
    """Return how many pairs of models are wrong together, summed over questions; `counts` are the questions that 0, 1, …
    models miss."""
    return sum(count * models * (models - 1) / 2 for models, count in enumerate(counts))


def wrong_together(wrong: NDArray[numpy.bool_], strata: NDArray[numpy.int64], draws: int = DRAWS) -> float | None:
    """Return the p-value of models missing the same questions more often than independent models with these error rates in
    each stratum.

    `wrong` has shape (questions, models), `strata` numbers each question's stratum from 0. Each model's answers are permuted
    within strata; the statistic is `pairs_wrong`, and the p-value is (draws with at least as many + 1) / (draws + 1). None if
    no permutation changes the statistic. Only the number of models that miss a question matters, so a permutation is drawn
    model by model: of the questions that so many models miss, how many does the next one miss as well?
    """
    models = wrong.shape[1]
    strata_sizes = numpy.bincount(strata)
    misses = numpy.array([numpy.bincount(strata, column, len(strata_sizes)) for column in wrong.T]).astype(numpy.int64)
    varies = (misses > 0) & (misses < strata_sizes)
    if not (varies.sum(axis=0) > 1).any():
        return None
    random = numpy.random.default_rng(SEED)
    # Questions that 0, 1, … models miss, by stratum and draw.
    missed_by = numpy.zeros((models + 1, draws, len(strata_sizes)), numpy.int64)
    missed_by[0] = strata_sizes
    for model, missed in enumerate(misses):
        left, others = numpy.broadcast_to(missed, missed_by.shape[1:]), strata_sizes
        fewer = numpy.zeros_like(missed_by[0])
        for number in range(model + 1):
            others = others - missed_by[number]
            chosen = random.hypergeometric(missed_by[number], others, left)
            left = left - chosen
            missed_by[number] += fewer - chosen
            fewer = chosen
        missed_by[model + 1] = fewer
    every = numpy.arange(models + 1)
    drawn = (every * (every - 1) / 2) @ missed_by.sum(axis=2)
    return p_at_least(pairs_wrong(numpy.bincount(wrong.sum(axis=1), minlength=models + 1).tolist()), drawn)

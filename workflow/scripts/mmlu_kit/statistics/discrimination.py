"""How well single questions tell better models from worse ones: item-rest correlations."""

from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from mmlu_kit.statistics import SEED
from mmlu_kit.statistics.draws import p_at_least

DISCRIMINATION_DRAWS = 199  # a draw of all of MMLU takes ten milliseconds


class MeanDiscrimination(NamedTuple):
    """The mean of questions' correlations with its one-sided p-value, and the share below 0, observed and expected."""

    mean: float
    p: float
    negative: float
    negative_expected: float


def item_rest_correlations(correct: NDArray[numpy.bool_]) -> NDArray[numpy.float64]:
    """Return each question's point-biserial correlation, over models, with the number of right answers to the other questions.

    `correct` has shape (questions, models). NaN where all models or none are right, or all have the same number.
    """
    right = correct.astype(float)
    rest = right.sum(axis=0) - right
    right -= right.mean(axis=1, keepdims=True)
    rest -= rest.mean(axis=1, keepdims=True)
    spread = numpy.sqrt((right**2).sum(axis=1) * (rest**2).sum(axis=1))
    # Sums of equal numbers may leave a spread of rounding errors.
    return numpy.divide((right * rest).sum(axis=1), spread, out=numpy.full(len(right), numpy.nan), where=spread > 1e-9)


def mean_discrimination(correct: NDArray[numpy.bool_], draws: int = DISCRIMINATION_DRAWS) -> MeanDiscrimination:
    """Test whether questions tell better models from worse ones; `correct` has shape (questions, models).

    In each draw of the permutation test, those right on a question are as many random models: all are equally good.
    """
    random = numpy.random.default_rng(SEED)
    mean, negative = _mean_and_negative(correct)
    drawn = [_mean_and_negative(random.permuted(correct, axis=1)) for _ in range(draws)]
    means, negatives = numpy.array(drawn).T
    return MeanDiscrimination(mean, p_at_least(mean, means), negative, float(negatives.mean()))


def _mean_and_negative(correct: NDArray[numpy.bool_]) -> tuple[float, float]:
    """Return the mean of the correlations and the share below 0; zeros if there is no correlation."""
    correlations = item_rest_correlations(correct)
    known = correlations[~numpy.isnan(correlations)]
    return (float(known.mean()), float((known < 0).mean())) if len(known) else (0.0, 0.0)

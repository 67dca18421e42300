"""Calibration: how far confidences are from accuracies, with what chance adds to it, and the temperature that mends it."""

from typing import NamedTuple

import numpy
from numpy.typing import NDArray
from scipy import optimize, stats
from scipy.special import log_softmax

from mmlu_kit.statistics import DRAWS, SEED
from mmlu_kit.statistics.draws import p_at_least
from mmlu_kit.statistics.intervals import Interval, wilson

BINS, FEWEST_IN_BIN, FOLDS = 10, 10, 5
# Of the interval of an ECE. With 2.5 % on each side it would cover the ECE of simulated models in about 92 % of the cases, as
# the gaps' proportions are not known; with 1.5 % it does in about 95 % (Loh 1987, Journal of the American Statistical
# Association 82, 155-162, calibrates intervals like this).
TAIL = 0.015
# A likelihood without a minimum between these has no temperature: the model is always right, or its letters tell nothing.
TEMPERATURES = (0.05, 50.0)
_DIGITS = 12  # confidences that are equal to these are
_CHUNK = 2_000_000  # random numbers at a time

Floats = NDArray[numpy.float64]


class ChanceError(NamedTuple):
    """What a calibrated model's calibration error would be on as many questions, and the p-value of one this large."""

    mean: float
    p: float


def equal_bins(confidences: Floats) -> NDArray[numpy.int64]:
    """Return each confidence's bin: ten bins of equal size by rank, or fewer of at least ten; equal confidences share a bin."""
    bins = max(1, min(BINS, len(confidences) // FEWEST_IN_BIN))
    ranks = stats.rankdata(confidences.round(_DIGITS)) - 0.5
    return numpy.unique((ranks * bins / len(confidences)).astype(int), return_inverse=True)[1]


def calibration_error(confidences: Floats, correct: Floats) -> float:
    """Return the expected calibration error (ECE): the mean over questions of |confidence - accuracy| of their bin.

    From Guo et al. 2017 (https://arxiv.org/abs/1706.04599), with bins of equal size.
    """
    return float(numpy.abs(numpy.bincount(equal_bins(confidences), confidences - correct)).sum() / len(correct))


def error_interval(confidences: Floats, correct: Floats, draws: int = DRAWS) -> Interval:
    """Return the 95 % interval of the ECE that all such questions would have, by the bootstrap with test inversion.

    The bins' gaps of confidence and accuracy are taken a number of times as large as they are, and bootstrap samples of a bin
    vary around them as around the real ones. The ends are the ECEs of the gaps with which an ECE as large, or as small, as the
    real one has the probability TAIL (Carpenter 1999, Journal of the Royal Statistical Society B 61, 159-172). As chance alone
    makes an ECE larger, the interval may lie below it.

    Where all answers are right, or all are wrong, samples do not vary: the ECE is then known as well as the accuracy is, by
    Wilson's interval.
    """
    if correct.min() == correct.max():
        error, (low, high) = calibration_error(confidences, correct), wilson(correct.sum(), len(correct))
        return Interval(max(0.0, error - (high - low)), min(1.0, error + (high - low)))
    random, differences = numpy.random.default_rng(SEED), confidences - correct
    bins = equal_bins(confidences)
    gaps = numpy.bincount(bins, differences)
    sums = [_bootstrap_sums(random, differences[bins == place], draws) for place in range(len(gaps))]
    counts = numpy.bincount(bins)
    # The variance of a bootstrap mean of n values is that of the values over n, not over n - 1.
    noise = (numpy.column_stack(sums) - gaps) * numpy.sqrt(counts / numpy.maximum(1, counts - 1))
    shares, varied = gaps / len(correct), noise / len(correct)
    return Interval(_end(shares, varied, 1 - TAIL), _end(shares, varied, TAIL))


def _bootstrap_sums(random: numpy.random.Generator, values: Floats, draws: int) -> Floats:
    """Return the sums of bootstrap samples of these values."""
    number = len(values)
    chunks = (random.integers(number, size=(rows, number), dtype=numpy.int32) for rows in _chunks(draws, number))
    return numpy.concatenate([values[sample].sum(axis=1) for sample in chunks])


def _end(gaps: Floats, noise: Floats, quantile: float) -> float:
    """Return the ECE of the multiple of the gaps with which this quantile of the ECE with noise is the ECE of the gaps."""
    error = float(numpy.abs(gaps).sum())

    def excess(multiple: float) -> float:
        return float(numpy.quantile(numpy.abs(multiple * gaps + noise).sum(axis=1), quantile)) - error

    if excess(0) >= 0:
        return 0.0
    high = 1.0
    while excess(high) < 0:
        high *= 2
    return min(1.0, error * float(optimize.brentq(excess, 0, high, xtol=1e-4)))


def error_if_calibrated(confidences: Floats, correct: Floats, draws: int = DRAWS) -> ChanceError:
    """Return the ECE of a model that is right as often as these confidences say, in random draws, and p of the model's own."""
    random, questions = numpy.random.default_rng(SEED), len(correct)
    order = numpy.argsort(equal_bins(confidences), kind="stable")
    ends = numpy.flatnonzero(numpy.diff(equal_bins(confidences)[order], prepend=-1))
    sure, errors = confidences[order], []
    for rows in _chunks(draws, questions):
        right = random.random((rows, questions), dtype=numpy.float32) < sure
        errors.append(numpy.abs(numpy.add.reduceat(sure - right, ends, axis=1)).sum(axis=1) / questions)
    drawn, observed = numpy.concatenate(errors), calibration_error(confidences, correct)
    return ChanceError(float(drawn.mean()), p_at_least(observed, drawn))


def temperature(logprobs: Floats, gold: NDArray[numpy.int64]) -> float | None:
    """Return the temperature by which to divide log-probabilities so that the right letters are most likely.

    `logprobs` has shape (questions, letters), -inf for a letter that the question lacks; `gold` are the right letters' columns.
    None if the likelihood has no maximum within TEMPERATURES; it has none if every right letter is the most likely one.
    """
    questions = numpy.arange(len(gold))
    if (logprobs[questions, gold] == logprobs.max(axis=1)).all():
        return None

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logprobs / numpy.exp(log_temperature), axis=1)[questions, gold].mean())

    low, high = numpy.log(TEMPERATURES)
    best = float(optimize.minimize_scalar(loss, bounds=(low, high), method="bounded").x)
    return float(numpy.exp(best)) if low + 0.01 < best < high - 0.01 else None


def confidences_at_temperature(logprobs: Floats, gold: NDArray[numpy.int64]) -> Floats | None:
    """Return each question's confidence at the temperature of the four fifths of the questions that it is not among.

    None if one of them has no temperature.
    """
    folds = numpy.random.default_rng(SEED).permutation(numpy.arange(len(gold)) % FOLDS)
    confidences = numpy.empty(len(gold))
    for fold in range(FOLDS):
        inside = folds == fold
        value = temperature(logprobs[~inside], gold[~inside])
        if value is None:
            return None
        confidences[inside] = numpy.exp(log_softmax(logprobs[inside] / value, axis=1)).max(axis=1)
    return confidences


def _chunks(draws: int, questions: int) -> list[int]:
    """Return numbers of draws that sum up to all of them, so that few random numbers are in memory at once."""
    rows = max(1, _CHUNK // max(1, questions))
    return [min(rows, draws - begin) for begin in range(0, draws, rows)]

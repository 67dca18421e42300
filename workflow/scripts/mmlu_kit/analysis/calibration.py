"""Calibration: whether a model's confidence matches its accuracy."""

import numpy
import pandas
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from mmlu_kit.analysis.model_document import (
    FEWEST_QUESTIONS,
    Calibration,
    CalibrationBin,
    ConfidenceGap,
    ExpectedError,
    Temperature,
)
from mmlu_kit.results import merging
from mmlu_kit.statistics import calibration as measures
from mmlu_kit.statistics import intervals, proportions
from mmlu_kit.statistics.clusters import clustered_mean

# Right or wrong answers with which the mean of right and wrong is nearly normal.
FEWEST_OF_A_KIND = 5
SAME = 1e-9
LOWEST_LOGPROB = -700.0  # of a right letter whose probability is rounded to 0


def letter_probabilities(answers: pandas.DataFrame) -> NDArray[numpy.float64] | None:
    """Return each letter's probability among the letters of its question, questions × letters, 0 for letters that the question
    lacks; None if any is unknown, as it is where the choices' texts were scored instead of letters (cloze).

    `answers` are one model's rows of questions.csv. If several orders of the choices were asked, the probabilities are the mean
    over the orders.
    """
    choices = answers["choices"].to_numpy(int)
    logprobs = answers[merging.logprob_columns(int(choices.max(initial=0)))].to_numpy(float)
    absent = numpy.arange(logprobs.shape[1]) >= choices[:, None]
    if answers["letter_mass"].isna().any() or numpy.isnan(logprobs[~absent]).any():
        return None
    return softmax(numpy.where(absent, -numpy.inf, logprobs), axis=1) if len(answers) else logprobs


def calibration(
    probabilities: NDArray[numpy.float64],
    gold: NDArray[numpy.int64],
    correct: NDArray[numpy.bool_],
    subjects: ArrayLike | None = None,
) -> Calibration:
    """Compare confidences, the largest of each question's `probabilities`, with whether the answer is `correct`.

    `gold` are the right letters' columns in `probabilities`. `subjects`, if given, are the sample of the test of the mean
    confidence. Brier is the mean of (confidence - correct)².
    """
    sure, right = probabilities.max(axis=1), correct.astype(float)
    interval, chance = measures.error_interval(sure, right), measures.error_if_calibrated(sure, right)
    ece = measures.calibration_error(sure, right)
    return Calibration(
        confidence=float(sure.mean()),
        gap=_gap(sure, right, subjects),
        error=ExpectedError(ece=ece, low=interval.low, high=interval.high, calibrated=chance.mean, p=chance.p),
        temperature=_temperature(probabilities, gold, right) if len(right) >= FEWEST_QUESTIONS else None,
        brier=float(numpy.mean((sure - right) ** 2)),
        bins=_bins(sure, right),
    )


def _gap(sure: NDArray[numpy.float64], right: NDArray[numpy.float64], subjects: ArrayLike | None) -> ConfidenceGap | None:
    """Return the mean difference of confidence and correctness; None if so few are right or wrong that no t-test is valid."""
    if min(right.sum(), len(right) - right.sum()) < FEWEST_OF_A_KIND:
        return None
    by_subject = None if subjects is None else clustered_mean(sure - right, subjects)
    if by_subject:
        return ConfidenceGap(difference=by_subject.mean, **by_subject.interval._asdict(), p=by_subject.p, clustered=True)
    test = proportions.mean_test(sure - right)  # also where the mean is the same on every subject, so that they tell nothing
    return test and ConfidenceGap(difference=test.mean, low=test.low, high=test.high, p=test.p, clustered=False)


def _temperature(
    probabilities: NDArray[numpy.float64], gold: NDArray[numpy.int64], right: NDArray[numpy.float64]
) -> Temperature | None:
    with numpy.errstate(divide="ignore"):  # letters that a question lacks
        logprobs = numpy.log(probabilities)
    rows = numpy.arange(len(gold))
    logprobs[rows, gold] = numpy.maximum(logprobs[rows, gold], LOWEST_LOGPROB)
    value, sure = measures.temperature(logprobs, gold), measures.confidences_at_temperature(logprobs, gold)
    if value is None or sure is None:
        return None
    return Temperature(temperature=value, ece=measures.calibration_error(sure, right))


def _bins(sure: NDArray[numpy.float64], right: NDArray[numpy.float64]) -> list[CalibrationBin]:
    places, bins = measures.equal_bins(sure), []
    for place in range(int(places.max()) + 1):
        inside = places == place
        count, correct = int(inside.sum()), int(right[inside].sum())
        low, high = intervals.wilson(correct, count)
        bins.append(
            CalibrationBin(
                least=float(sure[inside].min()),
                most=float(sure[inside].max()),
                count=count,
                confidence=float(sure[inside].mean()),
                accuracy=correct / count,
                low=low,
                high=high,
            )
        )
    return bins

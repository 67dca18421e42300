"""Calibration: whether confidence matches accuracy."""

import numpy
import pandas
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from mmlu_kit.analysis.document import Calibration, CalibrationBin
from mmlu_kit.results import merging


def letter_probabilities(answers: pandas.DataFrame) -> NDArray[numpy.float64] | None:
    """Return each letter's probability among the letters, questions × letters; None if any log-probability is unknown."""
    logprobs = answers[merging.logprob_columns(int(answers["choices"].max()))].to_numpy(float)
    return None if numpy.isnan(logprobs).any() else softmax(logprobs, axis=1)


def calibration(confidences: ArrayLike, correct: ArrayLike, bins: int = 10) -> Calibration:
    """Compare confidences with accuracies, in bins of equal width (low, high].

    ECE, the expected calibration error, is the mean over questions of |confidence - accuracy| of their bin (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599). Brier is the mean of (confidence - correct)².
    """
    sure, right = numpy.asarray(confidences, float), numpy.asarray(correct, float)
    edges = numpy.linspace(0, 1, bins + 1)
    place = numpy.clip(numpy.digitize(sure, edges, right=True) - 1, 0, bins - 1)
    filled, ece = [], 0.0
    for number in range(bins):
        inside = place == number
        count = int(inside.sum())
        ece += abs(sure[inside].sum() - right[inside].sum()) / len(right)
        filled.append(
            CalibrationBin(
                low=round(float(edges[number]), 9),
                high=round(float(edges[number + 1]), 9),
                count=count,
                confidence=float(sure[inside].mean()) if count else None,
                accuracy=float(right[inside].mean()) if count else None,
            )
        )
    return Calibration(ece=float(ece), brier=float(numpy.mean((sure - right) ** 2)), bins=filled)

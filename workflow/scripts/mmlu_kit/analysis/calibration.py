"""Calibration: whether confidence matches accuracy."""

import numpy
import pandas
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax

from mmlu_kit.analysis.model_document import Calibration, CalibrationBin
from mmlu_kit.results import merging


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

"""Whether a model is worse than another by more than a margin (non-inferiority), from the interval of their difference."""

import math
from enum import StrEnum

from scipy import stats

from mmlu_kit.statistics import ALPHA, POWER


class Verdict(StrEnum):
    """What the interval of a difference in accuracy shows."""

    NO_WORSE = "no worse than the margin"
    WORSE_WITHIN_MARGIN = "worse, but by no more than the margin"
    WORSE = "worse"
    UNCLEAR = "cannot be told"


def verdict(low: float, high: float, margin: float) -> Verdict:
    """Return what a 95 % interval of a model's accuracy minus the reference's shows.

    No worse: its lower end is above -margin, which a model that is worse by the margin reaches in 2.5 % of studies. Worse: its
    upper end is below 0.
    """
    if low > -margin:
        return Verdict.WORSE_WITHIN_MARGIN if high < 0 else Verdict.NO_WORSE
    return Verdict.WORSE if high < 0 else Verdict.UNCLEAR


def questions_needed(questions: int, only_model: int, only_reference: int, margin: float) -> int:
    """Return how many questions tell with a power of 80 % whether a model is worse than a margin, or than the reference.

    The difference in accuracy and the share of questions that only one of the two gets right are taken to be those of these
    questions. It is the normal sample size for a paired difference, of the verdict that needs fewer questions; one discordant
    answer is added, as none in a few questions are not none in many.
    """
    difference = (only_model - only_reference) / questions
    variance = (only_model + only_reference + 1) / (questions + 2) - difference**2
    distance = max(margin + difference, -difference)
    reach = float(stats.norm.isf(ALPHA / 2) + stats.norm.ppf(POWER)) ** 2 * max(variance, 0.0)
    return max(questions + 1, math.ceil(reach / distance**2))

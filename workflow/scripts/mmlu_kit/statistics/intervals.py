"""The 95 % interval of a proportion, without numpy or scipy, so that an evaluation or a study's end need not wait for them."""

import math
from statistics import NormalDist
from typing import NamedTuple

from mmlu_kit.statistics import ALPHA


class Interval(NamedTuple):
    """The ends of a 95 % interval."""

    low: float
    high: float


def wilson(successes: float, trials: int) -> Interval:
    """Return the 95 % Wilson score interval of a proportion, which contains it even after rounding."""
    z, share = NormalDist().inv_cdf(1 - ALPHA / 2), float(successes / trials)
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return Interval(max(0.0, min(centre - half, share)), min(1.0, max(centre + half, share)))

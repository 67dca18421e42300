"""Counts of questions: how many models miss them, and whether that fits what is expected."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy
from scipy import stats

MIN_EXPECTED = 5  # expected count in each cell of a chi-square test


class ChiSquare(NamedTuple):
    """The result of a chi-square test."""

    chi2: float | None
    df: int | None
    p: float | None


def poisson_binomial(rates: Sequence[float]) -> list[float]:
    """Return the probabilities that 0, 1, … or all of several independent models miss a question, from their error rates."""
    return [float(share) for share in stats.poisson_binom.pmf(numpy.arange(len(rates) + 1), rates)]


def goodness_of_fit(observed: Sequence[float], expected: Sequence[float]) -> ChiSquare:
    """Test counts against expected counts whose mean was fitted to them, by Pearson's chi-square test.

    Cells at both ends are pooled until every expected count is at least five. The total and the fitted mean take one degree of
    freedom each. All numbers are None if fewer than three cells are left.
    """
    counts, means = list(map(float, observed)), list(map(float, expected))
    for end in (0, -1):
        while len(means) > 1 and means[end] < MIN_EXPECTED:
            inner = 1 if end == 0 else -2
            counts[inner] += counts[end]
            means[inner] += means[end]
            del counts[end], means[end]
    if len(means) < 3 or min(means) < MIN_EXPECTED:
        return ChiSquare(None, None, None)
    total = sum(means)
    chi2, p = stats.chisquare(counts, [mean * sum(counts) / total for mean in means], ddof=1)
    return ChiSquare(float(chi2), len(means) - 2, float(p))

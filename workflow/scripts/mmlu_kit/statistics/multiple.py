"""Correction for multiple tests."""

from collections.abc import Sequence

import numpy


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for multiple testing by Holm's method."""
    # statsmodels' function also collects garbage, which takes a second among the records of a large study.
    values, number = numpy.asarray(p_values, float), len(p_values)
    order = numpy.argsort(values, kind="stable")
    corrected = numpy.empty(number)
    corrected[order] = numpy.minimum(numpy.maximum.accumulate(values[order] * numpy.arange(number, 0, -1)), 1)
    return [float(p) for p in corrected]

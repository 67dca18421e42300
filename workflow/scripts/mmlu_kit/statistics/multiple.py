"""Correction for multiple tests."""

from collections.abc import Sequence
from typing import overload

import numpy


@overload
def holm(p_values: Sequence[float]) -> list[float]: ...
@overload
def holm(p_values: Sequence[float | None]) -> list[float | None]: ...
def holm(p_values: Sequence[float | None]) -> list[float | None] | list[float]:
    """Return p-values corrected for multiple testing by Holm's method.

    None is the p-value of a test that could not be done: it stays None, and the correction is for the number of the others.
    """
    # statsmodels' function also collects garbage, which takes a second among the records of a large study.
    values = numpy.array([p for p in p_values if p is not None], float)
    order = numpy.argsort(values, kind="stable")
    corrected = numpy.empty_like(values)
    corrected[order] = numpy.minimum(numpy.maximum.accumulate(values[order] * numpy.arange(len(values), 0, -1)), 1)
    known = iter(corrected.tolist())
    return [None if p is None else next(known) for p in p_values]

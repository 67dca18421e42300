"""P-values of random draws."""

import numpy
from numpy.typing import NDArray

_TIES = 1e-9  # equal values may differ by their rounding


def p_at_least(observed: float, drawn: NDArray[numpy.float64]) -> float:
    """Return the p-value of a value this large among random draws, at least 1 / (draws + 1)."""
    return float((1 + (drawn >= observed - _TIES).sum()) / (len(drawn) + 1))

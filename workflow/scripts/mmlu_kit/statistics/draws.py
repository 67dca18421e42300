"""P-values of random draws."""

import numpy
from numpy.typing import NDArray

# Equal statistics may differ by this much, as sums of the same numbers in another order round differently.
ROUNDING = 1e-9


def p_at_least(observed: float, drawn: NDArray[numpy.float64]) -> float:
    """Return the one-sided p-value of a value this large among random draws: (draws at least as large + 1) / (draws + 1)."""
    return float(((drawn >= observed - ROUNDING).sum() + 1) / (len(drawn) + 1))

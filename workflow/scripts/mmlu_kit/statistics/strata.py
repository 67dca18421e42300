"""Groups of questions that are alike, within which models are compared."""

import numpy
from numpy.typing import ArrayLike, NDArray


def strata(*columns: ArrayLike) -> NDArray[numpy.int64]:
    """Return each question's number of its stratum, the questions that are alike in all columns, in order of the first."""
    number = numpy.zeros(1, numpy.int64)
    for column in columns:
        values, codes = numpy.unique(numpy.asarray(column), return_inverse=True)
        number = number * len(values) + codes
    return numpy.unique(number, return_inverse=True)[1]


def accuracies(correct: ArrayLike, groups: ArrayLike) -> NDArray[numpy.float64]:
    """Return for each question the accuracy on the questions of its group."""
    places = numpy.unique(numpy.asarray(groups), return_inverse=True)[1]
    return (numpy.bincount(places, numpy.asarray(correct, float)) / numpy.bincount(places))[places]

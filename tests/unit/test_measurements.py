"""The interval of a ratio of measurements: known answers, and its coverage."""

import numpy
import pytest
from mmlu_kit.statistics import measurements
from statsmodels.stats.weightstats import CompareMeans


def test_the_interval_is_students_on_logarithms():
    first, second = [240.0, 251.0, 243.0], [200.0, 212.0]
    known = CompareMeans.from_data(numpy.log(first), numpy.log(second)).tconfint_diff(0.05, usevar="pooled")
    assert measurements.ratio_interval(first, second) == pytest.approx(numpy.exp(known))
    low, high = measurements.ratio_interval(second, first)
    assert (1 / high, 1 / low) == pytest.approx(measurements.ratio_interval(first, second))


def test_one_measurement_tells_nothing_and_equal_ones_the_ratio_itself():
    assert measurements.ratio_interval([240.0], [200.0, 201.0]) is None
    assert measurements.ratio_interval([6.0, 6.0], [4.0, 4.0]) == (1.5, 1.5)


@pytest.mark.parametrize(("runs", "others"), [(2, 2), (3, 3), (3, 6)])
def test_it_contains_the_ratio_in_95_percent(runs, others):
    random = numpy.random.default_rng(runs + others)
    covered = 0
    for _ in range(400):
        first, second = 1.3 * random.lognormal(0, 0.1, runs), random.lognormal(0, 0.1, others)
        low, high = measurements.ratio_interval(first, second)
        covered += low <= 1.3 <= high
    assert 0.92 <= covered / 400 <= 0.98

"""The Kullback-Leibler divergence of each question against scipy.stats.entropy, and the interval of its mean."""

import numpy
import pytest
from mmlu_kit.statistics.divergences import divergences, mean_interval
from scipy import stats

NONE = -numpy.inf


def test_the_divergence_is_scipys_of_the_normalized_probabilities():
    random = numpy.random.default_rng(1)
    reference, other = numpy.log(random.dirichlet(numpy.ones(4), (2, 50)) * random.random((2, 50, 1)))
    expected = stats.entropy(numpy.exp(reference), numpy.exp(other), axis=1)
    assert divergences(reference, other) == pytest.approx(expected, abs=1e-12)
    assert divergences(other, reference) != pytest.approx(expected, abs=1e-3)  # it has a direction


@pytest.mark.parametrize(
    ("reference", "other", "expected"),
    [
        ([-1.0, -1.0, NONE, NONE], [-1.0, -1.0, NONE, NONE], 0),
        ([0.0, 0.0, NONE, NONE], [numpy.log(0.25), numpy.log(0.75), NONE, NONE], stats.entropy([0.5, 0.5], [0.25, 0.75])),
        ([0.0, -3.4e38], [0.0, -3.4e38], 0),
        ([0.0, -3.4e38], [0.0, -1.0], stats.entropy([1, 0], [1, numpy.exp(-1)])),
        ([-3.4e38, -3.4e38], [-3.4e38, -3.4e38], 0),
        ([-1.0, -1.0], [-1.0, -1000.0], 999 / 2 + numpy.log(0.5)),
        ([0.1 + 0.2, 0.3], [0.3, 0.1 + 0.2], 0),
    ],
)
def test_choices_that_a_question_lacks_and_probabilities_of_0_add_nothing(reference, other, expected):
    (value,) = divergences([reference], [other])
    assert value == pytest.approx(expected, abs=1e-9) and value >= 0


def test_the_interval_has_the_mean_in_it_and_is_the_same_on_every_run():
    values = numpy.random.default_rng(2).exponential(size=400)
    mean = mean_interval(values)
    assert mean == mean_interval(values) and mean.value == pytest.approx(values.mean())
    normal = stats.t.interval(0.95, 399, values.mean(), stats.sem(values))
    assert (mean.low, mean.high) == pytest.approx(normal, abs=0.02) and mean.low < mean.value < mean.high


@pytest.mark.parametrize("value", [0.0, 0.1, 3e37])
@pytest.mark.parametrize("number", [1, 2, 30])
def test_equal_values_have_an_interval_without_width(value, number):
    assert mean_interval([value] * number) == pytest.approx((value,) * 3)


def test_one_question_with_all_of_the_divergence_makes_the_interval_wide():
    mean = mean_interval([0.0] * 29 + [6.0])
    assert mean.low == 0 and mean.value == pytest.approx(0.2) and mean.high >= 0.6


def test_the_interval_covers_the_mean_of_skewed_divergences():
    random = numpy.random.default_rng(3)

    def drawn(number):
        reference = random.normal(0, 2, (number, 4))
        return divergences(reference, reference + random.normal(0, 0.3, (number, 4)) * random.lognormal(0, 0.4, (number, 1)))

    mean = drawn(400_000).mean()
    intervals = [mean_interval(drawn(100), 299) for _ in range(100)]
    assert numpy.mean([one.low <= mean <= one.high for one in intervals]) >= 0.88

"""Intervals by resampling: of rank correlations, and of kappa over the largest possible one."""

from itertools import combinations

import numpy
import pytest
from mmlu_kit.statistics import agreement, resampling
from scipy import stats


def test_rank_correlations_are_scipys_with_an_interval_around_them():
    correct = numpy.array([[10, 30, 50, 50, 80], [12, 25, 55, 40, 90], [60, 50, 40, 30, 20]])
    correlations = resampling.rank_correlations(correct, numpy.full((3, 5), 100))
    expected = [stats.spearmanr(correct[one], correct[other]).statistic for one, other in combinations(range(3), 2)]
    assert [pair.value for pair in correlations.pairs] == pytest.approx(expected)
    assert correlations.mean.value == pytest.approx(numpy.mean(expected))
    assert all(pair.low <= pair.value <= pair.high for pair in [*correlations.pairs, correlations.mean])


def test_more_questions_give_a_narrower_interval():
    shares = numpy.array([[0.3, 0.4, 0.5, 0.6, 0.7], [0.35, 0.4, 0.45, 0.5, 0.55]])
    few, many = (resampling.rank_correlations(shares * number, numpy.full((2, 5), number)).mean for number in (20, 2000))
    assert many.high - many.low < 0.2 < few.high - few.low


def test_the_interval_corrects_that_noise_lowers_correlations():
    """Of models that agree completely on subjects, hardly any data set shows that they do not."""
    random = numpy.random.default_rng(5)
    questions = numpy.full((4, 10), 100)
    truth = numpy.linspace(0.3, 0.8, 10) + numpy.array([[-0.1], [0], [0.05], [0.1]])
    means = [resampling.rank_correlations(random.binomial(questions, truth), questions, 199).mean for _ in range(200)]
    assert sum(mean.high < 1 for mean in means) <= 14
    flat = [resampling.rank_correlations(random.binomial(questions, 0.5), questions, 199).mean for _ in range(200)]
    assert sum(mean.low >= 0.7 for mean in flat) <= 14


@pytest.mark.parametrize("choices", [numpy.full(60, 4), numpy.repeat([2, 5], 30)])
def test_kappa_is_the_analysiss(choices):
    random = numpy.random.default_rng(1)
    correct = random.random((60, 3)) < numpy.array([0.3, 0.6, 0.7])
    kappas = resampling.shared_kappa(correct, choices)
    expected = [
        agreement.kappa(correct[:, one], correct[:, other], choices)
        / agreement.kappa_max(correct[:, one], correct[:, other], choices)
        for one, other in combinations(range(3), 2)
    ]
    assert [pair.value for pair in kappas.pairs] == pytest.approx(expected)
    assert kappas.mean.value == pytest.approx(numpy.mean(expected))


def test_kappa_of_models_that_are_never_wrong_is_not_defined():
    assert resampling.shared_kappa(numpy.ones((10, 2), bool), numpy.full(10, 4)) is None


def test_intervals_of_kappa_cover_what_is_true():
    random = numpy.random.default_rng(2)
    covered = 0
    for _ in range(200):
        hard = random.random(300)
        correct = numpy.column_stack([hard < 0.5, numpy.where(random.random(300) < 0.5, hard, random.random(300)) < 0.5])
        mean = resampling.shared_kappa(correct, numpy.full(300, 4), 199).mean
        covered += mean.low <= 0.5 <= mean.high
    assert covered >= 184

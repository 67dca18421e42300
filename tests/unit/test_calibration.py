"""Calibration, against values computed by hand, other code, and models made to be calibrated or not."""

import numpy
import pandas
import pytest
from mmlu_kit.analysis.calibration import calibration, letter_probabilities
from mmlu_kit.results import merging
from mmlu_kit.statistics import calibration as measures
from mmlu_kit.statistics import intervals, proportions
from mmlu_kit.statistics.clusters import clustered_mean
from scipy import stats
from scipy.special import log_softmax


def answers(*logprobs):
    """Return rows of questions.csv with these log-probabilities."""
    table = pandas.DataFrame([dict(zip(merging.logprob_columns(len(row)), row, strict=True)) for row in logprobs])
    return table.assign(choices=[len(row) for row in logprobs], letter_mass=0.9)


def test_probabilities_are_among_the_letters_or_unknown():
    table = answers([-1.0, -1.0, -1.0, -1.0], [-0.5, -2.5, -2.5, -2.5])
    assert letter_probabilities(table).sum(axis=1) == pytest.approx([1, 1])
    assert letter_probabilities(table)[0] == pytest.approx([0.25] * 4)
    table.loc[1, "logprob_D"] = None
    assert letter_probabilities(table) is None


def test_probabilities_are_among_the_letters_of_each_question():
    probabilities = letter_probabilities(answers([-1.0, -1.0], [-2.0] * 5, [-0.5, -2.5, -2.5]))
    assert probabilities[0] == pytest.approx([0.5, 0.5, 0, 0, 0]) and probabilities[1] == pytest.approx([0.2] * 5)
    assert probabilities[2][:3].sum() == pytest.approx(1) and list(probabilities[2][3:]) == [0, 0]
    assert len(letter_probabilities(answers([-1.0, -1.0])[:0])) == 0


def test_log_probabilities_of_texts_are_no_letters_probabilities():
    assert letter_probabilities(answers([-9.0, -11.0, -7.5]).assign(letter_mass=None)) is None


def by_hand(confidences, correct):
    """Return the calibration of a model of two choices that is this confident of the first, which is right where it is."""
    sure, right = numpy.array(confidences), numpy.array(correct, bool)
    probabilities = numpy.column_stack([sure, 1 - sure])
    return calibration(probabilities, numpy.where(right, 0, 1), right)


def test_calibration_by_hand():
    """Twenty answers make two bins of ten: 0.9 sure with 6 right, 0.6 sure with 7 right."""
    result = by_hand([0.6, 0.9] * 10, [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0])
    assert [(bin.count, bin.least, bin.most, bin.accuracy) for bin in result.bins] == [(10, 0.6, 0.6, 0.7), (10, 0.9, 0.9, 0.6)]
    assert result.error.ece == pytest.approx((10 * 0.1 + 10 * 0.3) / 20)
    assert result.brier == pytest.approx((7 * 0.16 + 3 * 0.36 + 6 * 0.01 + 4 * 0.81) / 20)
    assert result.confidence == pytest.approx(0.75)
    assert all((bin.low, bin.high) == intervals.wilson(round(bin.accuracy * bin.count), bin.count) for bin in result.bins)


def test_bins_have_as_many_questions_and_keep_equal_confidences_together():
    even = measures.equal_bins(numpy.linspace(0.3, 1, 1003))
    assert set(numpy.bincount(even)) == {100, 101} and (numpy.diff(even) >= 0).all()
    tied = measures.equal_bins(numpy.repeat([0.4, 0.7, 0.9], [30, 50, 20]))
    assert list(numpy.bincount(tied)) == [30, 50, 20]
    assert measures.equal_bins(numpy.full(100, 0.5)).max() == 0
    assert list(numpy.bincount(measures.equal_bins(numpy.linspace(0, 1, 35)))) == [12, 11, 12]
    assert list(measures.equal_bins(numpy.array([0.9, 0.3]))) == [0, 0]  # too few questions for two bins


def test_without_error_there_is_none():
    result = by_hand([1.0] * 200, [1] * 200)
    assert result.error.ece == result.error.calibrated == 0 and result.error.p == 1
    assert result.gap is None and result.temperature is None


def test_the_mean_gap_is_the_paired_t_test():
    random = numpy.random.default_rng(1)
    sure = random.uniform(0.6, 1, 500)
    right = random.random(500) < sure - 0.1
    gap = by_hand(sure, right).gap
    test = stats.ttest_rel(sure, right.astype(float))
    assert (gap.p, gap.difference) == (pytest.approx(test.pvalue), pytest.approx((sure - right).mean()))
    assert (gap.low, gap.high) == pytest.approx(tuple(test.confidence_interval()))
    assert gap.p < 0.05 and gap.low > 0 and not gap.clustered


def test_too_few_right_or_wrong_answers_are_not_tested():
    """99 of 100 right at a confidence of 0.99 is what is expected: a t-test of so skewed a sample has no meaning."""
    assert by_hand([0.99] * 100, [1] * 96 + [0] * 4).gap is None
    assert by_hand([0.99] * 100, [1] * 95 + [0] * 5).gap is not None


def calibrated(random, questions, sharper=1.0, letters=4):
    """Return letter log-probabilities and right letters; log-probabilities are `sharper` than those that right letters have."""
    logprobs = log_softmax(random.normal(0, 2, (questions, letters)), axis=1)
    gold = (numpy.exp(logprobs).cumsum(axis=1) < random.random((questions, 1))).sum(axis=1).clip(0, letters - 1)
    return log_softmax(logprobs * sharper, axis=1), gold


def confident(logprobs, gold):
    """Return confidences, and whether the most probable letters are right."""
    return numpy.exp(logprobs).max(axis=1), (logprobs.argmax(axis=1) == gold).astype(float)


@pytest.mark.parametrize("sharper", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_log_probabilities_sharper_is_recovered(sharper):
    logprobs, gold = calibrated(numpy.random.default_rng(2), 4000, sharper)
    assert measures.temperature(logprobs, gold) == pytest.approx(sharper, rel=0.07)
    grid = numpy.geomspace(0.3, 5, 400)
    losses = [-log_softmax(logprobs / value, axis=1)[numpy.arange(4000), gold].mean() for value in grid]
    assert measures.temperature(logprobs, gold) == pytest.approx(grid[numpy.argmin(losses)], rel=0.01)


def test_a_temperature_mends_the_error_of_overconfidence():
    logprobs, gold = calibrated(numpy.random.default_rng(3), 2000, 3.0)
    result = calibration(numpy.exp(logprobs), gold, logprobs.argmax(axis=1) == gold)
    assert result.temperature.temperature == pytest.approx(3, rel=0.1)
    assert result.error.ece > 0.15 and result.error.p == 1 / 2000 and result.error.low > 0.1
    assert result.temperature.ece < 0.04
    assert result.gap.low > 0.15


def test_letters_that_a_question_lacks_change_no_temperature():
    random = numpy.random.default_rng(4)
    logprobs, gold = calibrated(random, 1000, 2.0)
    wider = numpy.column_stack([logprobs, numpy.full((1000, 22), -numpy.inf)])
    assert measures.temperature(wider, gold) == pytest.approx(measures.temperature(logprobs, gold), rel=1e-6)
    mended = measures.confidences_at_temperature(logprobs, gold)
    assert measures.confidences_at_temperature(wider, gold) == pytest.approx(mended, rel=1e-6)


def test_a_model_that_knows_nothing_or_everything_has_no_temperature():
    logprobs, gold = calibrated(numpy.random.default_rng(5), 400)
    assert measures.temperature(logprobs, (logprobs.argmin(axis=1))) is None  # always wrong
    assert measures.temperature(logprobs, (logprobs.argmax(axis=1))) is None
    probabilities = numpy.column_stack([numpy.ones(200), numpy.zeros(200)])  # certain, and wrong in half of the cases
    gold = numpy.arange(200) % 2
    assert calibration(probabilities, gold, gold == 0).temperature is None


def test_fewer_than_100_questions_have_no_temperature():
    logprobs, gold = calibrated(numpy.random.default_rng(6), 100, 2.0)
    right = logprobs.argmax(axis=1) == gold
    assert calibration(numpy.exp(logprobs), gold, right).temperature
    assert calibration(numpy.exp(logprobs[:99]), gold[:99], right[:99]).temperature is None


def test_what_a_calibrated_model_gets_is_its_mean_error():
    """By other draws than the kit's."""
    random = numpy.random.default_rng(7)
    sure = random.uniform(0.25, 1, 300)
    drawn = [measures.calibration_error(sure, (random.random(300) < sure).astype(float)) for _ in range(1000)]
    assert measures.error_if_calibrated(sure, numpy.ones(300)).mean == pytest.approx(numpy.mean(drawn), rel=0.03)


def test_calibrated_models_rarely_seem_not_to_be():
    random = numpy.random.default_rng(8)
    models = [confident(*calibrated(random, 200)) for _ in range(200)]
    assert numpy.mean([measures.error_if_calibrated(*model, draws=199).p < 0.05 for model in models]) <= 0.07
    models += [confident(*calibrated(random, 200)) for _ in range(600)]
    assert numpy.mean([proportions.mean_test(sure - right).p < 0.05 for sure, right in models]) <= 0.07


def test_subjects_as_the_sample_make_few_false_alarms():
    """Models that are calibrated over all subjects, more on some and less on others."""
    random, subjects = numpy.random.default_rng(9), numpy.repeat(numpy.arange(10), 50)
    alarms = 0
    for _ in range(200):
        sure = random.uniform(0.4, 0.9, 500)
        right = random.random(500) < sure + random.normal(0, 0.07, 10)[subjects]
        alarms += clustered_mean(sure - right, subjects).p < 0.05
    assert alarms <= 14


def off(sure, by):
    """Return the probabilities of right answers of a model that is more confident than right by this, or in one half less."""
    return sure + numpy.where(sure > 0.7, -0.1, 0.1) if by is None else sure - by


@pytest.mark.parametrize("by", [0.0, 0.05, 0.15, None])
def test_the_interval_of_the_error_covers_it(by):
    random, covered = numpy.random.default_rng(10), 0
    for questions in [150, 600] * 200:
        sure = random.uniform(0.4, 1, questions)
        right = (random.random(questions) < off(sure, by)).astype(float)
        low, high = measures.error_interval(sure, right, draws=299)
        covered += low <= measures.calibration_error(sure, off(sure, by)) <= high
    assert 0.9 * 400 <= covered <= 0.98 * 400


def test_a_model_that_is_always_right_has_no_temperature_and_no_interval_without_width():
    confidences, logprobs = numpy.full(300, 0.7), numpy.log([[0.7, 0.1, 0.1, 0.1]] * 300)
    assert measures.temperature(logprobs, numpy.zeros(300, int)) is None
    low, high = measures.error_interval(confidences, numpy.ones(300))
    assert low == pytest.approx(0.3 - 0.01264, abs=1e-4) and high == pytest.approx(0.3 + 0.01264, abs=1e-4)
    assert (
        measures.error_interval(confidences, numpy.zeros(300)).low
        < 0.7
        < measures.error_interval(confidences, numpy.zeros(300)).high
    )

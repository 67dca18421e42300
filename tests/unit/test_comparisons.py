"""Comparisons of two models, against known values, other programs and made-up models."""

import numpy
import pytest
from mmlu_kit.statistics import agreement, comparisons
from mmlu_kit.statistics.clusters import ClusteredMean
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

SUBJECTS = numpy.repeat(numpy.arange(20), 50)


def right_in_subjects(random, effect, better=0.0):
    """Return which answers of two models are right, 20 subjects of 50 questions, where each model has subjects that it knows
    better by a normal effect of this size, and the first is better by this share of the questions."""
    accuracies = 0.5 + numpy.array([[better], [0]]) + effect * random.standard_normal((2, 20))
    return random.random((2, len(SUBJECTS))) < numpy.repeat(accuracies, 50, axis=1)


def test_the_clustered_difference_of_equal_subjects_is_the_t_test_of_their_differences():
    first, second = right_in_subjects(numpy.random.default_rng(1), 0.1, 0.03)
    by_subject = [first[subject == SUBJECTS].mean() - second[subject == SUBJECTS].mean() for subject in range(20)]
    expected = stats.ttest_1samp(by_subject, 0)
    low, high = expected.confidence_interval()
    test = comparisons.clustered_difference(first, second, SUBJECTS)
    assert test.df == 19 and test.mean == pytest.approx(first.mean() - second.mean())
    # The sandwich has the correction (questions - 1) / (questions - 1) x clusters / (clusters - 1) alone.
    assert test.standard_error == pytest.approx(stats.sem(by_subject), rel=1e-3)
    assert test.p == pytest.approx(expected.pvalue, rel=0.01)
    assert test.interval == pytest.approx((low, high), abs=1e-4)


def test_the_clustered_difference_with_unequal_subjects_is_the_sandwich_by_hand():
    random = numpy.random.default_rng(2)
    subjects = numpy.repeat(numpy.arange(12), random.integers(20, 200, 12))
    first, second = random.random((2, len(subjects))) < 0.5
    differences = first * 1.0 - second
    sums = numpy.bincount(subjects, differences - differences.mean())
    error = (12 / 11 * (sums**2).sum()) ** 0.5 / len(subjects)
    test = comparisons.clustered_difference(first, second, subjects)
    assert test.standard_error == pytest.approx(error, rel=1e-6)
    assert test.p == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / error, 11), rel=1e-6)


def test_differences_that_do_not_vary_between_subjects_are_not_tested():
    first = numpy.tile([True, False], 500)
    assert comparisons.clustered_difference(first, first, SUBJECTS) is None
    assert comparisons.clustered_difference(first, ~first, SUBJECTS) is None
    assert comparisons.clustered_difference(first, numpy.zeros(1000), SUBJECTS) is None  # better by a half in every subject
    assert comparisons.clustered_difference(first, ~first, numpy.zeros(1000)) is None  # one subject


def test_the_clustered_test_rarely_rejects_models_that_are_equal_over_all_subjects():
    random = numpy.random.default_rng(3)
    clustered, mcnemar = [], []
    for _ in range(300):
        first, second = right_in_subjects(random, 0.12)
        clustered.append(comparisons.clustered_difference(first, second, SUBJECTS).p)
        mcnemar.append(comparisons.mcnemar(int((first & ~second).sum()), int((second & ~first).sum())))
    assert numpy.mean(numpy.array(clustered) <= 0.05) <= 0.07
    assert numpy.mean(numpy.array(mcnemar) <= 0.05) > 0.1  # as it takes the subjects as given


def test_the_clustered_test_detects_its_smallest_difference_in_80_percent_of_studies():
    random = numpy.random.default_rng(4)
    level = 0.05 / 3
    pilot = [comparisons.clustered_difference(*right_in_subjects(random, 0.08), SUBJECTS) for _ in range(50)]
    difference = numpy.mean([comparisons.smallest_clustered_difference(test, level) for test in pilot])
    tests = [comparisons.clustered_difference(*right_in_subjects(random, 0.08, difference), SUBJECTS) for _ in range(300)]
    assert numpy.mean([test.p <= level for test in tests]) == pytest.approx(0.8, abs=0.07)


def test_the_smallest_difference_of_many_subjects_is_by_the_normal_distribution():
    test = ClusteredMean(0.0, 0.01, 10**6, 1.0, (0.0, 0.0))
    assert comparisons.smallest_clustered_difference(test) == pytest.approx(0.01 * (1.959964 + 0.841621), rel=1e-5)
    few = ClusteredMean(0.0, 0.01, 9, 1.0, (0.0, 0.0))
    assert comparisons.smallest_clustered_difference(few) == pytest.approx(0.01 * (2.262157 + 0.883404), rel=1e-5)
    assert comparisons.smallest_clustered_difference(few, 0.01) == pytest.approx(0.01 * (3.249836 + 0.883404), rel=1e-5)
    assert comparisons.smallest_clustered_difference(few._replace(standard_error=0.5)) is None


def test_a_stricter_level_needs_a_larger_difference():
    at_5, at_1 = (comparisons.smallest_difference(400, 0.3, level) for level in (0.05, 0.01))
    random = numpy.random.default_rng(7)
    draws = random.multinomial(400, [(0.3 + at_1) / 2, (0.3 - at_1) / 2, 0.7], 4000)
    rejected = [comparisons.mcnemar(int(better), int(worse)) <= 0.01 for better, worse, _ in draws]
    assert at_5 < at_1 and numpy.mean(rejected) == pytest.approx(0.8, abs=0.02)


def test_the_ratio_of_many_right_answers_has_the_interval_of_the_delta_method():
    both, only_first, only_second = 40_000, 12_000, 8_000
    log = numpy.log(52_000 / 48_000)
    reach = 1.959964 * ((only_first + only_second) / (52_000 * 48_000)) ** 0.5
    interval = comparisons.paired_ratio_interval(both, only_first, only_second)
    assert interval == pytest.approx(numpy.exp([log - reach, log + reach]), rel=1e-4)
    low, high = comparisons.paired_ratio_interval(both, only_second, only_first)
    assert (1 / high, 1 / low) == pytest.approx(interval)


def test_a_ratio_needs_right_answers_of_both():
    assert comparisons.paired_ratio_interval(0, 0, 10) is comparisons.paired_ratio_interval(0, 10, 0) is None
    low, high = comparisons.paired_ratio_interval(50, 0, 0)
    assert low < 1 < high and low * high == pytest.approx(1)


@pytest.mark.parametrize("shares", [(0.15, 0.25, 0.1, 0.5), (0.05, 0.1, 0.02, 0.83), (0.6, 0.2, 0.1, 0.1)])
def test_the_interval_of_a_ratio_contains_it_in_95_percent_of_studies(shares):
    draws = numpy.random.default_rng(5).multinomial(100, shares, 1000)
    ratio = (shares[0] + shares[1]) / (shares[0] + shares[2])
    intervals = [comparisons.paired_ratio_interval(*map(int, counts[:3])) for counts in draws]
    inside = [low <= ratio <= high for low, high in filter(None, intervals)]
    assert 0.93 <= numpy.mean(inside) <= 0.98


def test_being_right_together_is_the_exact_mantel_haenszel_test():
    random = numpy.random.default_rng(6)
    first, second = right_in_subjects(random, 0.1)
    second |= first & (random.random(1000) < 0.1)
    tables = numpy.array(
        [[[(one & other & (s == SUBJECTS)).sum() for other in (second, ~second)] for one in (first, ~first)] for s in range(20)]
    )
    normal = StratifiedTable(list(tables)).test_null_odds(correction=True)
    assert comparisons.right_together(first, second, SUBJECTS) == pytest.approx(normal.pvalue / 2, rel=0.02)
    one_table = stats.fisher_exact(tables.sum(axis=0), alternative="greater")
    assert comparisons.right_together(first, second, numpy.zeros(1000)) == pytest.approx(one_table.pvalue)
    assert comparisons.right_together(first, numpy.ones(1000), SUBJECTS) is None
    assert comparisons.right_together(first, second, numpy.arange(1000)) is None


def test_being_right_together_is_exact_where_few_answers_are_right():
    """The normal approximation has p-values below 0.01 in nearly 3 % of such studies of independent models."""
    random, few = numpy.random.default_rng(7), numpy.repeat(numpy.arange(10), 8)
    drawn = [comparisons.right_together(*(random.random((2, 80)) < 0.1), few) for _ in range(600)]
    p_values = numpy.array([p for p in drawn if p is not None])
    assert len(p_values) > 500 and numpy.mean(p_values <= 0.05) <= 0.07 and numpy.mean(p_values <= 0.01) <= 0.014


def test_models_that_find_the_same_subjects_hard_are_not_right_together_within_them():
    random = numpy.random.default_rng(8)
    within, overall = [], []
    for _ in range(300):
        accuracies = numpy.repeat(0.5 + 0.2 * random.standard_normal(20), 50)
        first, second = random.random((2, 1000)) < accuracies
        within.append(comparisons.right_together(first, second, SUBJECTS))
        overall.append(comparisons.right_together(first, second, numpy.zeros(1000)))
    assert numpy.mean(numpy.array(within) <= 0.05) <= 0.07
    assert numpy.mean(numpy.array(overall) <= 0.05) > 0.5


def test_models_that_find_the_same_questions_hard_are_right_together():
    random = numpy.random.default_rng(9)
    p_values = []
    for _ in range(50):
        first, second = random.random((2, 1000)) < random.choice([0.3, 0.7], 1000)
        p_values.append(comparisons.right_together(first, second, SUBJECTS))
    assert numpy.mean(numpy.array(p_values) <= 0.05) > 0.9


@pytest.mark.parametrize(("subjects", "questions"), [(12, 60), (12, 15), (57, 3), (1, 300)])
def test_intervals_of_agreement_contain_it_in_95_percent_of_studies(subjects, questions):
    random = numpy.random.default_rng(10)
    places = numpy.repeat(numpy.arange(subjects), questions)
    easy, choices = random.normal(0, 0.1, subjects), numpy.full(len(places), 4)

    def study(places):
        """Answers of two models to questions of these subjects, that each has a chance of its own to be known."""
        known = 0.45 + easy[places] + random.choice([-0.3, 0.3], len(places))
        gold = random.integers(0, 4, len(places))

        def answers():
            guesses = numpy.where(random.random(len(places)) < 0.4, (gold + 1) % 4, random.integers(0, 4, len(places)))
            return numpy.where(random.random(len(places)) < known, gold, guesses)

        return answers(), answers(), gold

    many = numpy.repeat(numpy.arange(subjects), 400_000 // subjects)
    first, second, gold = study(many)
    fours = numpy.full(len(many), 4)
    right = first == gold, second == gold
    truth = agreement.kappa(*right, fours), agreement.kappa(*right, many), agreement.capa(first, second, gold, fours)
    inside = []
    for _ in range(200):
        ends = agreement.intervals(*study(places), places, choices)
        inside.append([interval.low <= value <= interval.high for interval, value in zip(ends, truth, strict=True)])
    assert truth[0] > truth[1] if subjects > 1 else truth[0] == truth[1]
    for share in numpy.mean(inside, axis=0):
        assert 0.90 <= share <= 0.98


def test_few_differing_answers_make_no_test_with_subjects_as_the_sample():
    """Five questions that only the second model gets right, each in another subject: t would be 3, McNemar's p is 0.06."""
    second = numpy.zeros(1000, bool)
    second[[0, 50, 100, 150, 200]] = True
    assert comparisons.clustered_difference(numpy.zeros(1000), second, SUBJECTS) is None
    random, p_values = numpy.random.default_rng(12), []
    for _ in range(400):
        first = random.random(1000) < 0.5
        test = comparisons.clustered_difference(first, first ^ (random.random(1000) < 0.015), SUBJECTS)
        p_values += [test.p] if test else []
    assert len(p_values) > 300 and numpy.mean(numpy.array(p_values) <= 0.05) <= 0.07

"""Exact tests of two shares and of shared mistakes, beside scipy's and brute force, and their rates of false alarms."""

import itertools

import numpy
import pytest
from mmlu_kit.statistics import two_by_two
from scipy import stats


@pytest.mark.parametrize(("right", "other"), [((3, 10), (8, 12)), ((35, 100), (46, 100)), ((0, 5), (5, 5)), ((4, 4), (0, 9))])
def test_a_larger_share_is_tested_as_scipys_fisher_test_does(right, other):
    table = [[right[0], right[1] - right[0]], [other[0], other[1] - other[0]]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert two_by_two.larger_share(*right, *other) == pytest.approx(expected)


def test_shared_mistakes_in_one_stratum_are_fishers_test():
    first, second = numpy.array([1, 1, 1, 1, 0, 0, 0, 1, 0, 0]), numpy.array([1, 1, 1, 0, 0, 0, 1, 1, 0, 0])
    test = two_by_two.both_wrong(first, second, numpy.zeros(10))
    table = [[4, 1], [1, 4]]
    assert test.p_more == pytest.approx(stats.fisher_exact(table, alternative="greater").pvalue)
    assert test.p_less == pytest.approx(stats.fisher_exact(table, alternative="less").pvalue)
    assert test.expected == pytest.approx(2.5)


def test_shared_mistakes_in_strata_are_as_counted_over_all_permutations():
    first, second, strata = (
        numpy.array([1, 0, 0, 1, 1, 0, 1]),
        numpy.array([1, 0, 0, 0, 1, 0, 1]),
        numpy.array([0] * 3 + [1] * 4),
    )
    counts = [
        (first[:3] & list(one)).sum() + (first[3:] & list(other)).sum()
        for one in itertools.permutations(second[:3])
        for other in itertools.permutations(second[3:])
    ]
    test = two_by_two.both_wrong(first, second, strata)
    assert test.expected == pytest.approx(numpy.mean(counts))
    assert test.p_more == pytest.approx(numpy.mean(numpy.array(counts) >= 3))
    assert test.p_less == pytest.approx(numpy.mean(numpy.array(counts) <= 3))


def test_right_answers_are_tested_against_permuted_letters():
    letters, gold = numpy.array([0, 0, 1, 1, 2, -1]), numpy.array([0, 1, 1, 1, 2, 0])
    matches = [(numpy.array(order) == gold).sum() for order in itertools.permutations(letters)]
    test = two_by_two.right_by_margins(letters, gold, numpy.full(6, 4), draws=20_000)
    assert test.expected == pytest.approx(numpy.mean(matches))
    assert test.p_more == pytest.approx(numpy.mean(numpy.array(matches) >= 4), abs=0.01)
    assert test.p_less == pytest.approx(numpy.mean(numpy.array(matches) <= 4), abs=0.01)


def test_letters_are_permuted_among_questions_with_as_many_choices():
    letters, gold = numpy.array([0, 1, 0, 1, 4, 5]), numpy.array([0, 1, 1, 0, 5, 5])
    test = two_by_two.right_by_margins(letters, gold, numpy.array([2, 2, 2, 2, 6, 6]))
    assert test.expected == pytest.approx(2 + 1)


def test_nothing_can_be_shown_of_a_constant_letter():
    test = two_by_two.right_by_margins(numpy.full(40, 3), numpy.arange(40) % 4, numpy.full(40, 4))
    assert (test.expected, test.p_more, test.p_less) == (10, 1, 1)
    test = two_by_two.right_by_margins(numpy.full(1369, 3), numpy.arange(1369) % 4, numpy.full(1369, 4))
    assert (test.expected, test.p_more, test.p_less) == (342, 1, 1)
    everything = two_by_two.right_by_margins(numpy.full(5, 3), numpy.full(5, 3), numpy.full(5, 4))
    assert (everything.expected, everything.p_more) == (5, 1)


def test_ratios_have_the_interval_of_scipy():
    low, high = two_by_two.ratio_interval(854, 1369, 124, 1369)
    risk = stats.contingency.relative_risk(854, 1369, 124, 1369).confidence_interval()
    assert (low, high) == pytest.approx((risk.low, risk.high))


def test_false_alarms_are_as_rare_as_they_should_be():
    random = numpy.random.default_rng(3)
    alarms = {"letters": 0, "shared": 0}
    strata = numpy.repeat(numpy.arange(10), 40)
    rate = numpy.repeat(numpy.linspace(0.2, 0.8, 10), 40)
    for _ in range(200):
        letters, gold = random.choice(4, 200, p=[0.6, 0.2, 0.1, 0.1]), random.choice(4, 200, p=[0.4, 0.3, 0.2, 0.1])
        alarms["letters"] += two_by_two.right_by_margins(letters, gold, numpy.full(200, 4), draws=199).p_more < 0.05
        # Both find the same subjects hard, but not the same questions.
        first, second = random.random(400) < rate, random.random(400) < rate
        alarms["shared"] += two_by_two.both_wrong(first, second, strata).p_more < 0.05
    assert max(alarms.values()) <= 14, alarms

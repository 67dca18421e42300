"""Statistics against known answers, and what must hold of them whatever the numbers are."""

import numpy
import pytest
from mmlu_kit import statistics
from scipy import stats


def choices(text):
    return numpy.array([int(character) for character in text])


GOLD, FIRST, SECOND = map(choices, ("0123012301", "0123023011", "0120023102"))


@pytest.mark.parametrize(("right", "asked", "low", "high"), [(19, 38, 0.348499, 0.651501), (0, 10, 0, 0.277533)])
def test_wilson(right, asked, low, high):
    assert statistics.wilson(right, asked) == pytest.approx((low, high), abs=5e-7)


def test_guessing_is_told_from_knowing_by_the_exact_binomial_test():
    assert statistics.better_than_guessing(3, 3) == pytest.approx(1 / 64)
    assert statistics.better_than_guessing(0, 10) == 1
    assert statistics.better_than_guessing(25, 100) > 0.4 > 0.05 > statistics.better_than_guessing(33, 100)
    assert statistics.worse_than_guessing(0, 3) == pytest.approx(27 / 64)
    assert statistics.worse_than_guessing(1, 24) < 0.05 < 0.99 < statistics.better_than_guessing(1, 24)


def test_mcnemar_is_exact():
    assert statistics.mcnemar(9, 2) == pytest.approx(0.0654297, abs=5e-8)
    assert statistics.mcnemar(121, 59) == pytest.approx(4.4344e-06, abs=5e-10)
    assert statistics.mcnemar(59, 121) == statistics.mcnemar(121, 59)
    assert statistics.mcnemar(0, 0) == 1


def test_cochrans_q_of_two_models_is_mcnemar_without_a_correction():
    correct = numpy.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [101, 121, 59, 33], axis=0).astype(bool)
    found = statistics.cochran_q(correct)
    assert found["statistic"] == pytest.approx((121 - 59) ** 2 / (121 + 59)) and found["df"] == 1
    assert found["p"] == pytest.approx(stats.chi2.sf(found["statistic"], 1))
    assert statistics.cochran_q(correct[:101]) is None  # both right everywhere


def test_holm():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([]) == []


def test_agreement_of_two_models():
    first, second = FIRST == GOLD, SECOND == GOLD
    assert statistics.kappa(first, second) == pytest.approx(0.4)
    assert statistics.capa(FIRST, SECOND, GOLD) == pytest.approx(0.368421, abs=5e-7)
    assert statistics.same_wrong(FIRST, SECOND, GOLD, numpy.zeros(10))["rate"] == pytest.approx(2 / 3)
    assert statistics.kappa_max(0.8, 0.6) == pytest.approx(0.545455, abs=5e-7)


def test_agreement_has_its_bounds():
    first = FIRST == GOLD
    assert statistics.kappa(first, first) == pytest.approx(1)
    assert statistics.capa(FIRST, FIRST, GOLD) == pytest.approx(1)
    assert statistics.kappa_max(0.6, 0.6) == pytest.approx(1)
    # Where one is right wherever the other is, kappa is the largest that the two accuracies allow.
    better = first | (numpy.arange(10) == 5)
    assert statistics.kappa(first, better) == pytest.approx(statistics.kappa_max(first.mean(), better.mean()))


def test_agreement_is_not_defined_where_nothing_varies():
    always, never = numpy.ones(5, bool), numpy.zeros(5, bool)
    assert statistics.kappa(always, always) is statistics.kappa(never, never) is None
    assert statistics.kappa(always, never) == 0
    assert statistics.kappa_max(1, 1) is statistics.kappa_max(0, 0) is None
    assert statistics.capa(GOLD, GOLD, GOLD) is None


def leaning(random, gold, accuracy, share_of_a):
    """Somebody who knows this share of the answers and else takes 'A' in `share_of_a` of cases, or any other letter."""
    other = (1 - share_of_a) / 3
    return numpy.where(random.random(len(gold)) < accuracy, gold, random.choice(4, len(gold), p=[share_of_a] + [other] * 3))


def test_two_unrelated_models_that_like_a_are_not_said_to_be_alike():
    random = numpy.random.default_rng(3)
    rates, values = [], []
    for _ in range(100):
        gold, subjects = random.integers(0, 4, 1000), numpy.repeat(numpy.arange(10), 100)
        models = [leaning(random, gold, accuracy, 0.85) for accuracy in (0.3, 0.45)]
        found = statistics.same_wrong(*models, gold, subjects, draws=399)
        rates.append(found["rate"])
        values.append(found["p"])
        assert found["null"]["low"] <= found["null"]["mean"] <= found["null"]["high"]
        assert abs(found["null"]["mean"] - found["rate"]) < 0.05
    assert numpy.mean(rates) > 0.75  # most wrong answers are the same, and yet
    assert numpy.mean(numpy.array(values) <= 0.05) <= 0.1  # no more p-values are small than chance has
    assert 0.35 < numpy.mean(values) < 0.65


def test_models_that_fall_for_the_same_wrong_answers_are_alike():
    random = numpy.random.default_rng(4)
    gold, subjects = random.integers(0, 4, 1000), numpy.repeat(numpy.arange(10), 100)
    tempting = (gold + random.integers(1, 4, 1000)) % 4  # each question's own wrong answer
    models = [numpy.where(random.random(1000) < 0.3, tempting, leaning(random, gold, 0.4, 0.25)) for _ in range(2)]
    found = statistics.same_wrong(*models, gold, subjects)
    assert found["p"] == pytest.approx(1 / 2000) and found["rate"] > found["null"]["high"] + 0.05


def test_the_null_is_that_of_permuting_one_models_wrong_answers_within_subject_and_right_letter():
    random = numpy.random.default_rng(5)
    gold, subjects = random.integers(0, 4, 200), numpy.repeat([0, 1], 100)
    first, second = (leaning(random, gold, 0.3, 0.5) for _ in range(2))
    found = statistics.same_wrong(first, second, gold, subjects)
    both = (first != gold) & (second != gold)
    cell, one, other = (subjects * 4 + gold)[both], first[both], second[both]
    rates = []
    for _ in range(4000):
        order = numpy.lexsort((random.random(len(cell)), cell))  # shuffles within each cell
        permuted = numpy.empty_like(other)
        permuted[numpy.argsort(cell, kind="stable")] = other[order]
        rates.append(numpy.mean(permuted == one))
    assert found["null"]["mean"] == pytest.approx(numpy.mean(rates), abs=0.005)
    assert found["null"]["low"] == pytest.approx(numpy.quantile(rates, 0.025), abs=0.015)
    assert found["p"] == pytest.approx(numpy.mean(numpy.array(rates) >= found["rate"]), abs=0.05)


def test_wrong_answers_are_not_tested_where_nothing_can_be_permuted():
    assert statistics.same_wrong(GOLD, FIRST, GOLD, GOLD)["rate"] is None
    always_a = numpy.zeros(10, int)
    found = statistics.same_wrong(always_a, SECOND, GOLD, numpy.zeros(10))
    assert (found["count"], found["rate"]) == (1, 1 / 5) and found["p"] is None
    assert found["null"] == {"mean": found["rate"], "low": found["rate"], "high": found["rate"]}


def test_independent_models_are_poisson_binomial():
    expected = [0.1126, 0.3136, 0.3412, 0.1810, 0.0468, 0.0047]
    assert statistics.independent([0.45, 0.40, 0.30, 0.25, 0.35]) == pytest.approx(expected, abs=6e-5)
    assert statistics.independent([0.3] * 4) == pytest.approx(stats.binom.pmf(range(5), 4, 0.3))


@pytest.mark.parametrize("accuracies", [(0.45, 0.4, 0.3, 0.25, 0.35), (0.9, 0.3, 0.6), (0.42,) * 5])
def test_independent_models_are_seldom_said_to_miss_the_same_questions(accuracies):
    random = numpy.random.default_rng(6)
    values = []
    for _ in range(500):
        wrong = random.random((1000, len(accuracies))) >= accuracies
        observed = numpy.bincount(wrong.sum(1), minlength=len(accuracies) + 1)
        expected = [1000 * share for share in statistics.independent(wrong.mean(0))]
        values.append(statistics.goodness_of_fit(observed, expected)["p"])
    assert numpy.mean(numpy.array(values) <= 0.05) < 0.08


def test_small_expected_counts_are_pooled_or_not_tested():
    found = statistics.goodness_of_fit([3, 30, 40, 20, 4, 3], [1, 29, 45, 20, 4, 1])
    by_hand = (33 - 30) ** 2 / 30 + (40 - 45) ** 2 / 45 + (20 - 20) ** 2 / 20 + (7 - 5) ** 2 / 5
    assert found["chi2"] == pytest.approx(by_hand) and found["df"] == 4 - 2
    assert found["p"] == pytest.approx(stats.chi2.sf(by_hand, 2))
    assert set(statistics.goodness_of_fit([2, 3, 1], [1.5, 3, 1.5]).values()) == {None}


def test_calibration():
    confidences = [0.95, 0.85, 0.75, 0.65, 0.55] * 2
    outcomes = choices("1110011010")
    found = statistics.calibration(confidences, outcomes)
    assert found["ece"] == pytest.approx(0.23)
    assert found["brier"] == pytest.approx(sum((c - o) ** 2 for c, o in zip(confidences, outcomes, strict=True)) / 10)
    assert [entry["count"] for entry in found["bins"]] == [0] * 5 + [2] * 5
    assert found["bins"][0]["accuracy"] is None and found["bins"][5]["accuracy"] == 0
    assert (found["bins"][9]["low"], found["bins"][9]["high"]) == (0.9, 1.0)


def test_certainty_falls_into_the_last_bin():
    found = statistics.calibration([1.0, 1.0, 1.0], [1, 1, 0])
    assert found["bins"][9]["count"] == 3 and found["ece"] == pytest.approx(1 / 3)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    assert [entry["count"] for entry in statistics.calibration([0.25, 0.5, 0.75], [1, 1, 1], bins=4)["bins"]] == [1, 1, 1, 0]


def test_the_spread_of_letters():
    assert statistics.std_dev([0.5, 0.25, 0.25, 0]) == pytest.approx(0.176777, abs=5e-7)
    assert statistics.std_dev([0.25] * 4) == 0


def test_the_smallest_difference_is_found_in_four_of_five_samples():
    questions, discordant = 400, 0.3
    difference = statistics.smallest_difference(questions, discordant)
    random = numpy.random.default_rng(7)
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    draws = random.multinomial(questions, shares, 4000)
    found = [statistics.mcnemar(int(more), int(less)) <= 0.05 for more, less, _ in draws]
    assert numpy.mean(found) == pytest.approx(0.8, abs=0.02)


def test_the_smallest_difference_nears_the_normal_approximation():
    # Connor 1987 (Biometrics 43, 207-211): n = (1.96 sqrt(d) + 0.8416 sqrt(d - difference^2))^2 / difference^2.
    difference, d = statistics.smallest_difference(14042, 0.15), 0.15
    questions = (1.959964 * d**0.5 + 0.841621 * (d - difference**2) ** 0.5) ** 2 / difference**2
    assert questions == pytest.approx(14042, rel=0.02)


def test_more_questions_show_smaller_differences_and_few_show_none():
    found = [statistics.smallest_difference(questions, 0.3) for questions in (50, 200, 1000, 5000)]
    assert found == sorted(found, reverse=True) and found[0] < 0.3
    assert statistics.smallest_difference(10, 0.3) is None  # three discordant questions reject nothing
    assert statistics.smallest_difference(1000, 0) is None


def test_kendalls_w():
    alike = numpy.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.1, 0.3, 0.5, 0.9]])
    found = statistics.kendall_w(alike)
    assert found["w"] == pytest.approx(1) and (found["chi2"], found["df"]) == (pytest.approx(9), 3)
    assert statistics.kendall_w(numpy.array([[1, 2, 3], [3, 2, 1.0]]))["w"] == pytest.approx(0)
    # By hand, with ties: ranks 1.5 1.5 3 and 1 2.5 2.5, their sums 2.5 4 5.5, and W = 12 S / (m² (k³ - k) - m ΣT).
    tied = statistics.kendall_w(numpy.array([[5, 5, 7], [1, 2, 2.0]]))
    assert tied["w"] == pytest.approx(12 * (1.5**2 + 1.5**2) / (4 * 24 - 2 * 12))


@pytest.mark.parametrize("ratings", [[[1, 2, 3]], [[1, 2], [1, 2]], [[1, 1, 1], [2, 2, 2]]])
def test_kendalls_w_is_not_defined_for_one_model_two_subjects_or_no_differences(ratings):
    assert statistics.kendall_w(numpy.array(ratings, float)) is None


def test_spearman_and_its_permutation_test():
    first, second = [1, 2, 3, 4, 5], [2, 1, 4, 3, 5]
    rho, p = statistics.spearman(first, second)
    assert rho == pytest.approx(0.8)
    # Of the 120 orders 8 have a rho of 0.8 or more, and as many of -0.8 or less.
    assert p == pytest.approx(16 / 120)
    assert statistics.spearman(range(10), range(10))[1] == 2 / 2000  # no other order of those drawn is as clear
    assert statistics.spearman([1, 1, 1], [1, 2, 3]) == statistics.spearman([1, 2], [1, 2]) == (None, None)


def test_a_clustered_interval_is_wider_where_subjects_differ():
    subjects = numpy.repeat(numpy.arange(10), 100)
    even = numpy.tile([True, False], 500)
    uneven = numpy.repeat([True, False] * 5, 100)
    low, high = statistics.clustered(uneven, subjects)
    assert (low, high) == pytest.approx((0.5 - 2.262157 / 6, 0.5 + 2.262157 / 6), abs=1e-3)  # t(9) times 0.5 / sqrt(10 - 1)
    assert statistics.clustered(even, subjects)[1] - statistics.clustered(even, subjects)[0] < 0.01
    assert statistics.clustered(numpy.ones(1000), subjects) is None

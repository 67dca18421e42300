"""Statistical tests and intervals, against known values and general properties."""

import itertools
import math
import time

import numpy
import pytest
from mmlu_kit.statistics import clusters, comparisons, counts, intervals, multiple, proportions, ranks
from scipy import stats


@pytest.mark.parametrize(("correct", "questions", "low", "high"), [(19, 38, 0.348499, 0.651501), (0, 10, 0, 0.277533)])
def test_wilson(correct, questions, low, high):
    assert intervals.wilson(correct, questions) == pytest.approx((low, high), abs=5e-7)


def test_guessing_is_distinguished_by_the_exact_binomial_test():
    def better(correct, questions):
        return proportions.better_than_guessing(correct, [0.25] * questions)

    def worse(correct, questions):
        return proportions.worse_than_guessing(correct, [0.25] * questions)

    assert better(3, 3) == pytest.approx(1 / 64)
    assert better(0, 10) == 1
    assert better(25, 100) > 0.4 > 0.05 > better(33, 100)
    assert worse(0, 3) == pytest.approx(27 / 64)
    assert worse(1, 24) < 0.05 < 0.99 < better(1, 24)


@pytest.mark.parametrize("chance", [1 / number for number in (2, 3, 4, 5, 10, 26)])
@pytest.mark.parametrize(("correct", "questions"), [(0, 1), (1, 1), (0, 40), (9, 40), (40, 40), (3600, 14_042)])
def test_with_equal_chances_the_test_is_the_binomial_one(correct, questions, chance):
    for test, side in ((proportions.better_than_guessing, "greater"), (proportions.worse_than_guessing, "less")):
        p = stats.binomtest(correct, questions, chance, alternative=side).pvalue
        assert test(correct, [chance] * questions) == pytest.approx(p, rel=1e-12, abs=0)


def test_with_unequal_chances_the_test_is_exact():
    chances = [1 / 2, 1 / 3, 1 / 3, 1 / 5, 1 / 10, 1 / 10]
    exactly = [0.0] * 7
    for outcome in itertools.product((0, 1), repeat=6):
        exactly[sum(outcome)] += math.prod(p if right else 1 - p for p, right in zip(chances, outcome, strict=True))
    for correct in range(7):
        assert proportions.better_than_guessing(correct, chances) == pytest.approx(sum(exactly[correct:]), rel=1e-12)
        assert proportions.worse_than_guessing(correct, chances) == pytest.approx(sum(exactly[: correct + 1]), rel=1e-12)
        # In whatever order the questions are.
        assert proportions.better_than_guessing(correct, chances[::-1]) == proportions.better_than_guessing(correct, chances)


def test_all_of_mmlu_with_every_number_of_choices_is_tested_at_once_far_into_the_tails():
    chances = [1 / (2 + number % 25) for number in range(14_042)]
    began = time.monotonic()
    above, below = proportions.better_than_guessing(2500, chances), proportions.worse_than_guessing(900, chances)
    assert time.monotonic() - began < 1
    assert 0 < above < 1e-100 and 0 < below < 1e-90
    # By the normal approximation near the mean, where it holds.
    mean, sd = sum(chances), sum(chance * (1 - chance) for chance in chances) ** 0.5
    assert proportions.better_than_guessing(1650, chances) == pytest.approx(stats.norm.sf((1649.5 - mean) / sd), rel=0.02)


def test_mcnemar_is_exact():
    assert comparisons.mcnemar(9, 2) == pytest.approx(0.0654297, abs=5e-8)
    assert comparisons.mcnemar(121, 59) == pytest.approx(4.4344e-06, abs=5e-10)
    assert comparisons.mcnemar(59, 121) == comparisons.mcnemar(121, 59)
    assert comparisons.mcnemar(0, 0) == 1


def test_cochrans_q_of_two_models_is_mcnemar_without_a_correction():
    correct = numpy.repeat([[1, 1], [1, 0], [0, 1], [0, 0]], [101, 121, 59, 33], axis=0).astype(bool)
    test = comparisons.cochran_q(correct)
    assert test.statistic == pytest.approx((121 - 59) ** 2 / (121 + 59)) and test.df == 1
    assert test.p == pytest.approx(stats.chi2.sf(test.statistic, 1))
    assert comparisons.cochran_q(correct[:101]) is None  # both right everywhere


def test_holm():
    assert multiple.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert multiple.holm([]) == []
    assert multiple.holm([0.01, None, 0.04]) == [0.02, None, 0.04]  # a test that could not be done is none of the two


def test_independent_models_are_poisson_binomial():
    expected = [0.1126, 0.3136, 0.3412, 0.1810, 0.0468, 0.0047]
    assert counts.poisson_binomial([0.45, 0.40, 0.30, 0.25, 0.35]) == pytest.approx(expected, abs=6e-5)
    assert counts.poisson_binomial([0.3] * 4) == pytest.approx(stats.binom.pmf(range(5), 4, 0.3))


def permuted_within(column, strata):
    """Yield every permutation of a column within strata."""
    groups = [numpy.flatnonzero(strata == stratum) for stratum in numpy.unique(strata)]
    for orders in itertools.product(*(itertools.permutations(group) for group in groups)):
        permuted = column.copy()
        for group, order in zip(groups, orders, strict=True):
            permuted[group] = column[list(order)]
        yield permuted


@pytest.mark.parametrize("strata", [[0, 0, 0, 0, 0], [0, 0, 0, 1, 1]])
def test_models_that_are_wrong_together_are_those_of_every_permutation(strata):
    wrong = numpy.array([[1, 1, 1], [1, 1, 0], [0, 0, 0], [1, 1, 1], [0, 0, 1]], bool)
    strata = numpy.array(strata)

    def pairs_wrong(*columns):
        return sum((one & other).sum() for one, other in itertools.combinations(columns, 2))

    first, second, third = wrong.T
    every = [
        pairs_wrong(first, one, other) for one in permuted_within(second, strata) for other in permuted_within(third, strata)
    ]
    exact = numpy.mean(numpy.array(every) >= pairs_wrong(first, second, third))
    assert counts.wrong_together(wrong, strata, draws=20_000) == pytest.approx(exact, abs=0.01)
    observed = numpy.bincount(wrong.sum(axis=1), minlength=4)
    assert counts.pairs_wrong(observed.tolist()) == pairs_wrong(first, second, third)


def test_nothing_is_permuted_where_fewer_than_two_models_vary():
    wrong = numpy.array([[1, 0], [0, 0], [1, 0]], bool)
    assert counts.wrong_together(wrong, numpy.zeros(3, int)) is None
    assert counts.wrong_together(numpy.array([[1, 1], [0, 0]], bool), numpy.array([0, 1])) is None


SUBJECTS = numpy.repeat(numpy.arange(10), 50)


def simulated_mistakes(random, by_subject=0.0, by_question=0.0, models=4):
    """Return whether models are wrong, on ten subjects of fifty questions, whose difficulty (in logits) has these standard
    deviations."""
    difficulty = random.normal(0, by_subject, 10)[SUBJECTS] + random.normal(0, by_question, len(SUBJECTS))
    chances = 1 / (1 + numpy.exp(numpy.linspace(-0.5, 0.5, models) - difficulty[:, None]))
    return random.random((len(SUBJECTS), models)) < chances


@pytest.mark.parametrize("difficulty", [{}, {"by_subject": 1.0}])
def test_models_independent_within_subjects_rarely_seem_to_fail_together(difficulty):
    random = numpy.random.default_rng(8)
    p_values = [counts.wrong_together(simulated_mistakes(random, **difficulty), SUBJECTS, draws=199) for _ in range(300)]
    assert numpy.mean(numpy.array(p_values) <= 0.05) <= 0.07


def test_difficulty_of_subjects_and_of_questions_is_found():
    random = numpy.random.default_rng(9)
    everywhere = numpy.zeros_like(SUBJECTS)
    by_subject, by_question = simulated_mistakes(random, by_subject=0.8), simulated_mistakes(random, by_question=0.8)
    assert counts.wrong_together(by_subject, everywhere) == 1 / 2000
    assert counts.wrong_together(by_question, everywhere) == counts.wrong_together(by_question, SUBJECTS) == 1 / 2000


def test_the_smallest_difference_has_80_percent_power():
    questions, discordant = 400, 0.3
    difference = comparisons.smallest_difference(questions, discordant)
    random = numpy.random.default_rng(7)
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    draws = random.multinomial(questions, shares, 4000)
    rejected = [comparisons.mcnemar(int(better), int(worse)) <= 0.05 for better, worse, _ in draws]
    assert numpy.mean(rejected) == pytest.approx(0.8, abs=0.02)


def test_the_smallest_difference_approaches_the_normal_approximation():
    # Connor 1987 (Biometrics 43, 207-211): n = (1.96 sqrt(d) + 0.8416 sqrt(d - difference^2))^2 / difference^2.
    difference, d = comparisons.smallest_difference(14042, 0.15), 0.15
    questions = (1.959964 * d**0.5 + 0.841621 * (d - difference**2) ** 0.5) ** 2 / difference**2
    assert questions == pytest.approx(14042, rel=0.02)


def test_more_questions_detect_smaller_differences():
    differences = [comparisons.smallest_difference(questions, 0.3) for questions in (50, 200, 1000, 5000)]
    assert differences == sorted(differences, reverse=True) and differences[0] < 0.3
    assert comparisons.smallest_difference(10, 0.3) is None  # three discordant questions reject nothing
    assert comparisons.smallest_difference(1000, 0) is None


def test_kendalls_w():
    alike = numpy.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.1, 0.3, 0.5, 0.9]])
    test = ranks.kendall_w(alike)
    assert test.w == pytest.approx(1)
    assert test.p == pytest.approx(1 / 24**2)  # of all orders of two models, the same as the third's
    assert ranks.kendall_w(numpy.array([[1, 2, 3], [3, 2, 1.0]])).w == pytest.approx(0)
    # By hand, with ties: ranks 1.5 1.5 3 and 1 2.5 2.5, their sums 2.5 4 5.5, and W = 12 S / (m² (k³ - k) - m ΣT).
    tied = ranks.kendall_w(numpy.array([[5, 5, 7], [1, 2, 2.0]]))
    assert tied.w == pytest.approx(12 * (1.5**2 + 1.5**2) / (4 * 24 - 2 * 12))


@pytest.mark.parametrize("seed", range(4))
def test_kendalls_w_and_its_p_are_those_of_every_permutation(seed):
    ratings = numpy.random.default_rng(seed).integers(0, 6, (3, 4)).astype(float)
    test = ranks.kendall_w(ratings)
    chi2 = stats.friedmanchisquare(*ratings.T).statistic
    assert test.w == pytest.approx(chi2 / (3 * 3))  # models × (subjects - 1)
    orders = [list(order) for order in itertools.permutations(range(4))]
    every = [
        stats.friedmanchisquare(*numpy.array([ratings[0], ratings[1][one], ratings[2][other]]).T).statistic
        for one in orders
        for other in orders
    ]
    assert test.p == pytest.approx(numpy.mean(numpy.array(every) >= chi2 - 1e-9))


def test_models_without_a_common_order_rarely_seem_to_agree():
    random = numpy.random.default_rng(7)
    for models, subjects in ((2, 6), (3, 4), (6, 3)):
        p_values = [ranks.kendall_w(random.random((models, subjects))).p for _ in range(1000)]
        assert 0.02 <= numpy.mean(numpy.array(p_values) <= 0.05) <= 0.07


# Of 0.5B, 1.5B and 3B, in percent.
PUBLISHED_ACCURACIES = numpy.array(
    [
        [3.0, 8.9, 9.2, 8.0, 9.1, 8.3, 11.0, 14.0, 5.0, 12.1],
        [12.0, 43.0, 59.2, 63.0, 52.5, 54.2, 34.0, 39.0, 25.0, 51.4],
        [46.0, 64.4, 71.7, 75.0, 70.2, 71.5, 46.0, 55.0, 35.0, 64.7],
    ]
)


def test_the_p_of_kendalls_w_is_drawn_where_there_are_too_many_permutations():
    test = ranks.kendall_w(PUBLISHED_ACCURACIES)
    assert stats.chi2.sf(3 * 9 * test.w, 9) == pytest.approx(0.060, abs=0.001)  # the approximation is far from it
    assert test.p == pytest.approx(0.0252, abs=0.0015)  # three standard errors of the draws


@pytest.mark.parametrize("ratings", [[[1, 2, 3]], [[1, 2], [1, 2]], [[1, 1, 1], [2, 2, 2]]])
def test_kendalls_w_is_not_defined_for_one_model_two_subjects_or_no_differences(ratings):
    assert ranks.kendall_w(numpy.array(ratings, float)) is None


def test_a_clustered_interval_is_wider_where_subjects_differ():
    subjects = numpy.repeat(numpy.arange(10), 100)
    even = numpy.tile([True, False], 500)
    nearly_even = even | (numpy.arange(1000) % 200 == 1)  # one more in every second subject
    uneven = numpy.repeat([True, False] * 5, 100)
    low, high = clusters.clustered_interval(uneven, subjects)
    assert (low, high) == pytest.approx((0.5 - 2.262157 / 6, 0.5 + 2.262157 / 6), abs=1e-3)  # t(9) times 0.5 / sqrt(10 - 1)
    low, high = clusters.clustered_interval(nearly_even, subjects)
    assert low < 0.505 < high < low + 0.01
    assert clusters.clustered_interval(even, subjects) is clusters.clustered_interval(numpy.ones(1000), subjects) is None


def test_an_interval_contains_its_proportion_even_after_rounding():
    for trials in range(1, 400):
        for successes in (0, 1, trials - 1, trials):
            low, high = intervals.wilson(successes, trials)
            assert 0 <= low <= successes / trials <= high <= 1


def test_guessing_is_not_tested_on_no_answers():
    assert proportions.better_than_guessing(0, []) == proportions.worse_than_guessing(0, []) == 1


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090), ((10, 10, 0, 20), 0.6791, 1.0)],
)
def test_newcombes_interval_of_two_independent_proportions(counts, low, high):
    """Against table II of Newcombe 1998 (Statistics in Medicine 17, 873-890), method 10."""
    test = proportions.independent_difference(*counts)
    assert (test.low, test.high) == pytest.approx((low, high), abs=5e-5)
    assert test.mean == pytest.approx(counts[0] / counts[1] - counts[2] / counts[3])
    assert test.p == pytest.approx(
        stats.fisher_exact([[counts[0], counts[1] - counts[0]], [counts[2], counts[3] - counts[2]]]).pvalue
    )


def test_a_mean_of_clusters_of_one_is_a_plain_mean():
    values = numpy.random.default_rng(3).normal(0.2, 1, 40)
    plain, clustered = proportions.mean_test(values), clusters.clustered_mean(values, numpy.arange(40))
    assert (clustered.mean, *clustered.interval, clustered.p) == pytest.approx(plain, rel=1e-9)
    assert plain.p == pytest.approx(stats.ttest_1samp(values, 0).pvalue)
    assert proportions.mean_test([0.3, 0.3]) is proportions.mean_test([0.3]) is None


def test_ten_copies_of_each_value_are_one_value_if_they_are_a_cluster():
    values = numpy.random.default_rng(4).normal(0.2, 1, 30)
    copies = clusters.clustered_mean(numpy.repeat(values, 10), numpy.repeat(numpy.arange(30), 10))
    assert (copies.mean, *copies.interval, copies.p) == pytest.approx(proportions.mean_test(values), rel=5e-3)

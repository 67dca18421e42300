"""Agreement of two models, against known values and for simulated models."""

import numpy
import pytest
from mmlu_kit.statistics import agreement
from mmlu_kit.statistics.same_wrong import NullRate, same_wrong
from mmlu_kit.statistics.strata import strata


def choices(text):
    return numpy.array([int(character) for character in text])


GOLD, FIRST, SECOND = map(choices, ("0123012301", "0123023011", "0120023102"))
FOUR = numpy.full(10, 4)


def test_agreement_of_two_models():
    first, second = FIRST == GOLD, SECOND == GOLD
    assert agreement.kappa(first, second, FOUR) == pytest.approx(0.4)
    assert agreement.capa(FIRST, SECOND, GOLD, FOUR) == pytest.approx(0.368421, abs=5e-7)
    assert same_wrong(FIRST, SECOND, GOLD, numpy.zeros(10), FOUR).rate == pytest.approx(2 / 3)
    assert agreement.kappa_max(numpy.arange(10) < 8, numpy.arange(10) < 6, FOUR) == pytest.approx(0.545455, abs=5e-7)


def test_kappa_within_subjects_expects_each_subjects_accuracies():
    random = numpy.random.default_rng(1)
    subjects, choices = random.integers(0, 5, 300), random.choice([3, 4], 300)
    first, second = random.random((2, 300)) < 0.3 + 0.1 * subjects
    expected = 0.0
    for subject in range(5):
        for number in (3, 4):
            there = (subjects == subject) & (choices == number)
            one, other = first[there].mean(), second[there].mean()
            expected += there.mean() * (one * other + (1 - one) * (1 - other))
    within = ((first == second).mean() - expected) / (1 - expected)
    assert agreement.kappa(first, second, strata(subjects, choices)) == pytest.approx(within)


def test_the_intervals_equal_those_of_resampled_questions():
    random = numpy.random.default_rng(2)
    gold, choices = random.integers(0, 3, 400), random.choice([3, 4], 400)
    first = numpy.where(random.random(400) < 0.4, gold, random.integers(0, 3, 400))
    second = numpy.where(random.random(400) < 0.5, first, random.integers(0, 3, 400))
    resampled = []
    for _ in range(1000):
        sample = random.integers(0, 400, 400)
        one, other, right, number = first[sample], second[sample], gold[sample], choices[sample]
        resampled.append([agreement.kappa(one == right, other == right, number), agreement.capa(one, other, right, number)])
    intervals = agreement.intervals(first, second, gold, numpy.zeros(400), choices)
    low, high = numpy.quantile(resampled, (0.025, 0.975), axis=0)
    assert [intervals.kappa.low, intervals.capa.low] == pytest.approx(low, abs=0.02)
    assert [intervals.kappa.high, intervals.capa.high] == pytest.approx(high, abs=0.02)
    assert intervals.kappa_within == intervals.kappa  # there is one subject
    copies = agreement.intervals(first, first, gold, numpy.zeros(400), choices)
    assert copies.kappa.low == copies.kappa.high == copies.capa.low == pytest.approx(1)
    assert agreement.intervals(gold, gold, gold, choices, choices) == (None, None, None)


def test_agreement_has_its_bounds():
    first = FIRST == GOLD
    assert agreement.kappa(first, first, FOUR) == pytest.approx(1)
    assert agreement.capa(FIRST, FIRST, GOLD, FOUR) == pytest.approx(1)
    assert agreement.kappa_max(first, first, FOUR) == pytest.approx(1)
    # Where one is right wherever the other is, kappa is the largest that the two accuracies allow.
    better = first | (numpy.arange(10) == 5)
    assert agreement.kappa(first, better, FOUR) == pytest.approx(agreement.kappa_max(first, better, FOUR))


def test_agreement_is_undefined_if_nothing_varies():
    always, never = numpy.ones(10, bool), numpy.zeros(10, bool)
    assert agreement.kappa(always, always, FOUR) is agreement.kappa(never, never, FOUR) is None
    assert agreement.kappa(always, never, FOUR) == 0
    assert agreement.kappa_max(always, always, FOUR) is agreement.kappa_max(never, never, FOUR) is None
    assert agreement.capa(GOLD, GOLD, GOLD, FOUR) is None


def biased(random, gold, accuracy, share_of_a):
    """Return answers of a model that knows this share of them and otherwise guesses 'A' with probability `share_of_a`."""
    other = (1 - share_of_a) / 3
    return numpy.where(random.random(len(gold)) < accuracy, gold, random.choice(4, len(gold), p=[share_of_a] + [other] * 3))


def test_unrelated_models_with_a_common_letter_bias_do_not_agree():
    random = numpy.random.default_rng(3)
    rates, p_values = [], []
    for _ in range(200):
        gold, subjects = random.integers(0, 4, 1000), numpy.repeat(numpy.arange(10), 100)
        models = [biased(random, gold, accuracy, 0.85) for accuracy in (0.3, 0.45)]
        test = same_wrong(*models, gold, subjects, numpy.full(1000, 4), draws=199)
        rates.append(test.rate)
        p_values.append(test.p)
        assert test.null.low <= test.null.mean <= test.null.high
        assert abs(test.null.mean - test.rate) < 0.05
    assert numpy.mean(rates) > 0.75  # although most wrong answers are the same
    assert numpy.mean(numpy.array(p_values) <= 0.05) <= 0.07  # small p-values are as rare as by chance
    assert 0.35 < numpy.mean(p_values) < 0.65


def test_models_with_the_same_wrong_answers_agree():
    random = numpy.random.default_rng(4)
    gold, subjects = random.integers(0, 4, 1000), numpy.repeat(numpy.arange(10), 100)
    tempting = (gold + random.integers(1, 4, 1000)) % 4  # each question's own wrong answer
    models = [numpy.where(random.random(1000) < 0.3, tempting, biased(random, gold, 0.4, 0.25)) for _ in range(2)]
    test = same_wrong(*models, gold, subjects, numpy.full(1000, 4))
    assert test.p == pytest.approx(1 / 2000) and test.rate > test.null.high + 0.05


def test_the_null_equals_explicit_permutations_within_subject_and_right_letter():
    random = numpy.random.default_rng(5)
    gold, subjects = random.integers(0, 4, 200), numpy.repeat([0, 1], 100)
    first, second = (biased(random, gold, 0.3, 0.5) for _ in range(2))
    test = same_wrong(first, second, gold, subjects, numpy.full(200, 4))
    both_wrong = (first != gold) & (second != gold)
    cell, one, other = (answers[both_wrong] for answers in (subjects * 4 + gold, first, second))
    rates = []
    for _ in range(4000):
        order = numpy.lexsort((random.random(len(cell)), cell))  # shuffles within each cell
        permuted = numpy.empty_like(other)
        permuted[numpy.argsort(cell, kind="stable")] = other[order]
        rates.append(numpy.mean(permuted == one))
    assert test.null.mean == pytest.approx(numpy.mean(rates), abs=0.005)
    assert test.null.low == pytest.approx(numpy.quantile(rates, 0.025), abs=0.015)
    assert test.p == pytest.approx(numpy.mean(numpy.array(rates) >= test.rate), abs=0.05)


def test_wrong_answers_are_not_tested_if_no_permutation_exists():
    assert same_wrong(GOLD, FIRST, GOLD, GOLD, FOUR).rate is None
    always_a = numpy.zeros(10, int)
    test = same_wrong(always_a, SECOND, GOLD, numpy.zeros(10), FOUR)
    assert (test.count, test.rate) == (1, 1 / 5) and test.p is None
    assert test.null == NullRate(mean=1 / 5, low=1 / 5, high=1 / 5)


def guesses(random, choices):
    """Return answers that choose every choice of these questions equally often."""
    return (random.random(len(choices)) * choices).astype(int)


def test_independent_guessers_agree_by_chance_only_whatever_the_numbers_of_choices():
    random = numpy.random.default_rng(9)
    choices = numpy.repeat([2, 3, 5, 10, 26], 4000)
    gold, first, second = (guesses(random, choices) for _ in range(3))
    right = first == gold, second == gold
    assert agreement.kappa(*right, choices) == pytest.approx(0, abs=0.02)
    # Were their accuracies on all questions compared, they would seem to fail on the same questions: those with many choices.
    assert agreement.kappa(*right, numpy.full(len(choices), 4)) > 0.1
    assert agreement.kappa_of_bias(*right, gold, choices) == pytest.approx(0, abs=0.02)
    test = same_wrong(first, second, gold, numpy.zeros(len(choices)), choices)
    assert test.null.low <= test.rate <= test.null.high and test.p > 0.05


@pytest.mark.parametrize("number", [2, 3, 5, 10, 26])
def test_capa_of_independent_guessers_is_zero_and_of_copies_one(number):
    random = numpy.random.default_rng(10)
    choices = numpy.full(20_000, number)
    gold, first, second = (guesses(random, choices) for _ in range(3))
    assert agreement.capa(first, second, gold, choices) == pytest.approx(0, abs=0.03)
    assert agreement.capa(first, first, gold, choices) == pytest.approx(1)


def test_capa_has_each_questions_number_of_choices():
    gold, first, second = map(choices, ("0011", "0101", "0210"))
    # Accuracies 2/4 and 2/4; the mean of 1 / (choices - 1) is (1 + 1/2 + 1/4 + 1/9) / 4.
    expected = 0.25 + 0.25 * (1 + 1 / 2 + 1 / 4 + 1 / 9) / 4
    assert agreement.capa(first, second, gold, [2, 3, 5, 10]) == pytest.approx((1 / 4 - expected) / (1 - expected))


def test_two_models_wrong_on_questions_with_two_choices_are_not_tested():
    gold, first = choices("0101010101"), choices("1101000101")
    test = same_wrong(first, 1 - gold, gold, numpy.zeros(10), numpy.full(10, 2))
    assert (test.count, test.rate, test.p) == (2, 1.0, None)


def test_letters_beyond_the_fourth_are_compared():
    gold, first = choices("9876543210"), choices("0123456789")
    test = same_wrong(first, first, gold, numpy.zeros(10), numpy.full(10, 10))
    assert (test.count, test.rate) == (10, 1.0)

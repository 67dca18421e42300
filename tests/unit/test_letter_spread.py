"""What chance makes of the spread of letters, against exact formulas, and as a test of made-up models."""

import itertools

import numpy
import pytest
from mmlu_kit.statistics.draws import p_at_least
from mmlu_kit.statistics.letters import without_preference

DRAWS = 199


def observed(gold, chosen, choices):
    """Return the standard deviations of shares and recalls of a model's answers, by their definition."""
    letters = range(choices.max())
    accuracy = {number: (gold == chosen)[choices == number].mean() for number in numpy.unique(choices)}
    expected = numpy.array([accuracy[number] for number in choices])
    shares = [(chosen == letter).mean() - numpy.where(choices > letter, 1 / choices, 0).mean() for letter in letters]
    recalls = [(chosen[gold == letter] == letter).mean() - expected[gold == letter].mean() for letter in letters]
    return numpy.std(shares), numpy.std(recalls)


def answers(random, choices, accuracy, preferred=0.0):
    """Return right letters and a model's answers; a share of its answers is A whatever the question."""
    gold = random.integers(choices)
    wrong = (gold + random.integers(1, choices)) % choices
    chosen = numpy.where(random.random(len(choices)) < accuracy, gold, wrong)
    return gold, numpy.where(random.random(len(choices)) < preferred, 0, chosen)


def p_values(random, choices, accuracy, preferred=0.0):
    """Return the p-values of a made-up model's shares and recalls."""
    gold, chosen = answers(random, choices, accuracy, preferred)
    right = gold == chosen
    by_number = numpy.array([right[choices == number].mean() for number in choices])
    drawn = without_preference(gold, choices, by_number, DRAWS)
    shares, recalls = observed(gold, chosen, choices)
    return p_at_least(shares, drawn.shares), p_at_least(recalls, drawn.recalls)


def test_the_spread_by_chance_is_the_exact_one_of_few_questions():
    """Every answer to four questions of two choices is enumerated."""
    gold, accuracy = numpy.array([0, 0, 1, 0]), 0.7
    mean = 0.0
    for right in itertools.product((True, False), repeat=4):
        chosen = numpy.where(right, gold, 1 - gold)
        weight = numpy.prod(numpy.where(right, accuracy, 1 - accuracy))
        mean += weight * numpy.std([(chosen == letter).mean() - 0.5 for letter in (0, 1)])
    drawn = without_preference(gold, numpy.full(4, 2), numpy.full(4, accuracy), 20_000)
    assert drawn.shares.mean() == pytest.approx(mean, abs=0.003)
    assert set(numpy.round(drawn.shares, 6)) == {0, 0.25, 0.5}


def test_the_spread_by_chance_follows_the_multinomial_variance():
    """With right answers spread evenly the variance of the shares of n questions is (1 - 1/k) / (k n) on average."""
    gold = numpy.tile(numpy.arange(4), 250)
    drawn = without_preference(gold, numpy.full(1000, 4), numpy.full(1000, 0.25), 4000)
    assert (drawn.shares**2).mean() == pytest.approx(0.75 / 4 / 1000, rel=0.05)
    # A recall is a binomial share of 250 questions; the accuracy that is subtracted is the same for all.
    assert (drawn.recalls**2).mean() == pytest.approx(0.25 * 0.75 / 250 * 3 / 4, rel=0.05)


def test_a_model_that_is_always_right_spreads_as_the_right_answers_do():
    gold = numpy.array([0, 0, 0, 1, 2, 3])
    drawn = without_preference(gold, numpy.full(6, 4), numpy.ones(6))
    assert drawn.shares == pytest.approx(numpy.full(1999, numpy.std([0.25, -1 / 12, -1 / 12, -1 / 12])))
    assert drawn.recalls == pytest.approx(numpy.zeros(1999)) and p_at_least(0.0, drawn.recalls) == 1


def test_without_some_letter_or_any_question_there_is_no_recall():
    drawn = without_preference(numpy.array([0, 1]), numpy.full(2, 4), numpy.full(2, 0.5))
    assert drawn.recalls is None and len(drawn.shares) == 1999
    nothing = numpy.array([], int)
    assert without_preference(nothing, nothing, nothing.astype(float)).shares.max() == 0


def test_the_same_questions_give_the_same_draws():
    questions = numpy.array([0, 1, 2, 3]), numpy.full(4, 4), numpy.full(4, 0.5)
    assert (without_preference(*questions).shares == without_preference(*questions).shares).all()


@pytest.mark.parametrize(
    ("choices", "accuracy"),
    [
        (numpy.full(100, 4), 0.3),
        (numpy.full(400, 4), 0.8),
        (numpy.full(300, 26), 0.4),
        (numpy.repeat([2, 4, 5, 10], 75), 0.5),
    ],
)
def test_models_without_a_preference_rarely_seem_to_have_one(choices, accuracy):
    random = numpy.random.default_rng(1)
    shares, recalls = numpy.array([p_values(random, choices, accuracy) for _ in range(200)]).T
    assert (shares < 0.05).mean() <= 0.07 and (recalls < 0.05).mean() <= 0.07


@pytest.mark.parametrize("choices", [numpy.full(300, 4), numpy.full(600, 26), numpy.repeat([2, 4, 5, 10], 100)])
def test_a_plain_preference_is_found(choices):
    random = numpy.random.default_rng(2)
    shares, recalls = numpy.array([p_values(random, choices, 0.4, preferred=0.2) for _ in range(20)]).T
    assert (shares < 0.05).mean() >= 0.9
    if len(set(choices)) == 1 and choices[0] == 4:  # more choices, more recalls of few questions
        assert (recalls < 0.05).mean() >= 0.7

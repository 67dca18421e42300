"""How well single questions tell better models from worse ones."""

import numpy
import pytest
from mmlu_kit.statistics.discrimination import item_rest_correlations, mean_discrimination
from scipy import stats

from tests.helpers import results
from tests.helpers.analyses import RIGHT

WRONG = "BCDA" * 25


def learners(number, flawed=()):
    """Return the answers, to a hundred questions, of models of which each knows all that the one before knows and more; only
    the worse half of them knows the `flawed` questions."""
    answers = {}
    for model in range(number):
        letters = [RIGHT[place] if place % number <= model else WRONG[place] for place in range(100)]
        for place in flawed:
            letters[place] = RIGHT[place] if model < number / 2 else WRONG[place]
        answers[f"m{model}"] = {"anatomy": "".join(letters)}
    return answers


def analysed(answers):
    return results.analysis(*results.merged(results.study(list(answers), ["anatomy"]), answers))


def test_correlations_are_those_of_every_question_with_the_rest():
    correct = numpy.random.default_rng(1).random((30, 9)) < numpy.linspace(0.2, 0.9, 9)
    correct[4], correct[5] = True, False
    correlations = item_rest_correlations(correct)
    assert numpy.isnan(correlations[[4, 5]]).all()
    for place in (0, 7, 29):
        rest = numpy.delete(correct, place, axis=0).sum(axis=0)
        assert correlations[place] == pytest.approx(stats.pointbiserialr(correct[place], rest).statistic)


def test_questions_that_better_models_miss_have_the_lowest_discrimination():
    tested = analysed(learners(9, flawed=(13, 40))).discrimination
    assert tested.models == 9 and tested.questions + tested.undefined == 100 and tested.undefined == 12
    assert {question.index for question in tested.lowest[:2]} == {13, 40}
    assert tested.negative == pytest.approx(2 / tested.questions) and 0.4 < tested.negative_expected < 0.6
    assert tested.p == 1 / 200
    assert tested.lowest[0].correlation < 0 < tested.highest[0].correlation
    assert tested.lowest[0].question == f"Question {tested.lowest[0].index} on anatomy?"
    assert len(tested.lowest) == len(tested.highest) == 10


def guesses(seed, number=9):
    """Return the answers of models that are equally good, on questions that are unequally hard."""
    random = numpy.random.default_rng(seed)
    chances = random.random(100)
    return {
        f"m{model}": {"anatomy": "".join(numpy.where(random.random(100) < chances, list(RIGHT), list(WRONG)))}
        for model in range(number)
    }


def test_no_question_is_listed_where_models_do_not_differ():
    answers = guesses(1)
    tested = analysed(answers).discrimination
    assert tested.p > 0.05 and tested.lowest[0].correlation < -0.5
    text = results.report(*results.merged(results.study(list(answers), ["anatomy"]), answers))
    assert "It is not shown that questions tell better models from worse ones, so no question stands out." in text
    assert "| Lowest discrimination |" not in text


def test_models_that_do_not_differ_rarely_seem_to_be_told_apart():
    random = numpy.random.default_rng(2)
    p_values = []
    for _ in range(200):
        correct = random.random((60, 8)) < random.random((60, 1))
        p_values.append(mean_discrimination(correct, draws=99).p)
    assert numpy.mean(numpy.array(p_values) <= 0.05) <= 0.07


@pytest.mark.parametrize("always_a", [0, 1])
def test_fewer_than_eight_models_that_vary_are_too_few(always_a):
    answers = learners(8 - always_a)
    analysis = analysed({**answers, **{f"a{number}": {"anatomy": "A" * 100} for number in range(always_a)}})
    assert (analysis.discrimination is None) == bool(always_a)


def test_the_report_lists_questions_only_if_they_were_tested():
    def report(number):
        answers = learners(number, flawed=(13,))
        return results.report(*results.merged(results.study(list(answers), ["anatomy"]), answers))

    text = report(8)
    assert "### Which Questions Tell Models Apart?" in text and "| anatomy 13: Question 13 on anatomy? | 4 | -0." in text
    assert "(permutation test, p ≤ 0.005)" in text and "not known to be wrong" in text
    assert "Which Questions Tell Models Apart?" not in report(7)

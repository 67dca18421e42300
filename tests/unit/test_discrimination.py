"""How well single questions tell better models from worse ones."""

import numpy
import pytest
from mmlu_kit.analysis.discrimination import item_rest_correlations
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
    assert tested.negative == pytest.approx(2 / tested.questions)
    assert tested.lowest[0].correlation < 0 < tested.highest[0].correlation
    assert tested.lowest[0].question == f"Question {tested.lowest[0].index} on anatomy?"
    assert len(tested.lowest) == len(tested.highest) == 10


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
    assert "which better models miss more often than worse ones" in text and "not known to be wrong" in text
    assert "Which Questions Tell Models Apart?" not in report(7)

"""The sentence on accuracy by size says no more of a step than its paired test shows."""

import pytest
from mmlu_kit.report.sentences import size
from mmlu_kit.results import summaries

from tests.helpers import results

PARAMETERS = {"s": 1_000, "m": 2_000, "l": 600_000_000}
ALWAYS_A = "A" * 100


def right(number, begin=0):
    """Return answers to 100 questions of which this many are right, from one on; all others are wrong."""
    places = {place % 100 for place in range(begin, begin + number)}
    return "".join(gold if place in places else "BCDA"["ABCD".index(gold)] for place, gold in enumerate(results.GOLD))


def sentence(answers, **changes):
    """Return the sentence on models with these answers, by the analysis's pairs unless they are changed."""
    merged, table = results.merged(results.study(list(answers), ["anatomy"]), {m: {"anatomy": a} for m, a in answers.items()})
    sized = [size.Sized(summaries.summarize(merged, model, ["anatomy"]), PARAMETERS[model]) for model in answers]
    return size.size(sized, results.analysis(merged, table).model_copy(update=changes))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        (
            {"s": right(20), "m": right(50), "l": right(90)},
            ["Accuracy rises with every step in parameter count: l (0.60 B) reaches 90.0% and s (0.00 M) reaches 20.0%, 4.5"],
        ),
        (
            {"s": right(20), "m": right(22), "l": right(90)},
            [
                "Accuracy is higher with every step in parameter count, but not every step is shown; the largest model is",
                "No difference is shown from s to m (p = 0.5). Paired tests with Holm's correction.",
            ],
        ),
        (
            {"s": right(50), "m": right(48), "l": right(90)},
            [
                "Accuracy does not rise with every step in parameter count; the largest model is better than the smallest: l",
                "No difference is shown from s to m (p = 0.5)",
            ],
        ),
        (
            {"s": right(50), "m": right(51), "l": right(52)},
            [
                "but not every step is shown; no difference between the largest and the smallest model is shown: l",
                "No difference is shown from s to m (p = 1); from m to l (p = 1)",
            ],
        ),
        (
            {"s": right(90), "m": right(20), "l": right(50)},
            [
                "Accuracy does not rise with every step in parameter count; the largest model is worse than the smallest: l",
                "It falls from s to m (p < 0.0001). Paired tests with Holm's correction.",
            ],
        ),
        (
            {"s": right(50), "l": right(51)},  # one answer more
            ["no difference between the largest and the smallest model is shown: l", "from s to l (p = 1)"],
        ),
        (
            {"s": right(20), "m": ALWAYS_A, "l": right(90)},
            ["Accuracy rises with every step in parameter count: l", "m nearly always chose one letter and is left out."],
        ),
        ({"s": ALWAYS_A, "l": right(90)}, ["Nothing can be said of accuracy and parameter count: s nearly always chose one"]),
    ],
)
def test_only_steps_with_a_significant_test_are_shown(answers, words):
    text = sentence(answers)
    for part in words:
        assert part in text, text


def test_the_smaller_model_may_come_first_or_second_in_its_pair():
    first, second = {"s": right(20), "l": right(90)}, {"l": right(90), "s": right(20)}
    assert sentence(first) == sentence(second)


def test_a_ratio_is_given_only_of_accuracies_that_differ():
    assert "the accuracy" not in sentence({"s": right(50), "l": right(51)})


def test_models_without_a_test_are_not_said_to_differ():
    text = sentence({"s": right(20), "l": right(90)}, pairs=[])
    assert "no difference between the largest and the smallest model is shown" in text and "from s to l (not tested)" in text


def test_the_exact_test_shows_a_difference_on_few_questions_if_it_is_plain():
    assert "Accuracy rises with every step" in sentence({"s": right(0)[:20], "l": right(90)[:20]})
    assert "no difference between the largest and the smallest model is shown" in sentence({"s": "ABAA", "l": "ABCD"})


def test_one_model_or_equal_sizes_have_no_sentence(monkeypatch):
    assert sentence({"s": right(20)}) is None
    monkeypatch.setitem(PARAMETERS, "m", 1_000)
    assert sentence({"s": right(20), "m": right(50)}) is None

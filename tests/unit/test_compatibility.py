"""Evaluations of other questions, prompts or versions of scoring are never merged, and what differs is named."""

import pytest
from mmlu_kit.results import compatibility
from mmlu_kit.user_errors import UserError

from tests.helpers import results


def pair(change=lambda evaluation: None, answers="ABCD"):
    """Evaluations of two models on one subject, the second one changed."""
    one, other = results.evaluation("a", "anatomy", "ABCD"), results.evaluation("b", "anatomy", answers)
    change(other)
    return {"evaluations/a/anatomy.json": one, "elsewhere/colab/evaluations/b/anatomy.json": other}


def set_record(key, value):
    return lambda evaluation: evaluation["records"][2].update({key: value})


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (pair(set_record("question_sha256", "0" * 64)), "in their data .*: question 2 of anatomy is not the same"),
        (pair(answers="ABC"), "in their data .*: 3 questions of anatomy where the other has 4"),
        (
            pair(set_record("prompt_sha256", "0" * 64)),
            "in their prompts .*: for question 2 of anatomy models were shown",
        ),
        (pair(lambda evaluation: evaluation.update(scoring=2)), "in their scoring .*: version 2 beside version 1"),
    ],
)
def test_what_differs_is_named_with_both_files(found, said):
    with pytest.raises(
        UserError, match=f"^elsewhere/colab/evaluations/b/anatomy.json and evaluations/a/anatomy.json differ {said}"
    ):
        compatibility.check(found)


def test_what_may_differ_does_not_matter():
    compatibility.check(pair())
    other_form = set_record("prompt_sha256", "0" * 64)

    def in_chat(evaluation):
        other_form(evaluation)
        evaluation["requested"] = {**evaluation["requested"], "preset": "chat"}

    compatibility.check(pair(in_chat))

    def with_fewer_examples(evaluation):
        other_form(evaluation)
        evaluation["records"][2]["examples"] = 3

    compatibility.check(pair(with_fewer_examples))

"""Evaluations with different questions, prompts or scoring versions are never merged, and the difference is named."""

import pytest
from mmlu_kit.evaluation.records import SCORING
from mmlu_kit.results import compatibility
from mmlu_kit.settings import Orders, Preset, Score
from mmlu_kit.user_errors import UserError

from tests.helpers import results

OTHER = "0" * 64  # a hash of other text


def pair(answers="ABCD", question_2=None, **changes):
    """Evaluations of two models on one subject, the second one with `changes`, its third record with those of `question_2`."""
    first, second = results.evaluation("a", "anatomy", "ABCD"), results.evaluation("b", "anatomy", answers)
    records = [*second.records]
    records[2] = records[2].model_copy(update=question_2)
    second = second.model_copy(update={"records": records, **changes})
    return {"evaluations/a/anatomy.json": first, "elsewhere/colab/evaluations/b/anatomy.json": second}


@pytest.mark.parametrize(
    ("evaluations", "difference"),
    [
        (pair(question_2={"question_sha256": OTHER}), "in their data .*: question 2 of anatomy is not the same"),
        (pair(question_2={"choices": 5}), "in their data .*: question 2 of anatomy is not the same"),
        (pair(question_2={"gold": "D"}), "in their data .*: question 2 of anatomy is not the same"),
        (pair("ABC"), "in their data .*: 3 and 4 questions of anatomy"),
        (pair(question_2={"prompt_sha256": OTHER}), "in their prompts .*: question 2 of anatomy has another prompt"),
        (pair(scoring=SCORING + 1), f"in their scoring .*: versions {SCORING + 1} and {SCORING}"),
    ],
)
def test_a_difference_is_named_with_both_files(evaluations, difference):
    both = "elsewhere/colab/evaluations/b/anatomy.json and evaluations/a/anatomy.json"
    with pytest.raises(UserError, match=f"^{both} differ {difference}"):
        compatibility.check(evaluations)


def test_allowed_differences_are_accepted():
    compatibility.check(pair())
    in_chat = results.REQUESTED.model_copy(update={"preset": "chat"})
    compatibility.check(pair(question_2={"prompt_sha256": OTHER}, requested=in_chat))
    compatibility.check(pair(question_2={"prompt_sha256": OTHER, "examples": 3}))
    for how in ({"preset": Preset.CLOZE}, {"preset": Preset.OLMES, "score": Score.PMI}, {"orders": Orders.CYCLIC}):
        other = results.evaluation("b", "anatomy", "ABCD", requested=results.asked(**how))
        compatibility.check({"a": results.evaluation("a", "anatomy", "ABCD"), "b": other.model_copy(update=how_asked(how))})


def how_asked(how):
    """Return the change that gives records of another preset prompts of their own."""
    made = results.evaluation("b", "anatomy", "ABCD", requested=results.asked(**how)).records
    texts = {"prompt_sha256": OTHER} if "preset" in how else {}
    return {"records": [record.model_copy(update=texts) for record in made]}


def test_contradicting_answers_say_how_both_ran_if_that_differs():
    here, there = results.evaluation("a", "anatomy", "ABCD"), results.evaluation("a", "anatomy", "ABCA")
    with pytest.raises(UserError, match=r"^x and y contradict each other: 1 different answer, the first to question 3; merge"):
        compatibility.check_same_answers("x", here, "y", there)
    ran = [results.effective("cuda").model_copy(update={"dtype": dtype}) for dtype in ("float16", "bfloat16")]
    here, there = (one.model_copy(update={"effective": each}) for one, each in zip((here, there), ran, strict=True))
    with pytest.raises(UserError, match=r"to question 3 \(they ran as cuda, float16 and as cuda, bfloat16\); merge only one"):
        compatibility.check_same_answers("x", here, "y", there)

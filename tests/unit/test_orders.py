"""Orders: a question in every rotation of its choices, scored together as each is scored by itself."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmlu_kit.evaluation import encoding, orders, scoring
from mmlu_kit.inputs import questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.models import tokenizers, transformers_model
from mmlu_kit.settings import LETTERS, LoadSettings, PromptSettings

from benchmarks.make_random_model import save

QUESTION = Question("s", "test", 0, "?", ("w", "x", "y", "z"), "B")


def test_order_k_begins_with_choice_k():
    assert [orders.rotated(QUESTION, order).choices for order in range(4)] == [
        ("w", "x", "y", "z"),
        ("x", "y", "z", "w"),
        ("y", "z", "w", "x"),
        ("z", "w", "x", "y"),
    ]
    assert [orders.rotated(QUESTION, order).right_choice for order in range(4)] == ["x"] * 4


@given(st.integers(2, 26), st.data())
def test_a_letter_as_shown_is_the_letter_as_given(number, data):
    order, place = data.draw(st.integers(0, number - 1)), data.draw(st.integers(0, number - 1))
    letter = LETTERS[place]
    assert orders.given(orders.shown(letter, order, number), order, number) == letter


def test_a_model_that_prefers_a_letter_prefers_no_choice():
    """It always gives A three quarters of the probability."""
    logprobs = {"A": math.log(0.75), "B": math.log(0.15), "C": math.log(0.1)}
    assert set(orders.over_orders([logprobs] * 3).values()) == {round(math.log(1 / 3), 6)}


def test_a_model_that_knows_the_choice_has_it_in_every_order():
    shown = [
        {letter: math.log(0.7 if letter == orders.shown("B", order, 4) else 0.1) for letter in "ABCD"} for order in range(4)
    ]
    over_orders = orders.over_orders(shown)
    assert over_orders["B"] == round(math.log(0.7), 6) and max(over_orders, key=over_orders.get) == "B"


@pytest.mark.parametrize("settings", [{}, {"examples": 2}, {"preset": "chat"}, {"preset": "writeup"}])
def test_scores_of_all_orders_are_those_of_each_by_itself(root, tmp_path, settings):
    folder = save(tmp_path, root / "workflow/demo/models/demo-small")
    model, tokenizer = transformers_model.load_model(folder, LoadSettings()), tokenizers.load_tokenizer(folder)
    read = questions.read_folder(root / "workflow/demo/questions", "astronomy")
    shown = questions.split(read, "dev")[: settings.get("examples", 0)]
    tests = questions.split(read, "test")[:6]
    tests[1] = dataclasses.replace(tests[1], choices=tests[1].choices[:2], answer="B")
    tests[2] = dataclasses.replace(tests[2], choices=(*tests[2].choices, "none", "all of them"), answer="F")

    def score(asked, **more):
        requested = PromptSettings(**settings, **more)
        prompts = encoding.prepare(asked, shown, requested, tokenizer, 4096)
        return scoring.score(model, tokenizer, prompts, 768, requested, {}, lambda number, records: None)[0]

    cyclic, given_alone = score(tests, orders="cyclic"), score(tests)
    for question, record, alone in zip(tests, cyclic, given_alone, strict=True):
        assert record.letter_logprobs == pytest.approx(alone.letter_logprobs, abs=1e-4)
        assert (record.generated, record.prompt_sha256) == (alone.generated, alone.prompt_sha256)
        assert len(record.other_orders) == len(question.choices) - 1
        for order, logprobs in enumerate(record.other_orders, 1):
            (by_itself,) = score([orders.rotated(question, order)])
            assert logprobs == pytest.approx(by_itself.letter_logprobs, abs=1e-4)
        over_orders = orders.over_orders([record.letter_logprobs, *record.other_orders])
        assert record.predicted == max(over_orders, key=over_orders.get)
        assert record.correct == (record.predicted == question.answer)

"""The report says beside a model's numbers that its prompt ends before the answer, or that it got no system message."""

import pytest
from mmlu_kit.evaluation.manner import Conversation
from mmlu_kit.report.sentences import prompting

from tests.helpers import results

PLAIN = {"contents": "text", "system": "turn", "before_answer": "", "open_thought": False}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"before_answer": " "}, None),
        ({"contents": "parts"}, None),
        ({"open_thought": True}, "**m**: the prompt ends within an open thought, so the best letter is"),
        (
            {"before_answer": "<think>\n\n</think>\n\n"},
            "writes &lt;think&gt; &lt;/think&gt; before an answer",
        ),
        ({"before_answer": "`|<b>\n"}, "its chat template writes \\`\\|&lt;b&gt; before an answer"),
        ({"system": "first user turn"}, "**m**: its chat template writes no system message, so the header begins"),
    ],
)
def test_what_a_reader_must_know_of_a_models_prompts(changes, words):
    merged, _ = results.merged(results.study(["m"], ["anatomy"]), {"m": {"anatomy": "AB"}})
    model = merged.models["m"].model_copy(update={"conversation": Conversation(**{**PLAIN, **changes})})
    merged = merged.model_copy(update={"models": {"m": model}})
    notes = prompting.notes(merged, ["m"])
    assert len(notes) == (0 if words is None else 1)
    assert words is None or words in notes[0]

"""The prompts in the page's data: exactly what was sent, in parts that the page joins."""

import pytest
from mmlu_kit.evaluation import prompts
from mmlu_kit.inputs.questions import Question
from mmlu_kit.report import sent_prompts
from mmlu_kit.report.explorer import explorer
from mmlu_kit.settings import Preset

from tests.helpers import choices, pages, results

QUESTION = Question("anatomy", "test", 0, "  Which bone?\n ", ("the ulna ", "b", " the tibia"), "C", "human anatomy")
EXAMPLES = [Question("anatomy", "dev", index, f" Example {index}?", ("x", "y"), "B", "human anatomy") for index in range(5)]


def of(*requested, examples=2):
    """Return the prompts of models that were asked the question, and their places."""
    models = {f"m{number}": request for number, request in enumerate(requested)}
    _, table, _ = pages.study({model: {"anatomy": "C"} for model in models})
    return sent_prompts.of_models(models, table.assign(examples=examples), [*EXAMPLES, QUESTION])


def joined(form, number):
    """Return the messages of the question's prompt, as the page's script joins them."""
    text = QUESTION.question.strip() if form.stripped else QUESTION.question
    first, *others = form.around[len(QUESTION.choices)]
    shown = first + "".join(a + b for a, b in zip([text, *QUESTION.choices], others, strict=False))
    before = form.before["anatomy"][number]
    return [*before, ("user", shown)] if form.preset == Preset.CHAT else [("", before[0][1] + shown)]


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("number", [0, 2, 5])
def test_the_parts_join_to_the_prompt_that_was_sent(preset, number):
    forms, place = of(results.asked(preset=preset, examples=number), examples=number)
    assert place == {"m0": 0} and forms[0].cloze == preset.is_cloze
    if preset == Preset.CHAT:
        expected = [(message["role"], message["content"]) for message in prompts.messages(QUESTION, EXAMPLES[:number])]
    else:
        expected = [("", prompts.running_text(QUESTION, EXAMPLES[:number], preset))]
    assert joined(forms[0], number) == expected


def test_models_that_were_asked_alike_share_their_prompts():
    asked = [results.asked(), choices.CLOZE, results.asked(device="cuda"), choices.ORDERS]
    forms, place = of(*asked)
    assert place == {"m0": 0, "m1": 1, "m2": 0, "m3": 2}
    assert [form.every_order for form in forms] == [False, False, True]
    assert of(None)[0] == [], "imported answers"


def test_arguments_of_the_template_make_another_prompt():
    thinking = [results.asked(preset="chat", template_arguments={"enable_thinking": value}) for value in (True, False)]
    forms, place = of(*thinking)
    assert place == {"m0": 0, "m1": 1} and forms[1].template_arguments == {"enable_thinking": False}


def test_examples_that_make_the_page_too_large_are_left_out(monkeypatch):
    assert of(results.asked())[0][0].before
    monkeypatch.setattr(sent_prompts, "MOST_CHARACTERS", 20)
    assert of(results.asked())[0][0].before == {}
    assert list(of(results.asked(), examples=0)[0][0].before["anatomy"]) == [0], "short without examples"
    assert of(results.asked(), examples=6)[0][0].before == {}, "more examples than there are"


def test_the_number_of_examples_is_that_of_each_prompt():
    merged, table, texts = pages.study({"s": {"anatomy": "AB"}, "m": {"anatomy": "AB"}})
    table.loc[(table["model"] == "m") & (table["index"] == 1), "examples"] = 3
    data = explorer(merged, table, texts)
    assert [model.examples for model in data.models] == [0, [0, 3]] and [model.prompt for model in data.models] == [0, 0]

"""Prompts, byte for byte."""

import dataclasses

import pytest
import transformers
from mmlu_kit import files
from mmlu_kit.evaluation import prompts
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.evaluation.rendering import DATE_STRING
from mmlu_kit.evaluation.template_forms import special_tokens
from mmlu_kit.inputs import questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Preset

QUESTION = Question("college_biology", "test", 0, " Which is it? ", ("one", "two", "three", "four"), "C")
EXAMPLE = Question("college_biology", "dev", 0, "And this?", ("a", "b", "c", "d"), "B")
HEADER = "The following are multiple choice questions (with answers) about college biology."
BLOCK = "Which is it?\nA. one\nB. two\nC. three\nD. four\nAnswer:"
SHOWN = "And this?\nA. a\nB. b\nC. c\nD. d\nAnswer: B"


def test_lm_eval_prompt_is_exact():
    assert prompts.running_text(QUESTION, [], Preset("lm_eval")) == f"{HEADER}\n\n{BLOCK}"
    assert prompts.running_text(QUESTION, [EXAMPLE], Preset("lm_eval")) == f"{HEADER}\n\n{SHOWN}\n\n{BLOCK}"


def test_hendrycks_prompt_has_two_spaces_and_strips_nothing():
    header = HEADER.replace("about ", "about  ")
    block = BLOCK.replace("Which is it?", " Which is it? ")
    assert prompts.running_text(QUESTION, [EXAMPLE], Preset("hendrycks")) == f"{header}\n\n{SHOWN}\n\n{block}"


def test_writeup_prompt_is_the_bare_question():
    assert prompts.running_text(QUESTION, [], Preset("writeup")) == BLOCK


@pytest.mark.parametrize(("preset", "kind"), [("cloze", "questions"), ("olmes", "multiple choice questions")])
def test_cloze_prompts_show_no_choices(preset, kind):
    header = f"The following are {kind} (with answers) about college biology."
    block = "Question: Which is it?\nAnswer:"
    assert prompts.running_text(QUESTION, [], Preset(preset)) == f"{header}\n\n{block}"
    shown = "Question: And this?\nAnswer: b"
    assert prompts.running_text(QUESTION, [EXAMPLE], Preset(preset)) == f"{header}\n\n{shown}\n\n{block}"


def test_ten_choices_have_ten_letters():
    question = dataclasses.replace(QUESTION, choices=tuple(f"{number} m" for number in range(10)), answer="J")
    assert prompts.running_text(question, [], Preset.WRITEUP).endswith("\nI. 8 m\nJ. 9 m\nAnswer:")


def test_the_title_of_a_subject_is_written_as_its_source_has_it():
    question = dataclasses.replace(QUESTION, subject="health_safety", title="Health & Safety")
    assert " about Health & Safety.\n\n" in prompts.running_text(question, [], Preset.LM_EVAL)


def test_chat_prompts_have_few_shot_examples_as_turns():
    assert prompts.messages(QUESTION, [EXAMPLE]) == [
        {"role": "system", "content": HEADER},
        {"role": "user", "content": SHOWN[:-2]},
        {"role": "assistant", "content": "B"},
        {"role": "user", "content": BLOCK},
    ]


@pytest.fixture(scope="module")
def tokenizer(real_data):
    return transformers.AutoTokenizer.from_pretrained(real_data / "tokenizers/qwen2.5-instruct", local_files_only=True)


@pytest.mark.parametrize("template", ["llama-3.2-instruct", "qwen2.5-instruct"])
def test_chat_prompts_do_not_depend_on_the_date(real_data, tokenizer, template):
    tokenizer.chat_template = (real_data / f"chat_templates/{template}.jinja").read_text()
    tokenizer.bos_token = "<|begin_of_text|>"
    pieces = prompts.render(QUESTION, [EXAMPLE], Preset.CHAT, ChatTemplate(tokenizer))
    text = "".join(piece for piece, _ in pieces)
    assert text == tokenizer.apply_chat_template(
        prompts.messages(QUESTION, [EXAMPLE]),
        tokenize=False,
        add_generation_prompt=True,
        date_string=DATE_STRING,
    )
    assert {piece for piece, by_template in pieces if by_template} <= set(special_tokens(tokenizer))
    if template.startswith("llama"):
        assert f"Today Date: {DATE_STRING}" in text and text.count("<|begin_of_text|>") == 1
    else:
        assert text.endswith("<|im_start|>assistant\n") and "You are Qwen" not in text


# Digests of the whole prompt of astronomy's first real question, computed from lm-eval 0.4.13's own task files, from the
# authors' program and from ChatML written by hand. A change here changes every published score.
GOLDEN = {
    ("lm_eval", 0): "9cdf44f686757464f878cc9e243e52e1cc2f277d0a5020832760e95a75d0e06e",
    ("lm_eval", 5): "96e30bef92d1daddd5fcbb3a56a12b2cc781d4f33043f28fed75d9f463503a62",
    ("hendrycks", 5): "2c541a18e25845c6be23b15b8d4df5d3671c4e9d001e05360e26a40e22caa56d",
    ("chat", 0): "166afd3ff89ea20ad214f9c17c564215534f6be232f4f9e1c8d69d39154f4df5",
    ("chat", 5): "42c02c3e1d391e3613095cd0f2bc08b4fecb02054915598b0ea8bc2ee7581868",
    ("writeup", 0): "5e54084353a3ef63095de6c8453333bfb960b3fb9e88975e00496ac68020f87f",
}


@pytest.mark.parametrize(("preset", "count"), GOLDEN)
def test_prompts_of_a_real_question_have_known_hashes(real_data, preset, count):
    tokenizer = transformers.AutoTokenizer.from_pretrained(real_data / "tokenizers/qwen2.5-instruct", local_files_only=True)
    found = questions.read_folder(real_data / "mmlu", "astronomy")
    template = ChatTemplate(tokenizer)
    pieces = prompts.render(questions.split(found, "test")[0], questions.split(found, "dev")[:count], Preset(preset), template)
    assert files.sha256("".join(piece for piece, _ in pieces)) == GOLDEN[preset, count]

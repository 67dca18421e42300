"""What a model is shown, byte for byte, and the letter read from what it writes."""

import pytest
import transformers
from mmlu_kit import answers, prompts
from mmlu_kit.questions import Question

QUESTION = Question("college_biology", "test", 0, " Which is it? ", ("one", "two", "three", "four"), "C")
EXAMPLE = Question("college_biology", "dev", 0, "And this?", ("a", "b", "c", "d"), "B")
HEADER = "The following are multiple choice questions (with answers) about college biology."
BLOCK = "Which is it?\nA. one\nB. two\nC. three\nD. four\nAnswer:"


def test_plain_prompt_is_exact():
    assert prompts.plain(QUESTION, []) == f"{HEADER}\n\n{BLOCK}"
    shown = "And this?\nA. a\nB. b\nC. c\nD. d\nAnswer: B"
    assert prompts.plain(QUESTION, [EXAMPLE]) == f"{HEADER}\n\n{shown}\n\n{BLOCK}"


def test_chat_prompt_shows_examples_as_turns():
    assert prompts.messages(QUESTION, [EXAMPLE]) == [
        {"role": "system", "content": HEADER},
        {"role": "user", "content": "And this?\nA. a\nB. b\nC. c\nD. d\nAnswer:"},
        {"role": "assistant", "content": "B"},
        {"role": "user", "content": BLOCK},
    ]


@pytest.mark.parametrize("template", ["llama-3.2-instruct", "qwen2.5-instruct"])
def test_chat_prompt_is_the_same_on_every_day(real_data, template):
    tokenizer = transformers.AutoTokenizer.from_pretrained(real_data / "tokenizers/qwen2.5-instruct", local_files_only=True)
    tokenizer.chat_template = (real_data / f"chat_templates/{template}.jinja").read_text()
    tokenizer.bos_token = "<|begin_of_text|>"
    text = prompts.render(QUESTION, [EXAMPLE], "chat", tokenizer)
    assert HEADER in text and text.count(BLOCK) == 1
    if template.startswith("llama"):
        assert f"Today Date: {prompts.DATE_STRING}" in text and text.count("<|begin_of_text|>") == 1
    else:
        assert text.endswith("<|im_start|>assistant\n") and "You are Qwen" not in text


@pytest.mark.parametrize(
    ("generated", "letter"),
    [
        ("A", "A"),
        (" B", "B"),
        ("C.", "C"),
        ("(D)", "D"),
        ("**A**", "A"),
        ("B)\n", "B"),
        ("", None),
        (" ", None),
        ("E", None),
        ("AB", None),
        ("The", None),
        ("a", None),
        ("A B", None),
        ("Answer", None),
    ],
)
def test_letter_is_read_or_counted_as_no_answer(generated, letter):
    assert answers.parse(generated) == letter

"""The text a model is shown. Every byte here can change a score.

`plain` is the form of the MMLU authors' program as EleutherAI's lm-evaluation-harness writes it: a header, the worked
examples, the question with its four lettered choices, and 'Answer:'. `chat` puts the same header and blocks into the
model's own chat template: header as system message, each example as a turn of its own.
"""

from collections.abc import Sequence
from typing import Any

from .questions import LETTERS, Question
from .subjects import title

TEMPLATES = ("plain", "chat")

# Llama 3.2's chat template writes today's date into every prompt unless one is given: a fixed date keeps prompts equal
# from day to day. This is the date the template itself falls back to where it cannot ask for the time.
DATE_STRING = "26 Jul 2024"


def header(subject: str) -> str:
    """The line that introduces a subject's questions."""
    return f"The following are multiple choice questions (with answers) about {title(subject)}."


def block(question: Question) -> str:
    """A question, its lettered choices, and 'Answer:' without a trailing space (the space belongs to the answer's token)."""
    choices = "\n".join(f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=True))
    return f"{question.question.strip()}\n{choices}\nAnswer:"


def plain(question: Question, examples: Sequence[Question]) -> str:
    """The prompt as running text: header, examples with their answers, the question."""
    shown = [f"{block(example)} {example.answer}" for example in examples]
    return "\n\n".join([header(question.subject), *shown, block(question)])


def messages(question: Question, examples: Sequence[Question]) -> list[dict[str, str]]:
    """The prompt as a conversation: header as system message, examples as answered turns, the question last."""
    turns = [{"role": "system", "content": header(question.subject)}]
    for example in examples:
        turns += [{"role": "user", "content": block(example)}, {"role": "assistant", "content": example.answer}]
    return [*turns, {"role": "user", "content": block(question)}]


def render(question: Question, examples: Sequence[Question], template: str, tokenizer: Any) -> str:
    """The whole prompt as text; `template` is one of TEMPLATES, `tokenizer` a Hugging Face tokenizer."""
    if template == "plain":
        return plain(question, examples)
    return tokenizer.apply_chat_template(
        messages(question, examples), tokenize=False, add_generation_prompt=True, date_string=DATE_STRING
    )


def answer_text(template: str, letter: str) -> str:
    """What continues the prompt when the answer is `letter`: ' A' after 'Answer:', 'A' at the start of a chat reply."""
    return f" {letter}" if template == "plain" else letter

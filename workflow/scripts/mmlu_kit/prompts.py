"""The text a model is shown. Every byte here can change a score.

Four presets, each the form of a program that people compare with:
- `lm_eval`: task `mmlu` of EleutherAI's lm-evaluation-harness 0.4: header, examples, stripped question, 'Answer:';
- `hendrycks`: the MMLU authors' own program (hendrycks/test), with its double space after 'about' and nothing stripped;
- `chat`: header and blocks of `lm_eval` in the model's own chat template: header as system message, examples as turns;
- `writeup`: the bare question and choices, without a header. The writeup does not print its prompt: it only says that
  the model was to answer with one generated token, so this is as near to it as its text allows.
"""

from collections.abc import Sequence
from typing import Any

from . import templates
from .questions import LETTERS, Question
from .subjects import title

PRESETS = ("lm_eval", "hendrycks", "chat", "writeup")


def header(subject: str, preset: str) -> str:
    """The line that introduces a subject's questions; empty for `writeup`."""
    if preset == "writeup":
        return ""
    # The authors' program puts a space before each word of the subject, so there are two after 'about'.
    space = " " if preset == "hendrycks" else ""
    return f"The following are multiple choice questions (with answers) about {space}{title(subject)}."


def block(question: Question, preset: str) -> str:
    """A question, its lettered choices, and 'Answer:' without a trailing space (the space belongs to the answer's token)."""
    text = question.question if preset == "hendrycks" else question.question.strip()
    choices = "\n".join(f"{letter}. {choice}" for letter, choice in zip(LETTERS, question.choices, strict=True))
    return f"{text}\n{choices}\nAnswer:"


def running_text(question: Question, examples: Sequence[Question], preset: str) -> str:
    """The prompt of every preset but `chat`: header, examples with their answers, the question."""
    shown = [f"{block(example, preset)} {example.answer}" for example in examples]
    parts = [header(question.subject, preset), *shown, block(question, preset)]
    return "\n\n".join(part for part in parts if part)


def messages(question: Question, examples: Sequence[Question]) -> list[dict[str, str]]:
    """The prompt as a conversation: header as system message, examples as answered turns, the question last."""
    turns = [{"role": "system", "content": header(question.subject, "chat")}]
    for example in examples:
        turns += [{"role": "user", "content": block(example, "chat")}, {"role": "assistant", "content": example.answer}]
    return [*turns, {"role": "user", "content": block(question, "chat")}]


def render(question: Question, examples: Sequence[Question], preset: str, tokenizer: Any) -> list[tuple[str, bool]]:
    """The prompt as pieces of text, each with whether it is a token that the chat template wrote.

    `preset` is one of PRESETS, `tokenizer` a Hugging Face tokenizer. Joined, the pieces are the whole prompt.
    """
    if preset != "chat":
        return [(running_text(question, examples, preset), False)]
    return templates.conversation(messages(question, examples), tokenizer)


def answer_text(preset: str, letter: str) -> str:
    """What continues the prompt when the answer is `letter`: ' A' after 'Answer:', 'A' at the start of a chat reply."""
    return letter if preset == "chat" else f" {letter}"


def other_text(preset: str, letter: str) -> str:
    """The letter in the form that `answer_text` does not give: with a space or without."""
    return f" {letter}" if preset == "chat" else letter

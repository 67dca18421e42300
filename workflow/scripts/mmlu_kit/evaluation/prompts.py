"""The text of prompts. Every byte here can change a score.

Four presets ask for a letter:
- `lm_eval`: task `mmlu` of EleutherAI's lm-evaluation-harness 0.4: header, examples, stripped question, 'Answer:';
- `hendrycks`: the MMLU authors' own program (hendrycks/test), with its double space after 'about' and nothing stripped;
- `chat`: header and blocks of `lm_eval` in the model's own chat template: header as system message, examples as turns;
- `writeup`: the bare question and choices without a header. The writeup does not show its prompt and says only that the model
  answers with one generated token.
Two show the question alone, and each choice's text is scored as what follows (cloze):
- `cloze`: task `mmlu_continuation` of lm-evaluation-harness 0.4: header, 'Question: …', 'Answer:', one space, the choice;
- `olmes`: the cloze form of OLMES for MMLU (allenai/OLMo-Eval, tasks/olmes_v0_1/mmlu_std.py): the header says 'multiple choice
  questions'.
"""

import json
from collections.abc import Sequence

from mmlu_kit import files
from mmlu_kit.evaluation.chat_templates import ChatTemplate, Piece
from mmlu_kit.evaluation.messages import Message
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Preset
from mmlu_kit.template_arguments import TemplateArguments

UNCONDITIONAL = "Answer:"  # the prompt of a choice's probability without the question


def header(title: str, preset: Preset) -> str:
    """The line that introduces the questions of a subject with this title; empty for `writeup`."""
    if preset == Preset.WRITEUP:
        return ""
    # The authors' program puts a space before each word of the subject, which makes two after 'about'.
    space = " " if preset == Preset.HENDRYCKS else ""
    kind = "questions" if preset == Preset.CLOZE else "multiple choice questions"
    return f"The following are {kind} (with answers) about {space}{title}."


def block(question: Question, preset: Preset) -> str:
    """A question, its lettered choices but for cloze, and 'Answer:' without a trailing space, which belongs to the answer."""
    text = question.question if preset == Preset.HENDRYCKS else question.question.strip()
    if preset.is_cloze:
        return f"Question: {text}\n{UNCONDITIONAL}"
    choices = "\n".join(f"{letter}. {choice}" for letter, choice in zip(question.letters, question.choices, strict=True))
    return f"{text}\n{choices}\nAnswer:"


def running_text(question: Question, examples: Sequence[Question], preset: Preset) -> str:
    """The prompt of every preset but `chat`: header, examples with their answers, the question."""
    answered = [
        f"{block(example, preset)} {example.right_choice if preset.is_cloze else example.answer}" for example in examples
    ]
    parts = [header(question.subject_title, preset), *answered, block(question, preset)]
    return "\n\n".join(part for part in parts if part)


def messages(question: Question, examples: Sequence[Question]) -> list[Message]:
    """The prompt as a conversation: header as system message, examples as answered turns, the question last."""
    turns: list[Message] = [{"role": "system", "content": header(question.subject_title, Preset.CHAT)}]
    for example in examples:
        turns += [{"role": "user", "content": block(example, Preset.CHAT)}, {"role": "assistant", "content": example.answer}]
    return [*turns, {"role": "user", "content": block(question, Preset.CHAT)}]


def render(question: Question, examples: Sequence[Question], preset: Preset, template: ChatTemplate | None) -> list[Piece]:
    """Return the prompt as pieces of text, each with a flag for tokens written by the chat template.

    `template` is needed for the preset `chat` alone. The joined pieces are the whole prompt.
    """
    if preset != Preset.CHAT:
        return [(running_text(question, examples, preset), False)]
    assert template is not None
    return template.prompt(messages(question, examples))


def answer_text(preset: Preset, letter: str, space: str = "") -> str:
    """The text that answers a prompt with a letter: ' A' after 'Answer:'; `space` and 'A' as a chat reply."""
    return f"{space}{letter}" if preset == Preset.CHAT else f" {letter}"


def prompt_sha256(text: str, template_arguments: TemplateArguments) -> str:
    """The hash of a prompt's text; with template arguments, of the JSON list of both, keys sorted."""
    return files.sha256(json.dumps([text, dict(template_arguments)], sort_keys=True) if template_arguments else text)

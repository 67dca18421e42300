"""The prompts of a study's models for the page's explorer, in parts that its script joins.

A part that many questions share is kept once: what comes before a subject's questions (header and few-shot examples) and the
fixed text around a question and its choices.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas

from mmlu_kit.evaluation.prompts import block, messages, running_text
from mmlu_kit.inputs.questions import Question, split
from mmlu_kit.settings import LETTERS, Orders, Preset, Requested, Split

Parts = list[tuple[str, str]]
# More text before the questions than this would make the page slow: of prompts with examples, only their number is told then.
MOST_CHARACTERS = 3_000_000
_PLACE = "\0"  # no question has it (inputs/questions.py)


@dataclass(frozen=True)
class Prompts:
    """How models were asked.

    `before` is, by subject and by number of examples, what precedes a question, as messages of a role and a text; the role is
    empty but for chat. Without an entry, the text is left out. `around` are, by the number of choices, the texts before,
    between and after the question's text and its choices; `stripped` tells whether white space around the question's text is
    left out.
    """

    preset: Preset
    every_order: bool
    cloze: bool
    template_arguments: dict[str, Any]
    before: dict[str, dict[int, Parts]]
    around: dict[int, list[str]]
    stripped: bool


def of_models(
    requested: Mapping[str, Requested | None], table: pandas.DataFrame, questions: Iterable[Question]
) -> tuple[list[Prompts], dict[str, int]]:
    """Return the ways in which models were asked, and each model's place among them; imported answers have none.

    `table` is questions.csv, whose `examples` are the few-shot examples of each prompt; `questions` has them in its dev split.
    """
    forms: dict[str, Requested] = {}
    place: dict[str, int] = {}
    for model, request in requested.items():
        if request:
            key = repr((request.preset, request.orders, sorted(request.template_arguments.items())))
            forms.setdefault(key, request)
            place[model] = list(forms).index(key)
    numbers: list[set[tuple[str, int]]] = [set() for _ in forms]
    asked = table[["model", "subject", "examples"]].dropna().drop_duplicates()
    for model, subject, number in asked.itertuples(index=False):
        if model in place:
            numbers[place[model]].add((subject, int(number)))
    by_subject: dict[str, list[Question]] = {}
    for question in questions:
        by_subject.setdefault(question.subject, []).append(question)
    prompts = [_prompts(request, sorted(pairs), by_subject) for request, pairs in zip(forms.values(), numbers, strict=True)]
    texts = [text for form in prompts for shown in form.before.values() for parts in shown.values() for _, text in parts]
    if sum(map(len, texts)) > MOST_CHARACTERS:
        prompts = [replace(form, before=_without_examples(form.before)) for form in prompts]
    return prompts, place


def _prompts(request: Requested, numbers: Iterable[tuple[str, int]], by_subject: Mapping[str, Sequence[Question]]) -> Prompts:
    preset = request.preset
    before: dict[str, dict[int, Parts]] = {}
    for subject, number in numbers:
        examples = split(by_subject[subject], Split.DEV)[:number]
        if len(examples) == number:
            question = split(by_subject[subject], Split.TEST)[0]
            before.setdefault(subject, {})[number] = _before(question, examples, preset)
    counts = {len(question.choices) for questions in by_subject.values() for question in questions}
    return Prompts(
        preset=preset,
        every_order=request.orders != Orders.GIVEN,
        cloze=preset.is_cloze,
        template_arguments=dict(request.template_arguments),
        before=before,
        around={count: block(_blank(_PLACE, count), preset).split(_PLACE) for count in sorted(counts)},
        stripped=f"  {_PLACE}" not in block(_blank(f"  {_PLACE}", 2), preset),
    )


def _without_examples(before: Mapping[str, Mapping[int, Parts]]) -> dict[str, dict[int, Parts]]:
    return {subject: {0: parts[0]} for subject, parts in before.items() if 0 in parts}


def _before(question: Question, examples: Sequence[Question], preset: Preset) -> Parts:
    """Return what a prompt has before its question: the messages of a chat, else one text without a role."""
    if preset == Preset.CHAT:
        return [(message["role"], message["content"]) for message in messages(question, examples)[:-1]]
    return [("", running_text(question, examples, preset).removesuffix(block(question, preset)))]


def _blank(text: str, choices: int) -> Question:
    return Question("", Split.TEST, 0, text, (_PLACE,) * choices, LETTERS[0])

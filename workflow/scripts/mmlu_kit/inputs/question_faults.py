"""Faults of a question set that change what its numbers mean: repeated questions, leaks, and choices that are empty or equal.

None of them makes a question unusable, and published sets have some, so they are told and not refused. Texts are compared
without regard to white space.
"""

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum

from pydantic import Field

from mmlu_kit.data import Count, Data, Positive
from mmlu_kit.inputs.questions import Question, split
from mmlu_kit.settings import LETTERS, Split

# 'Answer: B' or '(Ans. is C)' at the end of a question.
_ANSWER = re.compile(rf"\b(?:answer|ans)\b\W*(?:is\b\W*)?\(?([{LETTERS}])\W*$", re.IGNORECASE)

Groups = dict[tuple[str, ...], list[Question]]


class FaultKind(StrEnum):
    """What is wrong with questions."""

    REPEATED = "repeated"
    CONTRADICTORY = "contradictory"
    SPACED = "spaced"
    EXAMPLE = "example"
    OTHER_EXAMPLE = "other_example"
    ANSWERED = "answered"
    RIGHT_TWICE = "right_twice"
    RIGHT_EMPTY = "right_empty"
    EMPTY = "empty"
    EQUAL = "equal"


class QuestionFault(Data):
    """Test questions with the same fault."""

    kind: FaultKind = Field(
        description="repeated: asked more than once (in each of `subjects`); contradictory: asked more than once, "
        "with different right letters; spaced: asked more than once, with other white space; example: also a few-shot example "
        "of its subject; other_example: of another subject; answered: ends with an answer's letter; right_twice: another "
        "choice equals the right one; right_empty: the right choice is empty; empty: a wrong choice is empty; equal: wrong "
        "choices are equal."
    )
    questions: Positive = Field(description="How many questions; copies of a question count as one.")
    subjects: list[str] = Field(description="The subjects that have them, in the study's order.")
    first_subject: str = Field(description="The subject of the first of them.")
    first_index: Count = Field(description="Its index in that subject's test split.")


def faults(questions: Iterable[Question]) -> list[QuestionFault]:
    """Return the faults of a study's questions, dev split included, in the order of FaultKind."""
    questions = list(questions)
    tests = split(questions, Split.TEST)
    kinds: dict[FaultKind, list[Question]] = {kind: [] for kind in FaultKind}
    for question in tests:
        for kind in _alone(question):
            kinds[kind].append(question)
    groups = {key: copies for key, copies in _by_text(tests).items() if len(copies) > 1}
    kinds[FaultKind.CONTRADICTORY] = [copies[0] for copies in groups.values() if len({one.answer for one in copies}) > 1]
    kinds[FaultKind.SPACED] = [
        copies[0] for copies in groups.values() if len({one.sha256 for one in copies}) > len({one.answer for one in copies})
    ]
    examples = {key: {one.subject for one in copies} for key, copies in _by_text(split(questions, Split.DEV)).items()}
    for question in tests:
        subjects = examples.get(_text(question), set())
        if question.subject in subjects:
            kinds[FaultKind.EXAMPLE].append(question)
        elif subjects:
            kinds[FaultKind.OTHER_EXAMPLE].append(question)
    others = [_fault(kind, chosen) for kind, chosen in kinds.items() if chosen]
    return [*_repeated(tests), *others]


def _repeated(tests: Iterable[Question]) -> list[QuestionFault]:
    """Return the questions that occur more than once, a fault for each set of subjects that has them."""
    copies: dict[str, list[Question]] = {}
    for question in tests:
        copies.setdefault(question.sha256, []).append(question)
    groups: Groups = {}
    for same in copies.values():
        if len(same) > 1:
            groups.setdefault(tuple(dict.fromkeys(one.subject for one in same)), []).append(same[0])
    return [
        _fault(FaultKind.REPEATED, chosen).model_copy(update={"subjects": list(subjects)})
        for subjects, chosen in groups.items()
    ]


def _alone(question: Question) -> set[FaultKind]:
    """Return the faults of one question on its own."""
    choices = [" ".join(choice.split()) for choice in question.choices]
    right = choices.pop(LETTERS.index(question.answer))
    ending = _ANSWER.search(question.question)
    kinds = {
        FaultKind.ANSWERED: ending is not None and ending[1].upper() in question.letters,
        FaultKind.RIGHT_TWICE: right in choices,
        FaultKind.RIGHT_EMPTY: not right,
        FaultKind.EMPTY: "" in choices,
        FaultKind.EQUAL: len(set(choices)) < len(choices),
    }
    return {kind for kind, holds in kinds.items() if holds}


def _fault(kind: FaultKind, questions: Sequence[Question]) -> QuestionFault:
    first = questions[0]
    return QuestionFault(
        kind=kind,
        questions=len({question.sha256 for question in questions}),
        subjects=list(dict.fromkeys(question.subject for question in questions)),
        first_subject=first.subject,
        first_index=first.index,
    )


def _by_text(questions: Iterable[Question]) -> Groups:
    groups: Groups = {}
    for question in questions:
        groups.setdefault(_text(question), []).append(question)
    return groups


def _text(question: Question) -> tuple[str, ...]:
    """A question and its choices without regard to white space."""
    return tuple(" ".join(text.split()) for text in (question.question, *question.choices))

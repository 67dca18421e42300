"""Sentences on the faults of a question set, and what they mean for the numbers."""

from mmlu_kit.formatting import plural
from mmlu_kit.inputs.question_faults import FaultKind, QuestionFault
from mmlu_kit.report.cells import listed

# What is wrong with one question, with several, and what it means.
_KINDS = {
    FaultKind.CONTRADICTORY: (
        "occurs again with another right letter",
        "occur again with another right letter",
        "every copy counts, and no model can be right on all of them",
    ),
    FaultKind.SPACED: (
        "occurs again with other white space",
        "occur again with other white space",
        "every copy counts",
    ),
    FaultKind.EXAMPLE: (
        "is also a few-shot example of its subject",
        "are also few-shot examples of their subjects",
        "prompts with examples may show the answer",
    ),
    FaultKind.OTHER_EXAMPLE: (
        "is also a few-shot example of another subject",
        "are also few-shot examples of another subject",
        "no prompt shows its own answer",
    ),
    FaultKind.ANSWERED: (
        "ends with the letter of an answer",
        "end with the letter of an answer",
        "a model need not know the answer",
    ),
    FaultKind.RIGHT_TWICE: (
        "has another choice equal to the right one",
        "have another choice equal to the right one",
        "only one of the two letters counts as right",
    ),
    FaultKind.RIGHT_EMPTY: (
        "has an empty right choice",
        "have an empty right choice",
        "only by its letter can it be chosen",
    ),
    FaultKind.EMPTY: (
        "has an empty wrong choice",
        "have an empty wrong choice",
        "guessing among the others is right more often",
    ),
    FaultKind.EQUAL: (
        "has equal wrong choices",
        "have equal wrong choices",
        "guessing among different choices is right more often",
    ),
}


def fault(fault: QuestionFault) -> str:
    """Say how many questions have a fault, which is the first, and what it means for the numbers."""
    if fault.kind == FaultKind.REPEATED:
        return _repeated(fault)
    singular, several, meaning = _KINDS[fault.kind]
    return f"{_number(fault)} {singular if fault.questions == 1 else several} {_which(fault)}: {meaning}."


def _repeated(fault: QuestionFault) -> str:
    *others, last = fault.subjects
    one = fault.questions == 1
    counts = "it counts once" if one else "they count once"
    if not others:
        return f"{_number(fault)} of {last} {'occurs' if one else 'occur'} more than once there {_which(fault)}: {counts}."
    where = f"{'both ' if len(others) == 1 else ''}{listed(others)} and {last}"
    return (
        f"{_number(fault)} {'is' if one else 'are'} in {where} {_which(fault)}: {counts} in totals, intervals and tests, by "
        "the answer on the first of these subjects. Each subject's own accuracy has them all."
    )


def _number(fault: QuestionFault) -> str:
    return plural(fault.questions, "question")


def _which(fault: QuestionFault) -> str:
    first = f"`{fault.first_subject} {fault.first_index}`"
    return f"({first})" if fault.questions == 1 else f"(the first is {first})"

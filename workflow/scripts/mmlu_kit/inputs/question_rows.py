"""Rows of question files of any source: what a row says, and the question that it makes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmlu_kit import subjects
from mmlu_kit.inputs.questions import Question, check_number, checked
from mmlu_kit.settings import LETTERS, Split
from mmlu_kit.source_entries import AnswerForm
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Row:
    """A question as its source has it; `where` names the row in messages, and values are of whatever type they are there.

    `labels` are those of the choices if the answer is one of them, and `answer_is` is what the answer is, None for a number or
    a text whose form tells. `subject` is None where the row names none.
    """

    where: str
    question: object
    choices: object
    answer: object
    labels: object = None
    answer_is: AnswerForm | None = None
    subject: object = None
    id: object = None
    split: Split = Split.TEST


def by_subject(rows: Iterable[Row], default: str) -> dict[str, list[Row]]:
    """Return rows by the name of their subject, `default` if they have none.

    Two subjects with one name, and one that makes no name, raise UserError.
    """
    groups: dict[str, list[Row]] = {}
    titles: dict[str, object] = {}
    for row in rows:
        title = default if row.subject is None else row.subject
        name = name_of(title, row.where)
        other = titles.setdefault(name, title)
        if other != title:
            both = f"'{printable(str(other)[:80])}' and '{printable(str(title)[:80])}'"
            raise UserError(f"{row.where}: the subjects {both} have one name, {name}: write both in one way")
        groups.setdefault(name, []).append(row)
    return groups


def name_of(title: object, where: str) -> str:
    """Return the name of a subject that a source calls `title`; one that makes no name raises UserError."""
    if not isinstance(title, str) or not title.strip():
        raise UserError(f"{where}: the subject is {_display(title)}: write its name")
    name = subjects.name(title)
    if not subjects.is_name(name):
        raise UserError(f"{where}: the subject '{printable(title[:80])}' makes no name: write it in letters a-z and digits")
    return name


def title_of(name: str, title: str) -> str:
    """Return a subject's title in prompts: as its source writes it, '' if that is what its name says."""
    return "" if title in (name, subjects.title(name)) else " ".join(title.split())


def questions_of(name: str, title: str, rows: Iterable[Row]) -> list[Question]:
    """Return the questions of a subject's rows, numbered in each split; a row that is none raises UserError naming it."""
    number_of = dict.fromkeys(Split, 0)
    questions = []
    for row in rows:
        choices = _choices(row)
        question = Question(
            subject=name,
            split=row.split,
            index=number_of[row.split],
            question=_text(row.question, "the question", row.where),
            choices=choices,
            answer=_letter(row, choices),
            title=title_of(name, title),
            id=_id(row),
        )
        number_of[row.split] += 1
        questions.append(checked(question, row.where))
    return questions


def _text(value: object, what: str, where: str) -> str:
    if not isinstance(value, str):
        raise UserError(f"{where}: {what} is {_display(value)}, not text: correct it")
    return value


def _choices(row: Row) -> tuple[str, ...]:
    if not isinstance(row.choices, Sequence) or isinstance(row.choices, str):
        raise UserError(f"{row.where}: the choices are {_display(row.choices)}, not a list of texts: correct them")
    check_number(row.choices, row.where)
    return tuple(_text(choice, f"choice {number}", row.where) for number, choice in enumerate(row.choices, 1))


def _id(row: Row) -> str | None:
    if row.id is None or (isinstance(row.id, str | int) and not isinstance(row.id, bool)):
        return None if row.id in (None, "") else str(row.id)
    raise UserError(f"{row.where}: the id is {_display(row.id)}, neither text nor a number: correct it")


def _letter(row: Row, choices: Sequence[str]) -> str:
    """Return the letter of the right choice; what names none, or more than one, raises UserError."""
    answer, form, where = row.answer, row.answer_is, row.where
    if row.labels is not None:
        return _by_label(row, choices)
    if isinstance(answer, int) and not isinstance(answer, bool):
        if form in (None, AnswerForm.INDEX) and 0 <= answer < len(choices):
            return LETTERS[answer]
        expected = f"a number from 0 to {len(choices) - 1}" if form in (None, AnswerForm.INDEX) else f"a {form}"
        raise UserError(f"{where}: the answer is {str(answer)[:20]}, not {expected}")
    if answer is None or (isinstance(answer, str) and not answer.strip()):
        raise UserError(f"{where}: the answer is missing: write a choice's letter")
    if not isinstance(answer, str) or form == AnswerForm.INDEX:
        raise UserError(f"{where}: the answer is {_display(answer)}, not {_expected(form)}")
    text = answer.strip()
    letters = [text] if text in tuple(LETTERS[: len(choices)]) and form != AnswerForm.TEXT else []
    if form != AnswerForm.LETTER:
        letters += [letter for letter, choice in zip(LETTERS, choices, strict=False) if choice.strip() == text]
    if len(set(letters)) > 1:
        raise UserError(f"{where}: the answer '{printable(text[:40])}' could be {' or '.join(sorted(set(letters)))}: {_CLEAR}")
    if not letters:
        raise UserError(f"{where}: the answer is '{printable(text[:40])}', not {_expected(form, choices)}")
    return letters[0]


_CLEAR = "name the right choice in a way that fits no other"


def _by_label(row: Row, choices: Sequence[str]) -> str:
    labels = row.labels
    if not isinstance(labels, Sequence) or isinstance(labels, str) or len(labels) != len(choices):
        raise UserError(f"{row.where}: the labels are {_display(labels)}, not a list of {len(choices)}, one for each choice")
    places = [place for place, label in enumerate(labels) if label == row.answer and type(label) is type(row.answer)]
    if len(places) != 1:
        named = ", ".join(printable(label)[:20] for label in labels)
        raise UserError(f"{row.where}: the answer is {_display(row.answer)}, not one of the labels {named}")
    return LETTERS[places[0]]


def _expected(form: AnswerForm | None, choices: Sequence[str] = ()) -> str:
    """What an answer should be."""
    letters = f"one of {', '.join(LETTERS[: len(choices)])}" if choices else "a letter"
    words = {
        AnswerForm.LETTER: letters,
        AnswerForm.TEXT: "the text of a choice",
        AnswerForm.INDEX: "a number",
        None: f"{letters} or the text of a choice",
    }
    return words[form]


def _display(value: object) -> str:
    """A value in a message: its text, or what it is."""
    if value is None or value == "":
        return "missing"
    if isinstance(value, str | int | float):
        return f"'{printable(str(value)[:40])}'"
    kinds = ((list, "a list"), (tuple, "a list"), (dict, "a mapping"))
    return next((name for kind, name in kinds if isinstance(value, kind)), f"of type {type(value).__name__}")

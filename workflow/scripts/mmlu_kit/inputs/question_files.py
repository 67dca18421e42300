"""Local files of questions in the kit's own two forms: CSV with a header, and JSON lines.

CSV: question, A, B, … as many as the largest question has choices, answer; a question with fewer leaves the last cells empty.
JSON lines: question, choices, answer. Both may have subject, id and split.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from mmlu_kit.data import Entry
from mmlu_kit.inputs import csv_rows
from mmlu_kit.inputs.question_rows import Row
from mmlu_kit.settings import LETTERS, Split
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import did_you_mean, explain_json

_OPTIONAL = ("subject", "id", "split")
_WORDS = ("question", "answer", *_OPTIONAL)
_HEADER = "question, A, B, … and answer, and perhaps subject, id or split"


def rows(path: Path) -> list[Row]:
    """Return the rows of a .csv or .jsonl file; a file of another form raises UserError naming the row."""
    read = READERS.get(path.suffix.lower())
    if read is None:
        raise UserError(f"{path} is neither a folder nor a {' or '.join(READERS)} file: questions are read from these")
    questions = read(path)
    if not questions:
        raise UserError(f"{path} has no question: add one, or correct the path")
    return questions


def _csv(path: Path) -> list[Row]:
    header, *lines = csv_rows.read(path) or [[]]
    columns = _columns(path, header)
    return [_row(f"{path}: row {number}", columns, cells, len(header)) for number, cells in enumerate(lines, 1)]


def _columns(path: Path, header: Sequence[str]) -> dict[str, int]:
    """Return the place of each column by its name; a header of another form raises UserError."""
    columns: dict[str, int] = {}
    for place, cell in enumerate(header):
        name = cell.strip().upper() if len(cell.strip()) == 1 else cell.strip().lower()
        if name in columns:
            raise UserError(f"{path}: the header has the column '{printable(name[:40])}' twice: rename or remove one")
        columns[name] = place
    if "question" not in columns:
        cells = ", ".join(f"'{printable(cell[:20])}'" for cell in header[:8])
        advice = csv_rows.other_separator(header, range(4, 40)) if header else ""
        raise UserError(f"{path}: the first row is {cells or 'empty'}, and should be a header: {_HEADER}{advice}")
    choices = [name for name in columns if name in tuple(LETTERS)]
    for name in columns:
        if name not in (*_WORDS, *choices):
            near = did_you_mean(name, _WORDS)
            named = f"'{printable(name[:40])}'" if name else "without a name"
            raise UserError(f"{path}: the header has a column {named}: {near or f'remove it; known are {_HEADER}'}")
    if "answer" not in columns:
        raise UserError(f"{path}: the header has no column answer: add it, with each question's right letter")
    missing = next((letter for letter in LETTERS[: max(2, len(choices))] if letter not in columns), None)
    if missing:
        raise UserError(f"{path}: the header has no column {missing}: name the columns of choices A, B, … without a gap")
    return columns


def _row(where: str, columns: Mapping[str, int], cells: Sequence[str], width: int) -> Row:
    if len(cells) != width:
        raise UserError(f"{where} has {len(cells)} cells, and the header {width}: quote texts that have commas")
    values = {name: cells[place] for name, place in columns.items()}
    choices = [values[letter] for letter in LETTERS if letter in values]
    while choices and not choices[-1].strip():
        choices.pop()
    answer = values["answer"].strip()
    if answer.lstrip("+-").isdecimal():
        letters = ", ".join(LETTERS[: len(choices)])
        raise UserError(
            f"{where}: the answer is '{printable(answer[:20])}', a number: write the right choice's letter, {letters}"
        )
    optional = {name: values[name].strip() for name in _OPTIONAL if values.get(name, "").strip()}
    if "subject" in columns and "subject" not in optional:
        raise UserError(f"{where}: the subject is missing: write it in each row, or remove the column")
    split = optional.get("split", Split.TEST)
    if split not in tuple(Split):
        raise UserError(f"{where}: the split is '{printable(split[:20])}', not {' or '.join(Split)}")
    name, subject = optional.get("id"), optional.get("subject")
    return Row(where, values["question"], choices, answer, subject=subject, id=name, split=Split(split))


class _Line(Entry):
    """A line of a .jsonl file."""

    question: str
    choices: list[str]
    answer: int | str
    subject: str | None = None
    id: str | int | None = None
    split: Split = Split.TEST


def _jsonl(path: Path) -> list[Row]:
    lines = []
    for number, text in enumerate(csv_rows.read_text(path).split("\n"), 1):
        if not text.strip():
            continue
        where = f"{path}:{number}"
        try:
            line = _Line.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise UserError(f"{where}: not a question: {explain_json(error, text)}: correct it") from None
        lines.append(Row(where, **dict(line)))
    return lines


READERS: Mapping[str, Callable[[Path], list[Row]]] = {".csv": _csv, ".jsonl": _jsonl}

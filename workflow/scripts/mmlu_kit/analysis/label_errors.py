"""Label errors of MMLU's questions, as MMLU-Redux found them (Gema et al. 2024, https://arxiv.org/abs/2406.04127).

The folder has a file `mmlu_<subject>.csv` for each subject, with a header. The columns `question`, `choices` (a Python list of
2 to 26 strings) and `error_type` are read; the separator is a comma or a semicolon, and the spelling of the types varies. A
check is matched to the question with the same text and choices, ignoring white space: a file samples its subject, so row
numbers do not match.

A row or file that cannot be read is left out and named in a warning. Bytes that are not UTF-8 are read as Mac Roman or
Windows-1252, whichever gives the text of a question, and a warning says so.
"""

import ast
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import pandas

from mmlu_kit import files
from mmlu_kit.analysis.label_checks import (
    ERRORS,
    FALLBACKS,
    GOOD,
    MOVED,
    UNDECIDED,
    Key,
    LabelCheck,
    LabelChecks,
    Place,
    Unread,
)
from mmlu_kit.analysis.label_document import LabelAccuracies, LabelErrors
from mmlu_kit.analysis.shared_questions import has_letter
from mmlu_kit.formatting import plural
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import FEWEST_CHOICES, MOST_CHOICES
from mmlu_kit.user_errors import UserError

COLUMNS = ("question", "choices", "error_type")
LONGEST_CHOICES = 20_000  # characters; a longer text is not parsed


def read(folder: Path, subjects: Iterable[str]) -> list[LabelCheck | Unread]:
    """Return the checks of these subjects, and the rows and files that cannot be read; a subject without a file has none.

    Raises UserError if the folder has no check files at all, or if nothing in them can be read.
    """
    if not folder.is_dir():
        raise UserError(f"label_errors: there is no folder {folder}: correct the path in config, or omit the key")
    if not any(folder.glob("mmlu_*.csv")):
        raise UserError(f"label_errors: {folder} has no mmlu_<subject>.csv: it should be the folder of MMLU-Redux's CSV files")
    paths = [(subject, folder / f"mmlu_{subject}.csv") for subject in subjects]
    entries = [entry for subject, path in paths if path.is_file() for entry in _read_file(path, subject)]
    if entries and not any(isinstance(entry, LabelCheck) for entry in entries):
        raise UserError(f"label_errors: {entries[0]}")
    return entries


def match(entries: Iterable[LabelCheck | Unread], questions: Iterable[Question]) -> LabelChecks:
    """Assign checks to questions. If checks of one question differ, an error wins."""
    places: dict[Key, list[Place]] = {}
    for question in questions:
        key = _key(question.subject, question.question, question.choices)
        places.setdefault(key, []).append((question.subject, question.index))
    types: dict[Place, str] = {}
    decoded: Counter[tuple[str, str]] = Counter()
    entries = list(entries)
    checks = [entry for entry in entries if isinstance(entry, LabelCheck)]
    unmatched = 0
    for check in checks:
        encoding = next((name for name, key in check.fallbacks.items() if key in places), None)
        if encoding:
            decoded[check.file, encoding] += 1
        matches = places.get(check.fallbacks[encoding] if encoding else check.key, [])
        unmatched += not matches
        types |= {place: check.type for place in matches if types.get(place) not in ERRORS}
    unread = [entry for entry in entries if isinstance(entry, Unread)]
    moved = list(dict.fromkeys(check.file for check in checks if check.column == MOVED))
    return LabelChecks(types, unmatched, unread, decoded, moved)


def accuracies(checks: LabelChecks, answers: Mapping[str, pandas.DataFrame]) -> LabelErrors:
    """Count label errors and return each model's accuracy on checked questions; `answers` are the models' rows of
    questions.csv."""
    flagged = {place: kind in ERRORS for place, kind in checks.types.items() if kind != UNDECIDED}
    return LabelErrors(
        checked=len(flagged),
        flagged=sum(flagged.values()),
        unmatched=checks.unmatched,
        by_type=dict(Counter(kind for kind in checks.types.values() if kind in ERRORS)),
        models=[_model_accuracies(model, rows, flagged) for model, rows in answers.items()],
    )


def _model_accuracies(model: str, rows: pandas.DataFrame, flagged: Mapping[Place, bool]) -> LabelAccuracies:
    rows = rows[has_letter(rows)]
    correct = dict(zip(zip(rows["subject"], rows["index"], strict=True), rows["correct"], strict=True))
    clean, bad = (
        [correct[place] for place in flagged if place in correct and flagged[place] is kind] for kind in (False, True)
    )
    return LabelAccuracies(
        model=model,
        accuracy=_mean(clean + bad),
        accuracy_clean=_mean(clean),
        accuracy_flagged=_mean(bad),
        clean=len(clean),
        flagged=len(bad),
    )


def _mean(correct: Sequence[bool]) -> float | None:
    return float(sum(correct) / len(correct)) if correct else None


def _read_file(path: Path, subject: str) -> Iterator[LabelCheck | Unread]:
    """Yield the checks in a file, and what cannot be read."""
    # Every byte is one character of Latin-1, so that a cell can be decoded by itself.
    text = files.read_bytes(path).removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;", key=header.count), strict=True)
    try:
        names = reader.fieldnames or ()
    except csv.Error as error:
        yield Unread(path, None, f"is not a CSV file ({error})")
        return
    missing = set(COLUMNS) - set(names)
    if missing:
        yield Unread(path, None, f"its header lacks {', '.join(sorted(missing))}: it is not a file of MMLU-Redux")
        return
    rows: list[tuple[int, dict[str, str]]] = []
    while True:
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            yield Unread(path, reader.reader.line_num, f"is not a row of a CSV file ({error})")
            continue
        if None in row.values() or None in row:
            yield Unread(path, reader.line_num, "its number of columns differs from the header's")
        else:
            rows.append((reader.line_num, row))
    column = _column_of_types([row for _, row in rows])
    for line, row in rows:
        try:
            yield _check(row, column, path.name, subject)
        except ValueError as error:
            yield Unread(path, line, str(error))


def _column_of_types(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the column with the error types: MOVED if error_type is empty and all that MOVED has are known types."""
    if any(row["error_type"].strip() for row in rows):
        return "error_type"
    moved = [text for row in rows if (text := row.get(MOVED, "").strip())]
    return MOVED if moved and all(_spelling(text) in _TYPES for text in moved) else "error_type"


def _check(row: Mapping[str, str], column: str, file: str, subject: str) -> LabelCheck:
    """Return the check in a row of Latin-1 text. Raises ValueError saying what is wrong with it."""
    kind = _parse_type(row[column])
    cells = [row[name].encode("latin-1") for name in ("question", "choices")]
    keys = {name: key for name in ("utf-8", *FALLBACKS) if (key := _decoded_key(subject, cells, name))}
    if "utf-8" in keys:
        return LabelCheck(keys["utf-8"], kind, file, column, {})
    if not keys:
        raise ValueError("it is neither UTF-8 nor " + " nor ".join(FALLBACKS.values()))
    return LabelCheck(next(iter(keys.values())), kind, file, column, keys)


def _decoded_key(subject: str, cells: Sequence[bytes], encoding: str) -> Key | None:
    """Return the key of a row's question and choices, None if they are not in this encoding."""
    try:
        question, choices = (cell.decode(encoding) for cell in cells)
    except UnicodeDecodeError:
        return None
    return _key(subject, question, _parse_choices(choices))


def _parse_choices(text: str) -> list[str]:
    try:
        choices = ast.literal_eval(text.strip()) if len(text) <= LONGEST_CHOICES else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        choices = None
    if not isinstance(choices, list) or not all(isinstance(text, str) for text in choices):
        raise ValueError("choices must be a list of strings, one for each choice: ['…', '…', '…', '…']")
    if not FEWEST_CHOICES <= len(choices) <= MOST_CHOICES:
        raise ValueError(f"choices has {plural(len(choices), 'string')}; a question has {FEWEST_CHOICES} to {MOST_CHOICES}")
    return choices


def _parse_type(text: str) -> str:
    name = _TYPES.get(_spelling(text))
    if not text.strip():
        raise ValueError("error_type is empty, so this label was not checked")
    if name is None:
        raise ValueError(f"error_type is {text.strip()[:40]!r}; known: {', '.join(_TYPES.values())}")
    return name


def _spelling(text: str) -> str:
    """Return the letters of a type: it is written with spaces or underscores, capitals, and 'answer' or 'answers'."""
    return "".join(letter for letter in text.lower() if letter.isalpha()).removesuffix("s")


_TYPES = {_spelling(name): name for name in (GOOD, UNDECIDED, *ERRORS)}


def _key(subject: str, question: str, choices: Iterable[str]) -> Key:
    return subject, tuple(" ".join(text.split()) for text in (question, *choices))

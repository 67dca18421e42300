"""Label errors of MMLU's questions, as MMLU-Redux found them (Gema et al. 2024, https://arxiv.org/abs/2406.04127).

The folder has a file `mmlu_<subject>.csv` for each subject, with a header. The columns `question`, `choices` (a Python list of
2 to 26 strings), `error_type` and, of wrong labels, `correct_answer` are read; the separator is a comma or a semicolon, and the
spelling of the types varies. A check is matched to the question with the same text and choices, ignoring white space: a file
samples its subject, so row numbers do not match.

A row or file that cannot be read is left out and named in a warning. Bytes that are not UTF-8 are read as Mac Roman or
Windows-1252, whichever gives the text of a question, and a warning says so.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.analysis.label_checks import (
    CORRECTED,
    ERRORS,
    MOVED,
    WRONG,
    Correction,
    Key,
    LabelCheck,
    LabelChecks,
    Place,
    Unread,
)
from mmlu_kit.analysis.label_rows import TYPES, key_of, read_check, right_letters, spelling
from mmlu_kit.inputs.questions import Question
from mmlu_kit.user_errors import UserError

COLUMNS = ("question", "choices", "error_type")


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
    places: dict[Key, list[Question]] = {}
    for question in questions:
        key = key_of(question.subject, question.question, question.choices)
        places.setdefault(key, []).append(question)
    types: dict[Place, str] = {}
    corrections: dict[Place, Correction] = {}
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
        for question in matches:
            place = question.subject, question.index
            if types.get(place) not in ERRORS:
                types[place] = check.type
                if check.type in CORRECTED:
                    corrections[place] = _correction(check, question, encoding or "utf-8")
    unread = [entry for entry in entries if isinstance(entry, Unread)]
    moved = list(dict.fromkeys(check.file for check in checks if check.column == MOVED))
    return LabelChecks(types, unmatched, unread, decoded, moved, corrections)


def _correction(check: LabelCheck, question: Question, encoding: str) -> Correction:
    """Return the right choices of a question; none if the check names, as right, the label that it calls wrong."""
    text = check.correction.decode(encoding, errors="replace")
    letters = right_letters(text, question.choices)
    return Correction(text, frozenset() if check.type == WRONG and question.answer in letters else letters)


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
            yield read_check(row, column, path.name, subject)
        except ValueError as error:
            yield Unread(path, line, str(error))


def _column_of_types(rows: Sequence[Mapping[str, str]]) -> str:
    """Return the column with the error types: MOVED if error_type is empty and all that MOVED has are known types."""
    if any(row["error_type"].strip() for row in rows):
        return "error_type"
    moved = [text for row in rows if (text := row.get(MOVED, "").strip())]
    return MOVED if moved and all(spelling(text) in TYPES for text in moved) else "error_type"

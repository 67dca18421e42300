"""Another run's answers to the same questions, from a CSV file: `subject, test_index, model, prediction`, and `gold` if known.

All that is known of an answer is its letter. A prediction that is none of A to D is kept as what was written, unreadable.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Iterable
from pathlib import Path

from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS
from mmlu_kit.user_errors import UserError

COLUMNS = ("subject", "test_index", "model", "prediction")
MOST_BYTES = 200_000_000  # of the text: MMLU's 14,042 questions answered by two hundred models
LONGEST = 1000  # characters kept of a prediction


def read(path: Path, model: str | None) -> dict[tuple[str, int], dict]:
    """The rows of one model (None: of the file's only one) by subject and index; a UserError names file and line."""
    rows = [(f"{path}: line {number}", row) for number, row in _rows(Path(path))]
    names = list(dict.fromkeys(row["model"] for _, row in rows))
    if model is None and len(names) > 1:
        raise UserError(f"{path} has several models, {_listed(names)}: name one as the model's predictions_model in config")
    chosen = names[0] if model is None and names else model
    if chosen not in names:
        raise UserError(f"{path} has no model '{chosen}'; it has {_listed(names) or 'no row'}")
    found: dict[tuple[str, int], dict] = {}
    for where, row in rows:
        if row["model"] == chosen:
            key = (row["subject"], _index(row["test_index"], where))
            if key in found:
                raise UserError(f"{where}: a second prediction of {chosen} for {key[0]} {key[1]}")
            found[key] = row
    return found


def records(found: dict[tuple[str, int], dict], asked: Iterable[Question], where: str) -> list[dict]:
    """The records of a subject's test questions; a UserError where an answer is missing, of no question, or judged by another
    right letter."""
    asked = list(asked)
    missing = [question.name for question in asked if (question.subject, question.index) not in found]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise UserError(f"{where}: there is no prediction for {missing[0]}{more}: every question of a subject needs one")
    known = {(question.subject, question.index) for question in asked}
    subjects = {question.subject for question in asked}
    beyond = sorted(key for key in found if key[0] in subjects and key not in known)
    if beyond:
        raise UserError(f"{where}: {beyond[0][0]} has no question {beyond[0][1]}: these are predictions for other questions")
    return [_record(found[question.subject, question.index], question, where) for question in asked]


def _record(row: dict, question: Question, where: str) -> dict:
    gold = (row.get("gold") or question.answer).strip()
    if gold != question.answer:
        raise UserError(
            f"{where}: its gold letter for {question.name} is '{gold[:20]}' and here it is '{question.answer}': "
            "these are predictions for other questions"
        )
    written = row["prediction"].strip()
    letter = written if written in tuple(LETTERS) else None
    unknown = ("prompt_sha256", "prompt_tokens", "letter_logprobs", "letter_mass", "other_letter_mass", "examples")
    return {
        **dict.fromkeys(unknown),
        "subject": question.subject,
        "index": question.index,
        "question_sha256": question.sha256,
        "gold": question.answer,
        "predicted": letter,
        "correct": letter == question.answer,
        "generated": written[:LONGEST],
        "parsed": letter,
        "correct_generated": letter == question.answer,
    }


def _rows(path: Path) -> list[tuple[int, dict]]:
    """(number of the line, row) of a whole file that has the columns."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as stream:
            data = stream.read(MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a whole gzip file ({error})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): convert it to UTF-8") from None
    if len(data) > MOST_BYTES:
        raise UserError(f"{path} holds more than {MOST_BYTES // 10**6} MB of text: leave in it only the models that you import")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if lacking:
            raise UserError(f"{path}: its header lacks {', '.join(lacking)}; needed are {', '.join(COLUMNS)}")
        found = []
        for row in reader:
            if None in row or None in row.values():
                raise UserError(f"{path}: line {reader.line_num}: not as many columns as the header has")
            found.append((reader.line_num, row))
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error})") from None
    return found


def _index(text: str, where: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text) < 10):
        raise UserError(f"{where}: test_index is '{text[:20]}', where the question's number from 0 is needed")
    return int(text)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

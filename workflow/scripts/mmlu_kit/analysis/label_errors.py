"""Label errors of MMLU's questions, as MMLU-Redux found them (Gema et al. 2024, https://arxiv.org/abs/2406.04127).

A folder holds `mmlu_<subject>.csv` with a header; of its columns `question`, `choices` (a Python list of four strings) and
`error_type` are read. The separator is a comma or a semicolon, and spellings of the types vary. A row belongs to the question
of the same text and choices, white space aside; row numbers are no guide, as a file has a sample of the subject's questions.
"""

import ast
import csv
import io
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas

from mmlu_kit.inputs.questions import Question
from mmlu_kit.user_errors import UserError

GOOD, UNDECIDED = "ok", "expert"  # `expert`: left to somebody who knows the field, so neither good nor bad
ERRORS = ("bad question clarity", "bad options clarity", "no correct answer", "multiple correct answers", "wrong groundtruth")
COLUMNS = ("question", "choices", "error_type")
LONGEST = 20_000  # characters of a list of choices; what is longer is no list of choices


def read(folder: Path, subjects: Iterable[str]) -> list[dict]:
    """The checks of these subjects: `subject, key, type`. Subjects without a file have none; no file at all is a UserError."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"label_errors: there is no folder {folder}: correct the path in config, or leave the key out")
    if not any(folder.glob("mmlu_*.csv")):
        raise UserError(f"label_errors: {folder} has no mmlu_<subject>.csv: it should be the folder of MMLU-Redux's CSV files")
    paths = [(subject, folder / f"mmlu_{subject}.csv") for subject in subjects]
    return [row for subject, path in paths if path.is_file() for row in _rows(path, subject)]


def _rows(path: Path, subject: str) -> list[dict]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): convert it to UTF-8") from None
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;", key=header.count), strict=True)
    found = []
    try:
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise UserError(f"{path}: its header lacks {', '.join(sorted(missing))}: it is not a file of MMLU-Redux")
        for row in reader:
            where = f"{path}: line {reader.line_num}"
            if None in row.values() or None in row:
                raise UserError(f"{where}: not as many columns as the header has")
            found.append({"subject": subject, "key": _key(row["question"], _choices(row["choices"], where))})
            found[-1]["type"] = _type(row["error_type"], where)
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error})") from None
    return found


def _choices(text: str, where: str) -> list[str]:
    try:
        found = ast.literal_eval(text.strip()) if len(text) <= LONGEST else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        found = None
    if not isinstance(found, list) or len(found) != 4 or not all(isinstance(choice, str) for choice in found):
        raise UserError(f"{where}: choices must be a list of four strings, ['…', '…', '…', '…']")
    return found


def _type(text: str, where: str) -> str:
    name = " ".join(text.replace("_", " ").split()).lower()
    if name not in (GOOD, UNDECIDED, *ERRORS):
        raise UserError(f"{where}: error_type is '{text[:40]}'; known: {', '.join((GOOD, UNDECIDED, *ERRORS))}")
    return name


def _key(question: str, choices: Iterable[str]) -> tuple[str, ...]:
    return tuple(" ".join(text.split()) for text in (question, *choices))


def match(rows: Iterable[dict], questions: Iterable[Question]) -> dict:
    """`types {(subject, index): type}, unmatched (rows), warnings`. Where checks of one question differ, an error is kept."""
    known: dict[tuple, list[int]] = {}
    for question in questions:
        known.setdefault((question.subject, _key(question.question, question.choices)), []).append(question.index)
    types: dict[tuple[str, int], str] = {}
    unmatched = 0
    for row in rows:
        found = [(row["subject"], index) for index in known.get((row["subject"], row["key"]), [])]
        unmatched += not found
        types |= {place: row["type"] for place in found if types.get(place) not in ERRORS}
    warnings = []
    if unmatched:
        warnings.append(f"{unmatched} label checks are of questions that this study does not have.")
    undecided = sum(kind == UNDECIDED for kind in types.values())
    if undecided:
        warnings.append(f"{undecided} label checks leave the question to an expert: it counts neither as good nor as flagged.")
    if len(types) == undecided:
        warnings.append("No label was checked: no label check decides on a question of this study.")
    return {"types": types, "unmatched": unmatched, "warnings": warnings}


def accuracies(labels: dict, answers: dict[str, pandas.DataFrame]) -> dict:
    """The analysis's `label_errors`: what was found, and each model's accuracy on all questions that were checked, on the good
    ones among them and on the flagged ones (None where it answered none). `answers` are the models' rows of questions.csv."""
    by_type = Counter(kind for kind in labels["types"].values() if kind in ERRORS)
    decided = {place: kind in ERRORS for place, kind in labels["types"].items() if kind != UNDECIDED}
    models = []
    for model, rows in answers.items():
        right = dict(zip(zip(rows["subject"], rows["index"], strict=True), rows["correct"], strict=True))
        answered = [(right[place], flagged) for place, flagged in decided.items() if place in right]
        good, bad = ([outcome for outcome, flagged in answered if flagged == kind] for kind in (False, True))
        models.append(
            {
                "model": model,
                "accuracy": _mean(good + bad),
                "accuracy_clean": _mean(good),
                "accuracy_flagged": _mean(bad),
                "clean": len(good),
                "flagged": len(bad),
            }
        )
    return {
        "checked": len(decided),
        "flagged": sum(decided.values()),
        "unmatched": labels["unmatched"],
        "by_type": dict(by_type),
        "models": models,
    }


def _mean(outcomes: list[bool]) -> float | None:
    return float(sum(outcomes) / len(outcomes)) if outcomes else None

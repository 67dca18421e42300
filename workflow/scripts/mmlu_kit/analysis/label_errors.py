"""Label errors of MMLU's questions, as MMLU-Redux found them (Gema et al. 2024, https://arxiv.org/abs/2406.04127).

The folder has a file `mmlu_<subject>.csv` for each subject, with a header. The columns `question`, `choices` (a Python list of
four strings) and `error_type` are read; the separator is a comma or a semicolon, and the spelling of the types varies. A check
is matched to the question with the same text and choices, ignoring white space: a file samples its subject, so row numbers do
not match.
"""

import ast
import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pandas

from mmlu_kit import formatting
from mmlu_kit.analysis.document import LabelAccuracies, LabelErrors
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS
from mmlu_kit.user_errors import UserError

GOOD, UNDECIDED = "ok", "expert"  # `expert`: left to a specialist, so neither good nor bad
ERRORS = ("bad question clarity", "bad options clarity", "no correct answer", "multiple correct answers", "wrong groundtruth")
COLUMNS = ("question", "choices", "error_type")
LONGEST_CHOICES = 20_000  # characters; a longer text is not parsed

Place = tuple[str, int]  # subject, index
Key = tuple[str, tuple[str, ...]]  # subject, texts of question and choices


@dataclass(frozen=True)
class LabelCheck:
    """One row of MMLU-Redux: `key` identifies the question, `type` is GOOD, UNDECIDED or one of ERRORS."""

    key: Key
    type: str


@dataclass(frozen=True)
class LabelChecks:
    """The checks of a study's questions, and the number of checks of other questions."""

    types: Mapping[Place, str]
    unmatched: int

    def once(self, questions: Iterable[Question]) -> Self:
        """Return the checks with those of a repeated question at its first copy among `questions`; an error wins."""
        first: dict[str, Place] = {}
        copies = {(one.subject, one.index): first.setdefault(one.sha256, (one.subject, one.index)) for one in questions}
        types: dict[Place, str] = {}
        for place, kind in self.types.items():
            if types.get(copies[place]) not in ERRORS:
                types[copies[place]] = kind
        return replace(self, types=types)

    @property
    def warnings(self) -> list[str]:
        """Warnings about these checks, as sentences."""
        sentences = []
        if self.unmatched:
            sentences.append(f"{formatting.plural(self.unmatched, 'label check')} of questions that are not in this study.")
        undecided = sum(kind == UNDECIDED for kind in self.types.values())
        if undecided:
            checks = formatting.plural(undecided, "label check")
            sentences.append(f"{checks} left to an expert: these questions count as neither good nor flagged.")
        if len(self.types) == undecided:
            sentences.append("No label was checked: no label check is conclusive for a question of this study.")
        return sentences


def read(folder: Path, subjects: Iterable[str]) -> list[LabelCheck]:
    """Return the checks of these subjects; a subject without a file has none.

    Raises UserError if the folder has no check files at all, or if a file is damaged.
    """
    if not folder.is_dir():
        raise UserError(f"label_errors: there is no folder {folder}: correct the path in config, or omit the key")
    if not any(folder.glob("mmlu_*.csv")):
        raise UserError(f"label_errors: {folder} has no mmlu_<subject>.csv: it should be the folder of MMLU-Redux's CSV files")
    paths = [(subject, folder / f"mmlu_{subject}.csv") for subject in subjects]
    return [check for subject, path in paths if path.is_file() for check in _read_file(path, subject)]


def match(checks: Iterable[LabelCheck], questions: Iterable[Question]) -> LabelChecks:
    """Assign checks to questions. If checks of one question differ, an error wins."""
    places: dict[Key, list[Place]] = {}
    for question in questions:
        key = _key(question.subject, question.question, question.choices)
        places.setdefault(key, []).append((question.subject, question.index))
    types: dict[Place, str] = {}
    unmatched = 0
    for check in checks:
        matches = places.get(check.key, [])
        unmatched += not matches
        types |= {place: check.type for place in matches if types.get(place) not in ERRORS}
    return LabelChecks(types, unmatched)


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


def _read_file(path: Path, subject: str) -> list[LabelCheck]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): convert it to UTF-8") from None
    header = text.partition("\n")[0]
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;", key=header.count), strict=True)
    checks = []
    try:
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise UserError(f"{path}: its header lacks {', '.join(sorted(missing))}: it is not a file of MMLU-Redux")
        for row in reader:
            where = f"{path}: line {reader.line_num}"
            if None in row.values() or None in row:
                raise UserError(f"{where}: its number of columns differs from the header's")
            key = _key(subject, row["question"], _parse_choices(row["choices"], where))
            checks.append(LabelCheck(key, _parse_type(row["error_type"], where)))
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error})") from None
    return checks


def _parse_choices(text: str, where: str) -> list[str]:
    try:
        choices = ast.literal_eval(text.strip()) if len(text) <= LONGEST_CHOICES else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        choices = None
    if not isinstance(choices, list) or len(choices) != len(LETTERS) or not all(isinstance(text, str) for text in choices):
        raise UserError(f"{where}: choices must be a list of four strings, ['…', '…', '…', '…']")
    return choices


def _parse_type(text: str, where: str) -> str:
    name = " ".join(text.replace("_", " ").split()).lower()
    if name not in (GOOD, UNDECIDED, *ERRORS):
        raise UserError(f"{where}: error_type is '{text[:40]}'; known: {', '.join((GOOD, UNDECIDED, *ERRORS))}")
    return name


def _key(subject: str, question: str, choices: Iterable[str]) -> Key:
    return subject, tuple(" ".join(text.split()) for text in (question, *choices))

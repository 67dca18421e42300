"""Four-choice questions: MMLU's CSV files, and the JSON-lines files that every later stage reads.

The CSV files (hendrycks/test) have no header and six columns: question, A, B, C, D, letter. `test/<subject>_test.csv` holds
the questions and `dev/<subject>_dev.csv` up to five few-shot examples.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.settings import LETTERS, Split
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Question:
    """One question; `index` counts from 0 within its subject and split, and `answer` is one of 'ABCD'."""

    subject: str
    split: str
    index: int
    question: str
    choices: tuple[str, ...]
    answer: str

    @property
    def name(self) -> str:
        """Its name in messages: 'astronomy/test/17'."""
        return f"{self.subject}/{self.split}/{self.index}"

    @property
    def sha256(self) -> str:
        """The SHA-256 of its text, choices and answer, independent of the file format."""
        return files.sha256(json.dumps([self.question, *self.choices, self.answer], ensure_ascii=False))


def from_cells(subject: str, split: str, index: int, cells: Sequence[object], where: str) -> Question:
    """Return the question in six cells (question, A, B, C, D, letter); invalid cells raise UserError naming `where`."""
    if len(cells) != 6:
        raise UserError(f"{where}: {len(cells)} columns instead of 6 (question, A, B, C, D, the answer's letter)")
    if not all(isinstance(cell, str) for cell in cells):
        raise UserError(f"{where}: every cell must be text")
    *texts, answer = map(str, cells)
    if not texts[0].strip():
        raise UserError(f"{where}: the question is empty")
    answer = answer.strip()
    if answer not in tuple(LETTERS):
        header = " (MMLU's files have no header row)" if index == 0 else ""
        raise UserError(f"{where}: the answer is '{answer[:20]}', not one of A, B, C, D{header}")
    return Question(subject, split, index, texts[0], tuple(texts[1:]), answer)


def read_csv(path: Path, subject: str, split: str) -> list[Question]:
    """Read the questions of one MMLU CSV file; a malformed or empty file raises UserError naming the file and row."""
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: subject '{subject}' needs its {split} questions there") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): convert it to UTF-8") from None
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row]
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error})") from None
    if not rows:
        raise UserError(f"{path} is empty: it needs at least one row of question, A, B, C, D, letter")
    return [from_cells(subject, split, index, row, f"{path}: row {index + 1}") for index, row in enumerate(rows)]


def read_folder(folder: Path, subject: str) -> list[Question]:
    """Read the dev and test questions of a subject from a folder with MMLU's layout."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: questions are read from its dev/ and test/ CSV files")
    tests = read_csv(folder / "test" / f"{subject}_test.csv", subject, Split.TEST)
    examples = folder / "dev" / f"{subject}_dev.csv"
    return (read_csv(examples, subject, Split.DEV) if examples.exists() else []) + tests


def write_jsonl(path: Path, questions: Iterable[Question]) -> None:
    """Write questions, one JSON object per line."""
    lines = [json.dumps(asdict(question), sort_keys=True, ensure_ascii=False) for question in questions]
    files.write_text(path, "\n".join(lines) + "\n")


def read_jsonl(path: Path) -> list[Question]:
    """Read a file that `write_jsonl` wrote; any other file raises UserError naming it and the line."""
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: run the prepare stage first") from None
    questions = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        where = f"{path}:{number}"
        try:
            row = json.loads(line)
            subject, split, index = row["subject"], row["split"], row["index"]
            cells = [row["question"], *row["choices"], row["answer"]]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise UserError(
                f"{where}: not a question as fetch_questions.py writes it: correct it, or make the file again"
            ) from None
        if split not in list(Split) or not isinstance(subject, str) or not isinstance(index, int):
            raise UserError(f"{where}: split, subject or index is not valid: correct it, or make the file again")
        questions.append(from_cells(subject, split, index, cells, where))
    if not any(question.split == Split.TEST for question in questions):
        raise UserError(f"{path} has no test question: add one, or make the file again with fetch_questions.py")
    return questions


def split(questions: Iterable[Question], name: str) -> list[Question]:
    """The questions of one split, 'dev' or 'test', in their order."""
    return [question for question in questions if question.split == name]


def examples(questions: Iterable[Question], number: int) -> list[Question]:
    """The first `number` questions of the dev split; if there are fewer, raises UserError."""
    questions = list(questions)
    dev = split(questions, Split.DEV)
    if len(dev) < number:
        subject = questions[0].subject
        raise UserError(
            f"{subject}: {number} examples are requested, but the dev split has {len(dev)}: "
            f"use fewer, or add examples to dev/{subject}_dev.csv"
        )
    return dev[:number]


def read_subjects(paths: Sequence[Path], subjects: Sequence[str] | None) -> dict[str, list[Question]]:
    """Read questions by subject, dev split included, from a folder of CSVs (which needs `subjects`) or from .jsonl files."""
    if paths[0].is_dir():
        if len(paths) > 1 or not subjects:
            raise UserError("--questions takes one folder of CSVs with --subjects, or .jsonl files")
        return {subject: read_folder(paths[0], subject) for subject in subjects}
    by_subject = {}
    for path in paths:
        questions = read_jsonl(path)
        if len({question.subject for question in questions}) > 1:
            raise UserError(f"{path} has questions of more than one subject: split it into one file for each")
        by_subject[questions[0].subject] = questions
    return {subject: questions for subject, questions in by_subject.items() if not subjects or subject in subjects}

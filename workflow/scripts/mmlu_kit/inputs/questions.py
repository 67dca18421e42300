"""Multiple-choice questions: MMLU's CSV files, and the JSON-lines files that every later stage reads.

The CSV files (hendrycks/test) have no header and six columns: question, A, B, C, D, letter. `test/<subject>_test.csv` holds
the questions and `dev/<subject>_dev.csv` up to five few-shot examples.
"""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ValidationError

from mmlu_kit import files, subjects
from mmlu_kit.data import Count, Data
from mmlu_kit.formatting import plural
from mmlu_kit.inputs import regular_files
from mmlu_kit.settings import LETTERS, Split
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain_json

MAX_BYTES = 100_000_000  # of one subject's file; MMLU's largest has 2 MB
COLUMNS = 6
_NO_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Question:
    """One question with 2 to 26 choices; `index` counts from 0 within its subject and split.

    `answer` is the right choice's letter, `title` the subject's name in prompts and `id` the question's name in its source.
    """

    subject: str
    split: str
    index: int
    question: str
    choices: tuple[str, ...]
    answer: str
    title: str = ""
    id: str | None = None

    @property
    def name(self) -> str:
        """Its name in messages: 'astronomy/test/17'."""
        return f"{self.subject}/{self.split}/{self.index}"

    @property
    def letters(self) -> str:
        """The letters of its choices."""
        return LETTERS[: len(self.choices)]

    @property
    def right_choice(self) -> str:
        """The text of the right choice."""
        return self.choices[self.letters.index(self.answer)]

    @property
    def subject_title(self) -> str:
        """The subject as written in prose."""
        return self.title or subjects.title(self.subject)

    @property
    def sha256(self) -> str:
        """The SHA-256 of its text, choices and answer, independent of the file format."""
        return files.sha256(json.dumps([self.question, *self.choices, self.answer], ensure_ascii=False))


def from_cells(subject: str, split: str, index: int, cells: Sequence[object], where: str) -> Question:
    """Return the question in six cells (question, A, B, C, D, letter); invalid cells raise UserError naming `where`."""
    if len(cells) != COLUMNS:
        columns = f"{plural(len(cells), 'column')} instead of {COLUMNS} (question, A, B, C, D, the answer's letter)"
        other = next((mark for mark in _NO_SEPARATORS if len(str(cells[0]).split(mark)) == COLUMNS), None)
        advice = f": separate them by commas, not by {_NO_SEPARATORS[other]}" if other else ""
        raise UserError(f"{where}: {columns}{advice}")
    if not all(isinstance(cell, str) for cell in cells):
        raise UserError(f"{where}: every cell must be text")
    *texts, answer = map(str, cells)
    if any("\0" in text for text in texts):
        raise UserError(f"{where}: it has NUL characters: save it as UTF-8 text (it may be UTF-16, or damaged)")
    if not texts[0].strip():
        raise UserError(f"{where}: the question is empty")
    answer = answer.strip()
    if answer not in tuple(LETTERS):
        header = " (MMLU's files have no header row)" if index == 0 else ""
        raise UserError(f"{where}: the answer is '{printable(answer[:20])}', not one of A, B, C, D{header}")
    return Question(subject, split, index, texts[0], tuple(texts[1:]), answer)


def read_csv(path: Path, subject: str, split: str) -> list[Question]:
    """Read the questions of one MMLU CSV file; a malformed or empty file raises UserError naming the file and row."""
    path = Path(path)
    if not path.exists() and not path.is_symlink():
        raise UserError(f"{path} does not exist: subject '{subject}' needs its {split} questions there")
    regular_files.check(path, MAX_BYTES)
    try:
        text = files.read_bytes(path, MAX_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): convert it to UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [row for row in reader if row]
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error} in line {reader.line_num}): correct its quotation marks") from None
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
    has_examples = examples.exists() or examples.is_symlink()
    return (read_csv(examples, subject, Split.DEV) if has_examples else []) + tests


def write_jsonl(path: Path, questions: Iterable[Question]) -> None:
    """Write questions, one JSON object per line."""
    lines = [json.dumps(asdict(question), sort_keys=True, ensure_ascii=False) for question in questions]
    files.write_text(path, "\n".join(lines) + "\n")


class _Line(Data):
    """A line of a .jsonl file, as `write_jsonl` writes it."""

    subject: str
    split: Split
    index: Count
    question: str
    choices: list[str]
    answer: str


def read_jsonl(path: Path) -> list[Question]:
    """Read the questions of one subject from a file that `write_jsonl` wrote, <subject>.jsonl.

    Raises UserError naming the file and the line if a line is not a question, or if the questions are not those of one subject,
    counted from 0 in each split.
    """
    path = Path(path)
    if not path.exists() and not path.is_symlink():
        raise UserError(f"{path} does not exist: run the prepare stage first")
    regular_files.check(path)
    again = "correct it, or make the file again with fetch_questions.py"
    questions: list[Question] = []
    number_of = dict.fromkeys(Split, 0)
    for number, text in enumerate(files.read_text(path).split("\n"), 1):
        if not text:
            continue
        where = f"{path}:{number}"
        try:
            line = _Line.model_validate_json(text, strict=True)
        except ValidationError as error:
            raise UserError(f"{where}: not a question: {explain_json(error, text)}: {again}") from None
        if line.subject != path.stem:
            raise UserError(f"{where}: a question of '{printable(line.subject[:40])}' in the file of {path.stem}: {again}")
        if line.index != number_of[line.split]:
            expected = f"the next of its {line.split} split would be {number_of[line.split]}"
            raise UserError(f"{where}: index {line.index}, but {expected}: {again}")
        number_of[line.split] += 1
        cells = [line.question, *line.choices, line.answer]
        questions.append(from_cells(line.subject, line.split, line.index, cells, where))
    if not number_of[Split.TEST]:
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
    by_subject: dict[str, list[Question]] = {}
    for path in paths:
        subject_questions = read_jsonl(path)
        subject = subject_questions[0].subject
        if subject in by_subject:
            raise UserError(f"{path}: --questions has the questions of {subject} twice: name one file")
        by_subject[subject] = subject_questions
    for subject in subjects or ():
        if subject not in by_subject:
            raise UserError(f"--questions has no {subject}.jsonl: name it too, or leave {subject} out of --subjects")
    return {subject: by_subject[subject] for subject in by_subject if not subjects or subject in subjects}

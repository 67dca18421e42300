"""Multiple-choice questions: MMLU's CSV files, and the JSON-lines files that every later stage reads.

The CSV files (hendrycks/test) have no header and six columns: question, A, B, C, D, letter; those of other sets have as many
choices as their first row. `test/<subject>_test.csv` holds the questions and `dev/<subject>_dev.csv` few-shot examples.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pydantic import ValidationError

from mmlu_kit import files, subjects
from mmlu_kit.data import Count, Data
from mmlu_kit.formatting import plural
from mmlu_kit.inputs import csv_rows, regular_files
from mmlu_kit.settings import FEWEST_CHOICES, LETTERS, MOST_CHOICES, Split
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain_json

COLUMNS = 6  # of MMLU's own files


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


def checked(question: Question, where: str, header: str = "") -> Question:
    """Return a question if it has a text, 2 to 26 choices and the letter of one of them; else UserError naming `where`.

    `header` is a hint for an answer that is no letter.
    """
    if any("\0" in text for text in (question.question, *question.choices)):
        raise UserError(f"{where}: it has NUL characters: save it as UTF-8 text (it may be UTF-16, or damaged)")
    if not question.question.strip():
        raise UserError(f"{where}: the question is empty")
    check_number(question.choices, where)
    if question.answer not in tuple(question.letters):
        letters = ", ".join(question.letters)
        raise UserError(f"{where}: the answer is '{printable(question.answer[:20])}', not one of {letters}{header}")
    return question


def check_number(choices: Sequence[object], where: str) -> None:
    """Raise UserError naming `where` for fewer choices than 2, or more than 26."""
    if not FEWEST_CHOICES <= len(choices) <= MOST_CHOICES:
        number = plural(len(choices), "choice")
        raise UserError(f"{where}: {number}, and a question needs {FEWEST_CHOICES} to {MOST_CHOICES}")


def read_csv(path: Path, subject: str, split: str, title: str = "") -> list[Question]:
    """Read the questions of one MMLU CSV file; a malformed or empty file raises UserError naming the file and row."""
    path = Path(path)
    if not path.exists() and not path.is_symlink():
        raise UserError(f"{path} does not exist: subject '{subject}' needs its {split} questions there")
    rows = csv_rows.read(path)
    if not rows:
        raise UserError(f"{path} is empty: it needs at least one row of question, A, B, C, D, letter")
    width = len(rows[0]) if FEWEST_CHOICES <= len(rows[0]) - 2 <= MOST_CHOICES else COLUMNS
    questions = []
    for index, cells in enumerate(rows):
        where = f"{path}: row {index + 1}"
        if len(cells) != width:
            columns = f"question, {', '.join(LETTERS[: width - 2])}, the answer's letter"
            advice = csv_rows.other_separator(cells, [width])
            raise UserError(f"{where}: {plural(len(cells), 'column')} instead of {width} ({columns}){advice}")
        text, *choices, answer = cells
        header = " (MMLU's files have no header row)" if index == 0 else ""
        question = Question(subject, split, index, text, tuple(choices), answer.strip(), title)
        questions.append(checked(question, where, header))
    return questions


def read_folder(folder: Path, subject: str, stem: str | None = None, title: str = "") -> list[Question]:
    """Read the dev and test questions of a subject from a folder with MMLU's layout; `stem` is its name in files."""
    folder, stem = Path(folder), stem or subject
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: questions are read from its dev/ and test/ CSV files")
    tests = read_csv(folder / "test" / f"{stem}_test.csv", subject, Split.TEST, title)
    examples = folder / "dev" / f"{stem}_dev.csv"
    has_examples = examples.exists() or examples.is_symlink()
    return (read_csv(examples, subject, Split.DEV, title) if has_examples else []) + tests


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
    title: str = ""
    id: str | None = None


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
        values = dict(line) | {"choices": tuple(line.choices)}
        questions.append(checked(Question(**values), where))
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
            "use fewer, or add examples to the question set"
        )
    return dev[:number]


def first(questions: Iterable[Question], limit: int | None) -> list[Question]:
    """The dev questions and the first `limit` test questions, all without a limit; a limit below 1 raises UserError."""
    if limit is not None and limit < 1:
        raise UserError(f"the limit is {limit}: ask at least one question of each subject, or all without a limit")
    return [one for one in questions if one.split == Split.DEV or limit is None or one.index < limit]

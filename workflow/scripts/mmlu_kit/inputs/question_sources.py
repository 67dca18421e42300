"""Local sources of questions: what subjects a file or folder has, and the questions of each."""

import json
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol

from mmlu_kit.inputs import question_files, question_rows, questions
from mmlu_kit.inputs.question_rows import Row
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Split
from mmlu_kit.source_entries import QuestionSet
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion


class QuestionSource(Protocol):
    """A file or folder with the questions of subjects, which are called by their names."""

    def subjects(self) -> list[str]:
        """The subjects, sorted; a file that cannot be read raises UserError."""

    def paths(self, subject: str) -> list[Path]:
        """The files with a subject's questions and examples."""

    def read(self, subject: str) -> list[Question]:
        """The questions of a subject, dev split first; a row that is none raises UserError naming file and row."""


def of_entry(entry: QuestionSet) -> QuestionSource:
    """Return the source that config's entry of a local question set names."""
    return local(Path(entry.path or ""), Path(entry.examples) if entry.examples else None)


def local(path: Path, examples: Path | None = None) -> QuestionSource:
    """Return the source at a path, with few-shot examples from another file, by what is there; UserError if it is none."""
    if not path.is_dir() and not is_subject_file(path):
        return QuestionFile(path, examples)
    source: QuestionSource
    if not path.is_dir():
        source = SubjectFiles([path])
    elif (path / "test").is_dir() or not FileFolder(path).files:
        source = MmluFolder(path)
    else:
        source = FileFolder(path)
    if examples is not None:
        raise UserError(f"{examples}: examples are read beside a .csv or .jsonl file, and {path} has its own: leave them out")
    return source


def is_subject_file(path: Path) -> bool:
    """Whether a file is one that `questions.write_jsonl` wrote, by its first line."""
    if path.suffix.lower() != ".jsonl" or not path.is_file():
        return False
    with path.open("rb") as stream:
        start = stream.readline(1_000_000).removeprefix(b"\xef\xbb\xbf")
    try:
        line = json.loads(start)
    except (ValueError, RecursionError):
        return False
    return isinstance(line, dict) and "index" in line


class MmluFolder:
    """A folder with MMLU's layout: test/<subject>_test.csv and dev/<subject>_dev.csv, without headers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def stems(self) -> dict[str, str]:
        """The subjects: how files call each, by name."""
        paths = self.folder.glob("test/*_test.csv")
        return {name: path.name.removesuffix("_test.csv") for name, path in _by_name(paths, "_test.csv").items()}

    def subjects(self) -> list[str]:
        return list(self.stems)

    def paths(self, subject: str) -> list[Path]:
        stem = self.stems.get(subject, subject)
        return [self.folder / split / f"{stem}_{split}.csv" for split in Split]

    def read(self, subject: str) -> list[Question]:
        if self.stems and subject not in self.stems:
            missing = f"{self.folder}/test/{subject}_test.csv does not exist"
            raise UserError(f"{missing}: subject '{subject}' needs its test questions there; {suggestion(subject, self.stems)}")
        stem = self.stems.get(subject, subject)
        return questions.read_folder(self.folder, subject, stem, question_rows.title_of(subject, stem))


class FileFolder:
    """A folder with a .csv or .jsonl file for each subject, which is the file's name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def files(self) -> dict[str, Path]:
        """The file of each subject, by the subject's name."""
        return _by_name(
            path
            for path in self.folder.iterdir()
            if path.suffix.lower() in question_files.READERS and not path.name.startswith(".") and not path.is_dir()
        )

    def subjects(self) -> list[str]:
        return list(self.files)

    def paths(self, subject: str) -> list[Path]:
        return [self.files[subject]] if subject in self.files else []

    def read(self, subject: str) -> list[Question]:
        path = self.files.get(subject)
        if path is None:
            raise UserError(f"{self.folder} has no file of '{subject}'; {suggestion(subject, self.files)}")
        if is_subject_file(path):
            return SubjectFiles([path]).read(subject)
        groups = question_rows.by_subject(question_files.rows(path), path.stem)
        for name, rows in groups.items():
            if name != subject:
                there = f"a question of '{printable(rows[0].subject)}' in the file of {subject}"
                raise UserError(f"{rows[0].where}: {there}: name the file itself as `path` if it has several subjects")
        return _questions(subject, groups[subject], path.stem, path)


class QuestionFile:
    """A .csv or .jsonl file with the questions of one or more subjects, and perhaps another one with examples."""

    def __init__(self, path: Path, examples: Path | None = None) -> None:
        self.path, self.examples = path, examples

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        """The rows by subject."""
        tests = question_rows.by_subject(question_files.rows(self.path), self.path.stem)
        if self.examples is None:
            return tests
        rows = question_files.rows(self.examples)
        default = next(iter(tests.values()))[0]
        for row in rows:
            if row.subject is None and len(tests) > 1:
                raise UserError(f"{row.where}: the example has no subject, and {self.path} has several: add it")
        title = self.path.stem if default.subject is None else str(default.subject)
        for name, examples in question_rows.by_subject(rows, title).items():
            if name not in tests:
                raise UserError(f"{examples[0].where}: no question is of the subject '{name}'; {suggestion(name, tests)}")
            tests[name] = [*(_as_example(row) for row in examples), *tests[name]]
        return tests

    def subjects(self) -> list[str]:
        return sorted(self.rows)

    def paths(self, subject: str) -> list[Path]:
        return [self.path, *([self.examples] if self.examples else [])]

    def read(self, subject: str) -> list[Question]:
        if subject not in self.rows:
            raise UserError(f"{self.path} has no question of '{subject}'; {suggestion(subject, sorted(self.rows))}")
        return _questions(subject, self.rows[subject], self.path.stem, self.path)


class SubjectFiles:
    """Files that fetch_questions.py wrote, <subject>.jsonl."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.files: dict[str, Path] = {}
        for path in paths:
            if self.files.setdefault(path.stem, path) != path:
                raise UserError(f"{path}: --questions has the questions of {path.stem} twice: name one file")

    def subjects(self) -> list[str]:
        return list(self.files)

    def paths(self, subject: str) -> list[Path]:
        return [self.files[subject]] if subject in self.files else []

    def read(self, subject: str) -> list[Question]:
        if subject not in self.files:
            raise UserError(f"--questions has no {subject}.jsonl: name it too, or leave {subject} out of --subjects")
        return questions.read_jsonl(self.files[subject])

    def read_all(self) -> dict[str, list[Question]]:
        """The questions of all files, by subject."""
        return {subject: self.read(subject) for subject in self.files}


def read_subjects(
    paths: Sequence[Path], subjects: Sequence[str] | None = None, limit: int | None = None
) -> dict[str, list[Question]]:
    """Return questions by subject, dev split included, of one source or of several files that fetch_questions.py wrote.

    `subjects` are those to read, by default all; `limit` is the number of each one's test questions.
    """
    source = SubjectFiles(paths) if all(map(is_subject_file, paths)) else local(paths[0])
    if len(paths) > 1 and not isinstance(source, SubjectFiles):
        raise UserError("--questions takes one file or folder, or several files that fetch_questions.py wrote: name one")
    chosen = source.subjects() if subjects is None else subjects
    if not chosen:
        raise UserError(f"{paths[0]} has no question file: {EXPECTED}")
    return {subject: questions.first(source.read(subject), limit) for subject in chosen}


EXPECTED = "a folder has test/<subject>_test.csv, or <subject>.csv or .jsonl for each subject"


def _questions(subject: str, rows: Sequence[Row], stem: str, path: Path) -> list[Question]:
    """The questions of a subject, dev split first."""
    title = stem if rows[-1].subject is None else str(rows[-1].subject)
    by_split = sorted(rows, key=lambda row: row.split != Split.DEV)
    if by_split[-1].split == Split.DEV:
        raise UserError(f"{path} has only few-shot examples of '{subject}': add questions of split test")
    return question_rows.questions_of(subject, title, by_split)


def _as_example(row: Row) -> Row:
    return Row(**{**vars(row), "split": Split.DEV})


def _by_name(paths: Iterable[Path], ending: str = "") -> dict[str, Path]:
    """The files of subjects by the subject's name, sorted; files whose names make one name, or none, raise UserError."""
    by_name: dict[str, Path] = {}
    for path in sorted(paths):
        name = question_rows.name_of(path.name.removesuffix(ending or path.suffix), printable(path))
        other = by_name.setdefault(name, path)
        if other != path:
            raise UserError(f"{printable(other)} and {printable(path)} are both of the subject {name}: rename or remove one")
    return dict(sorted(by_name.items()))

"""Where a config says that models and questions come from: local files, or repositories of the hub at a commit."""

import glob
import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, TypeAdapter, ValidationError, WithJsonSchema, model_validator

from mmlu_kit import subjects
from mmlu_kit.data import Entry, Text
from mmlu_kit.settings import FEWEST_CHOICES, MOST_CHOICES, Split

PLACEHOLDER = "{subject}"
TABLES = (".parquet", ".arrow", ".csv", ".jsonl")
_REPOSITORY = "[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"
Commit = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


def _unique(values: list[Any]) -> list[Any]:
    duplicates = [value for number, value in enumerate(values) if value in values[:number]]
    if duplicates:
        raise ValueError(f"'{duplicates[0]}' is listed twice")
    return values


def _subject(name: str) -> str:
    if not subjects.is_name(name):
        other = subjects.name(name[:100])
        advice = f"did you mean '{other}'?" if other else "write it in letters a-z and digits"
        raise ValueError(f"'{name[:80]}' is no name of a subject; {advice}")
    return name


def _titles(titles: list[str]) -> list[str]:
    """Check that a question set's subjects have a name each."""
    by_name: dict[str, str] = {}
    for title in titles:
        name = subjects.name(title)
        if not subjects.is_name(name):
            raise ValueError(f"'{title[:80]}' makes no name of a subject; write it in letters a-z and digits, at most 100")
        if by_name.setdefault(name, title) != title:
            raise ValueError(f"'{by_name[name]}' and '{title}' would both be named {name}; rename one")
    return _unique(titles)


def _pattern(pattern: str) -> str:
    """Check the pattern of files in a repository."""
    parts = pattern.split("/")
    if any(part in ("", ".", "..") for part in parts) or "\\" in pattern or "\0" in pattern:
        raise ValueError(f"'{pattern[:80]}' is no path of a file in a repository; write one such as data/test-*.parquet")
    if re.search("[{}]", pattern.replace(PLACEHOLDER, "")):
        raise ValueError(f"'{pattern[:80]}' has other braces than {PLACEHOLDER}")
    if not pattern.endswith(TABLES):
        raise ValueError(f"'{pattern[:80]}' is none of the tables that are read; its end is to be {', '.join(TABLES)}")
    return pattern


def _repository(name: str) -> str:
    if not re.fullmatch(_REPOSITORY, name):
        raise ValueError(f"'{name[:80]}' is not the name of a repository, owner/name: correct it")
    return name


Unique = AfterValidator(_unique)
Repository = Annotated[str, AfterValidator(_repository), WithJsonSchema({"type": "string", "pattern": f"^{_REPOSITORY}$"})]
Subject = Annotated[str, AfterValidator(_subject), WithJsonSchema({"type": "string", "pattern": subjects.NAME})]
Titles = Annotated[list[Text], Field(min_length=1), AfterValidator(_titles)]
# Not a plain union, whose error for a list would be that it is no text.
ColumnOrColumns = Annotated[
    Annotated[Text, Tag("column")]
    | Annotated[list[Text], Field(min_length=FEWEST_CHOICES, max_length=MOST_CHOICES), Unique, Tag("columns")],
    Discriminator(lambda value: "columns" if isinstance(value, list) else "column"),
]
Pattern = Annotated[str, AfterValidator(_pattern)]


class Source(Entry):
    """Where files come from: a local folder (`path`), or a repository of the hub at a commit."""

    path: Text | None = Field(
        None, description="A local folder, absolute or relative to the working directory or, if it is not there, to the kit's."
    )
    repository: Repository | None = Field(
        None, description="A repository of the Hugging Face hub, owner/name; `mmlu-kit pin owner/name` prints the entry."
    )
    commit: Commit | None = Field(
        None,
        description="The repository's full commit, 40 hexadecimal digits; branches and tags are refused, as they can move.",
    )

    @property
    def at(self) -> str:
        """The commit, or 'local' for a folder, as used in the names of manifests and question files."""
        return self.commit or "local"


class AnswerForm(StrEnum):
    """What names the right choice: its letter, its number from 0, or its text."""

    LETTER = "letter"
    INDEX = "index"
    TEXT = "text"


class Fields(Entry):
    """Columns of a repository's tables; a dot leads into a nested column, as in choices.text."""

    question: Text = Field("question", description="The column of the questions' texts.")
    choices: ColumnOrColumns = Field(
        "choices", description="The column of the lists of choices, or a list of columns with a choice each."
    )
    answer: Text = Field("answer", description="The column of the right answers.")
    answer_is: AnswerForm | None = Field(
        None,
        description="What the answers are: letter, index (from 0) or text (of a choice). By default numbers are indices, and "
        "texts are letters or choices; an answer that could be both is an error.",
    )
    labels: Text | None = Field(
        None, description="The column of the lists of the choices' labels, such as 1 to 4, if answers are labels."
    )
    subject: Text | None = Field(None, description="The column of the subjects.")
    id: Text | None = Field(None, description="The column of the questions' names.")


class TableFiles(Entry):
    """Patterns of the names of a repository's files; {subject} stands for a subject."""

    test: Pattern = Field(
        "{subject}/test-*.parquet",
        description="The files of the questions that are asked, .parquet, .arrow, .csv (with a header) or .jsonl.",
    )
    dev: Pattern | None = Field(None, description="Those of few-shot examples; null if there are none.")


MMLU_FILES = TableFiles(dev="{subject}/dev-*.parquet")  # of cais/mmlu


class QuestionSet(Source):
    """A set of questions: local files, or tables in a repository of the hub, by default those of cais/mmlu."""

    path: Text | None = Field(
        None,
        description="A local file or folder, absolute or relative to the working directory or, if it is not there, to the "
        "kit's. A .csv file has a header: question, A, B, … as many as the largest question has choices (the last may be "
        "empty), answer (a letter, or a choice's text), and if you like subject, id and split (test or dev). A .jsonl file has "
        "question, choices, answer (a number from 0, a letter, or a choice's text) and the same in each line. Without subject, "
        "the subject is the file's name. A folder has such a file for each subject, or MMLU's own dev/<subject>_dev.csv and "
        "test/<subject>_test.csv, which have no header: question, choices, letter.",
    )
    examples: Text | None = Field(
        None,
        description="A file beside `path`, of the same form, with the few-shot examples: by default the rows of split dev.",
    )
    files: TableFiles | None = Field(
        None, description="The repository's tables; by default one for each subject and split, as in cais/mmlu."
    )
    fields: Fields | None = Field(None, description="The tables' columns; by default question, choices, answer.")
    where: dict[Text, str] | None = Field(
        None,
        description="Take only rows with these values, by column: {error_type: ok}; numbers, true and false in quotes. "
        "Other rows are no questions.",
    )
    subject: Text | None = Field(None, description="The subject of all questions, if no column and no file's name has it.")
    subjects: Titles | None = Field(
        None,
        description="The repository's subjects as it writes them, for `subjects: all`; by default MMLU's 57, if each has its "
        "own file. A study calls a subject by its name: lower case, with _ for other characters.",
    )
    label_errors: Text | None = Field(
        None,
        description="A folder of MMLU-Redux's label checks for these questions, mmlu_<subject>.csv; with it, accuracies are "
        "also shown without the questions that it flags.",
    )

    @model_validator(mode="after")
    def _keys_agree(self) -> Self:
        """Check keys that go with others; `study.resolve` checks where the set comes from."""
        if self.path is None and self.examples is not None:
            raise ValueError("'examples' goes with 'path'; a repository's examples are those of files.dev")
        if self.path is not None:
            for key in ("files", "fields", "where", "subject", "subjects"):
                if getattr(self, key) is not None:
                    raise ValueError(f"'{key}' goes with 'repository', and this set has a 'path': leave '{key}' out")
        if self.repository is None:
            return self
        sources = {
            "subject": self.subject is not None,
            "fields.subject": self.columns.subject is not None,
            f"{PLACEHOLDER} in files.test": PLACEHOLDER in self.tables.test,
        }
        if sum(sources.values()) != 1:
            named = " and ".join(name for name, is_there in sources.items() if is_there)
            problem = f"{named} both tell" if named else "nothing tells"
            raise ValueError(f"{problem} a question's subject; use one of {', '.join(sources)}")
        for title in self.subjects or []:
            if PLACEHOLDER in self.tables.test and (set(title) & {*"/\\\0"} or title.startswith(".")):
                raise ValueError(f"subjects: '{title[:80]}' is no part of a file's name, as {PLACEHOLDER} in files.test needs")
        if self.subject is not None:
            _titles([self.subject])
            if self.subjects is not None:
                raise ValueError("'subjects' is for sets with several, and 'subject' says that there is one: leave one out")
        return self

    @property
    def tables(self) -> TableFiles:
        """The patterns of the repository's files."""
        return self.files or MMLU_FILES

    @property
    def columns(self) -> Fields:
        """The columns of its tables."""
        return self.fields or Fields()

    @property
    def titles(self) -> dict[str, str] | None:
        """The repository's subjects: how it writes them, by name; None if only its tables tell."""
        titles = [self.subject] if self.subject else self.subjects
        if titles is None and PLACEHOLDER in self.tables.test:
            titles = list(subjects.SUBJECTS)
        return None if titles is None else {subjects.name(title): title for title in titles}

    def source(self) -> dict[str, Any]:
        """The keys that say what its questions are, as JSON values."""
        return self.model_dump(mode="json", exclude_none=True, include=set(QuestionSet.model_fields) - {"label_errors"})

    def patterns(self, subject: str) -> dict[Split, str]:
        """The patterns of the files with a subject's questions, by split; texts in them that are no pattern are escaped."""
        title = glob.escape((self.titles or {}).get(subject, subject))
        both = {Split.DEV: self.tables.dev, Split.TEST: self.tables.test}
        return {split: pattern.replace(PLACEHOLDER, title) for split, pattern in both.items() if pattern}


def is_repository(value: object) -> bool:
    """Whether a value is the name of a repository, owner/name."""
    return _is_valid(Repository, value)


def is_commit(value: object) -> bool:
    """Whether a value is a full commit."""
    return _is_valid(Commit, value)


def _is_valid(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except (ValidationError, UnicodeEncodeError):  # the latter where bytes are not UTF-8
        return False
    return True


def pin_command(repository: str, revision: object = None, is_set: bool = False) -> str:
    """The command that prints a repository's entry with its commit; a revision that is no plain name is left out."""
    at = f"@{revision}" if isinstance(revision, str) and re.fullmatch("[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", revision) else ""
    return f"mmlu-kit pin {'--questions ' if is_set else ''}{repository}{at}"

"""Question sets of the hub: tables of a repository at a commit, read by the columns that config names.

Without columns and files in config they are those of MMLU as published there (cais/mmlu): one table for each subject and split.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmlu_kit.inputs import hub, question_rows, question_tables
from mmlu_kit.inputs.question_rows import Row
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Split
from mmlu_kit.source_entries import Fields, QuestionSet
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion


def fetch(entry: QuestionSet, subject: str) -> list[Question]:
    """Fetch the dev and test questions of a subject of a repository; a table of another form raises UserError."""
    repository, commit = str(entry.repository), str(entry.commit)
    where = f"data set {repository} at {commit[:12]}"
    patterns = entry.patterns(subject)
    rows: list[Row] = []
    title = (entry.titles or {}).get(subject, subject)
    contents = {f"{split} questions for '{subject}'": pattern for split, pattern in patterns.items()}
    for split, paths in zip(patterns, hub.fetch_questions(repository, commit, contents), strict=True):
        split_rows = [row for path in paths for row in _rows(path, entry, split)]
        groups = question_rows.by_subject(split_rows, title)
        if subject not in groups and split == Split.TEST:
            none = f"no row of {paths[0].name} is taken: correct `files` or `where`"
            there = suggestion(subject, sorted(groups)) if groups else none
            raise UserError(f"{where} has no {split} questions for '{subject}'; {there}")
        rows += groups.get(subject, [])
    if rows[-1].subject is not None:
        title = str(rows[-1].subject)
    return question_rows.questions_of(subject, title, rows)


def _rows(path: Path, entry: QuestionSet, split: Split) -> list[Row]:
    """The rows of a table that config's `where` chooses."""
    fields, chosen = entry.columns, entry.where or {}
    named = [name for name in (fields.question, fields.answer, fields.labels, fields.subject, fields.id) if name]
    named += [fields.choices] if isinstance(fields.choices, str) else fields.choices
    table = question_tables.read(path, {name.partition(".")[0] for name in [*named, *chosen]})
    rows = []
    for number, values in enumerate(table, 1):
        where = f"{path}: row {number}"
        if all(_as_text(_value(values, name, where)) == text for name, text in chosen.items()):
            rows.append(_row(values, fields, where, split))
    return rows


def _as_text(value: Any) -> Any:
    """A number or a boolean as config's `where` writes it; other values as they are."""
    return json.dumps(value) if isinstance(value, int | float) else value


def _row(values: Mapping[str, Any], fields: Fields, where: str, split: Split) -> Row:
    optional = {name: getattr(fields, name) for name in ("labels", "subject", "id")}
    others = {name: None if column is None else _value(values, column, where) for name, column in optional.items()}
    if fields.subject and others["subject"] is None:
        raise UserError(f"{where}: the subject is missing")
    choices = _columns(values, fields.choices, where) if isinstance(fields.choices, list) else None
    return Row(
        where=where,
        question=_value(values, fields.question, where),
        choices=_value(values, str(fields.choices), where) if choices is None else choices,
        answer=_value(values, fields.answer, where),
        answer_is=fields.answer_is,
        split=split,
        **others,
    )


def _columns(values: Mapping[str, Any], names: Sequence[str], where: str) -> list[Any]:
    """The choices in some columns, without the last ones that are empty."""
    choices = [_value(values, name, where) for name in names]
    while choices and choices[-1] in (None, ""):
        choices.pop()
    return choices


def _value(values: Mapping[str, Any], column: str, where: str) -> Any:
    """The value of a column; a dot leads into a nested one, also of each entry of a list."""
    name, *inner = column.split(".")
    value = values[name]
    for part in inner:
        entries = value if isinstance(value, list) else [value]
        if not all(isinstance(one, dict) and part in one for one in entries):
            known = sorted({key for one in entries if isinstance(one, dict) for key in one})
            there = f"it has {', '.join(printable(key)[:40] for key in known)}" if known else "there is nothing nested in it"
            raise UserError(f"{where}: '{name}' has no '{part}': correct `fields`; {there}")
        value = [one[part] for one in entries] if isinstance(value, list) else value[part]
    return value

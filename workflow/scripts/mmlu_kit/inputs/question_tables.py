"""Tables of a repository, which anyone may have made: Parquet, Arrow, CSV with a header, or JSON lines, read up to a limit."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow
from pyarrow import ipc, parquet

from mmlu_kit import files
from mmlu_kit.inputs import csv_rows
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

MAX_ROWS = 1_000_000
MAX_BYTES = 1_000_000_000  # in memory; those of MMLU-Pro take 8 MB
_ROWS_AT_ONCE = 100  # a page of a few bytes can hold a text of any length many times

Values = Mapping[str, Any]


def read(path: Path, columns: Collection[str]) -> list[Values]:
    """Return the rows of a table, with those columns alone; a file that is no such table raises UserError."""
    rows: list[Values] = []
    try:
        for row in _READERS[path.suffix.lower()](path, sorted(columns)):
            rows.append(row)
            if len(rows) > MAX_ROWS:
                raise UserError(f"{path} has more than {MAX_ROWS:,} rows, more than any question set: {_CORRECT}")
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError, RecursionError) as error:
        kind = path.suffix.lower().removeprefix(".")
        raise UserError(f"{path} is not a {kind} table that can be read ({type(error).__name__}): {_CORRECT}") from None
    return rows


_CORRECT = "correct `files`"


def _check(path: Path, needed: Iterable[str], columns: Collection[str]) -> None:
    for name in needed:
        if name not in columns:
            known = ", ".join(printable(column)[:40] for column in sorted(columns)[:40])
            raise UserError(f"{path} has no column '{printable(name)}': correct `fields`; it has {known or 'none'}")
        if list(columns).count(name) > 1:
            raise UserError(
                f"{path} has the column '{printable(name)}' twice: use another file, as nothing tells which is meant"
            )


def _parquet(path: Path, columns: list[str]) -> Iterator[Values]:
    with files.open_regular(path, csv_rows.MAX_BYTES) as stream:
        table = parquet.ParquetFile(stream)
        _check(path, columns, table.schema_arrow.names)
        yield from _rows(path, table.iter_batches(_ROWS_AT_ONCE, columns=columns, use_threads=False))


def _arrow(path: Path, columns: list[str]) -> Iterator[Values]:
    """The rows of an Arrow file as `datasets` saves it: a stream of batches."""
    with files.open_regular(path, csv_rows.MAX_BYTES) as stream:
        batches = ipc.open_stream(stream)
        _check(path, columns, batches.schema.names)
        yield from _rows(path, (batch.select(columns) for batch in batches))


def _rows(path: Path, batches: Iterable[Any]) -> Iterator[Values]:
    size = 0
    for batch in batches:
        batch.validate(full=True)  # offsets are used as they are afterwards
        size += batch.nbytes
        if size > MAX_BYTES:
            raise UserError(f"{path} takes more than {MAX_BYTES:,} bytes in memory, more than any question set: {_CORRECT}")
        yield from batch.to_pylist()


def _csv(path: Path, columns: list[str]) -> Iterator[Values]:
    header, *lines = csv_rows.read(path) or [[]]
    _check(path, columns, header)
    for number, cells in enumerate(lines, 1):
        if len(cells) != len(header):
            raise UserError(f"{path}: row {number} has {len(cells)} cells, and the header {len(header)}: {_CORRECT}")
        yield dict(zip(header, cells, strict=True))


def _jsonl(path: Path, columns: list[str]) -> Iterator[Values]:
    for number, text in enumerate(csv_rows.read_text(path).split("\n"), 1):
        if text.strip():
            row = json.loads(text)
            if not isinstance(row, dict):
                raise UserError(f"{path}:{number} is not an object of JSON: {_CORRECT}")
            _check(path, columns, row)
            yield row


_READERS: Mapping[str, Callable[[Path, list[str]], Iterator[Values]]] = {
    ".parquet": _parquet,
    ".arrow": _arrow,
    ".csv": _csv,
    ".jsonl": _jsonl,
}

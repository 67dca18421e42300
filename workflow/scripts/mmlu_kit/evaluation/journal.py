"""The journal of an evaluation: every scored batch is written to disk, so that a killed run resumes after the last one.

The first line is the key, a hash of everything that can change a score. A journal with a different key is emptied, and a torn
or damaged line ends it. A process locks the file while using it, so that an orphan of a killed run and its successor never
share one.
"""

import itertools
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json

from mmlu_kit import files, locks
from mmlu_kit.data import Count, Data, Sha256
from mmlu_kit.user_errors import UserError

MOST_BYTES = 500_000_000  # several times the largest subject with the longest answers; a damaged file may claim any size
Entry = TypeVar("Entry")


class _Batch(Data):
    """A line of a journal: a batch's records as a JSON text, and the text's hash."""

    batch: Count
    sha256: Sha256
    records: str


def journal_key(
    model_files: Mapping[str, str],
    prompts: Sequence[str],
    computed: Sequence[object],
    device: str,
    packages: Mapping[str, str | None],
    code: Iterable[str],
) -> str:
    """Return a hash of everything that can change a result.

    This includes hashes of the model's files, the prompts, the settings `computed` (dtype, quantization, tokens per batch,
    longest answer, threads), the kind of device, the packages that can change a score, and the content of the `code` files.
    """
    parts = {
        "files": dict(model_files),
        "prompts": list(prompts),
        "computed": list(computed),
        "device": device,
        "packages": dict(packages),
        "code": [files.file_sha256(Path(path)) for path in sorted(set(code))],
    }
    return files.sha256(json.dumps(parts, sort_keys=True))


class Journal:
    """The journal at `path` for a key; `kept` holds the records in it as JSON values, by batch number.

    `dropped` says what was in the file and could not be used. Raises UserError if another process uses the file, or if it is a
    link or no regular file.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.stream = _locked(self.path)
        self.kept: dict[int, list[dict[str, Any]]] = {}
        self.dropped: list[str] = []
        first = json.dumps({"key": key}, sort_keys=True).encode() + b"\n"
        lines = files.read_at_most(self.stream, MOST_BYTES).splitlines(keepends=True)
        if not lines or lines[0] != first:
            if lines:
                self._drop(lines[0])
            self.stream.truncate(0)
            self._write(first)
            return
        end = len(first)
        for number, line in enumerate(lines[1:], 2):
            batch = _read(line)
            if batch is None:
                self.dropped.append(f"line {number} is damaged, and is dropped with all after it")
                break
            self.kept[batch[0]] = batch[1]
            end += len(line)
        self.stream.truncate(end)

    def checked(self, check: Callable[[int, list[dict[str, Any]]], Entry]) -> dict[int, Entry]:
        """Return what `check` makes of each batch, by number; batches for which it raises ValueError are dropped."""
        batches: dict[int, Entry] = {}
        for number, entries in self.kept.items():
            try:
                batches[number] = check(number, entries)
            except ValidationError as error:
                self.dropped.append(f"batch {number} is dropped ({error.errors(include_url=False)[0]['msg']})")
            except ValueError as error:
                self.dropped.append(f"batch {number} is dropped ({error})")
        return batches

    def print_dropped(self) -> None:
        """Print what could not be used, if anything."""
        if self.dropped:
            several = f", and {len(self.dropped) - 1} more like it" if len(self.dropped) > 1 else ""
            print(f"Note: {self.path}: {self.dropped[0]}{several}; what was in it is computed again", flush=True)

    def append(self, number: int, records: Sequence[dict[str, Any]]) -> None:
        """Append a batch's records and sync them to disk."""
        text = json.dumps(list(records), sort_keys=True)
        self._write(json.dumps({"batch": number, "sha256": files.sha256(text), "records": text}).encode() + b"\n")

    def remove(self) -> None:
        """Delete the journal after its records were written to an evaluation file."""
        self.path.unlink(missing_ok=True)
        self.stream.close()

    def close(self) -> None:
        """Unlock the journal without deleting it."""
        self.stream.close()

    def _drop(self, line: bytes) -> None:
        """Note why a file that begins with another line is not used; a file of another kind is kept under another name."""
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            self.dropped.append("line 1 is damaged, and is dropped with all after it")
            return
        if isinstance(value, dict) and list(value) == ["key"]:
            self.dropped.append("it is of other questions, settings, files or code, and is emptied")
            return
        names = (f"{self.path.name}.aside{number or ''}" for number in itertools.count())
        aside = next(path for path in map(self.path.with_name, names) if not os.path.lexists(path))
        self.dropped.append(f"it is not a journal, and is now named {aside.name}")
        self.path.rename(aside)
        self.stream.close()
        self.stream = _locked(self.path)

    def _write(self, line: bytes) -> None:
        try:
            self.stream.write(line)
            files.sync(self.stream)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error


def kept(path: Path) -> int:
    """The number of records in the journal at `path`; reads without a lock, as another process may hold it."""
    with Path(path).open("rb") as stream:
        lines = files.read_at_most(stream, MOST_BYTES).splitlines(keepends=True)
    batches = dict(filter(None, map(_read, lines[1:])))  # of a batch that was scored again, the last line counts
    return sum(map(len, batches.values()))


def _locked(path: Path) -> BinaryIO:
    """Open the file for reading and appending, locked until this process ends."""
    stream = locks.take(path)
    if stream is None:
        raise UserError(f"{path} is in use by another process running this evaluation: wait for it or stop it")
    return stream


def _read(line: bytes) -> tuple[int, list[dict[str, Any]]] | None:
    """The batch number and records of a complete line, None for anything else."""
    try:
        batch = _Batch.model_validate_json(line, strict=True)
        records = from_json(batch.records)  # which refuses halves of characters, that no file could be written with
    except ValueError:
        return None
    complete = line.endswith(b"\n") and files.sha256(batch.records) == batch.sha256
    fits = isinstance(records, list) and all(isinstance(record, dict) for record in records)
    return (batch.batch, records) if complete and fits else None

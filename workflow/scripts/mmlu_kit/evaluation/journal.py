"""The journal of an evaluation: every scored batch is written to disk, so that a killed run resumes after the last one.

The first line is the key, a hash of everything that can change a score. A journal with a different key is emptied, and a torn
or damaged line ends it. A process locks the file while using it, so that an orphan of a killed run and its successor never
share one.
"""

import fcntl
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from mmlu_kit import files
from mmlu_kit.user_errors import UserError


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
        "code": [files.sha256(Path(path).read_bytes()) for path in sorted(set(code))],
    }
    return files.sha256(json.dumps(parts, sort_keys=True))


class Journal:
    """The journal at `path` for a key; `kept` holds the records in it as JSON values, by batch number."""

    def __init__(self, path: Path, key: str) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.stream = _locked(self.path)
        self.kept: dict[int, list[dict[str, Any]]] = {}
        first = json.dumps({"key": key}, sort_keys=True).encode() + b"\n"
        lines = self.stream.read().splitlines(keepends=True)
        end = len(first)
        if not lines or lines[0] != first:
            self.stream.truncate(0)
            self._write(first)
            return
        for line in lines[1:]:
            batch = _read(line)
            if batch is None:
                break
            self.kept[batch[0]] = batch[1]
            end += len(line)
        self.stream.truncate(end)

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

    def _write(self, line: bytes) -> None:
        try:
            self.stream.write(line)
            files.sync(self.stream)
        except OSError as error:
            raise OSError(error.errno, error.strerror, str(self.path)) from error


def kept(path: Path) -> int:
    """The number of records in the journal at `path`; reads without a lock, as another process may hold it."""
    batches = (_read(line) for line in Path(path).read_bytes().splitlines(keepends=True)[1:])
    return sum(len(batch[1]) for batch in batches if batch)


def _locked(path: Path) -> BinaryIO:
    """Open the file for reading and appending, locked until this process ends."""
    while True:
        stream = path.open("a+b")
        stream.seek(0)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            raise UserError(f"{path} is in use by another process running this evaluation: wait for it or stop it") from None
        # The process that held the lock may have deleted the file after this one opened it.
        if path.exists() and path.stat().st_ino == files.inode(stream):
            return stream
        stream.close()


def _read(line: bytes) -> tuple[int, list[dict[str, Any]]] | None:
    """The batch number and records of a complete line, None for anything else."""
    try:
        entry = json.loads(line)
        complete = line.endswith(b"\n") and files.sha256(entry["records"]) == entry["sha256"]
        return (int(entry["batch"]), json.loads(entry["records"])) if complete else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None

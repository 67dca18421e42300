"""Lists of a repository's files, as a hub sends them or as its client keeps them in the cache: checked before use."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from huggingface_hub._tree_cache import TreeCacheEntry
from huggingface_hub.hf_api import RepoFile

from mmlu_kit import files
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

MOST_FILES = 100_000
_MOST_NAME_BYTES = 255  # of a file system
_MOST_PATH_BYTES = 1000
MOST_BYTES = 10**16
_HEX = re.compile("[0-9a-f]+")
_ADVICE = "what answers is not the hub: correct HF_ENDPOINT, or log in to the network"


class Listed(NamedTuple):
    """A file's size in bytes and the hashes that the hub announced; None where it announced none.

    `sha256` is that of a large file (Git LFS). `blob` is git's SHA-1 of the file or, of a large file, of its pointer.
    """

    size: int
    sha256: str | None
    blob: str | None

    def entry(self) -> TreeCacheEntry:
        """The file in the form in which the hub's client keeps it."""
        return TreeCacheEntry(self.size, self.blob or "", self.sha256, self.size if self.sha256 else None)

    def matches(self, path: Path) -> bool | None:
        """Whether a file has the announced size and hash; None without a hash."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256 is None and self.blob is None:
            return None
        sha256 = files.file_sha256(path)
        if self.sha256 is not None:
            return sha256 == self.sha256
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {self.size}\n".encode()
        return self.blob in (git_sha1(path), hashlib.sha1(b"blob %d\0" % len(pointer) + pointer).hexdigest())


def git_sha1(path: Path) -> str:
    """Git's hash of a file's content."""
    sha1 = hashlib.sha1(b"blob %d\0" % path.stat().st_size)
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            sha1.update(piece)
    return sha1.hexdigest()


def sent(where: str, entries: Iterable[object]) -> dict[str, Listed]:
    """Return the files in a hub's list; one that no repository has raises UserError."""
    listed: dict[str, Listed] = {}
    for number, entry in enumerate(entries):
        if number >= MOST_FILES:
            raise too_many(where)
        if isinstance(entry, RepoFile):
            size = entry.size if entry.lfs is None else entry.lfs.size
            _add(where, listed, entry.path, size, entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
    return listed


def too_many(where: str) -> UserError:
    """The error for a list with more than MOST_FILES files."""
    return UserError(f"{where}: the list has more than {MOST_FILES:,} files: {_ADVICE}")


def kept(where: str, entries: Mapping[str, TreeCacheEntry]) -> dict[str, Listed]:
    """Return the files in a list in the cache; one that no repository has raises UserError."""
    listed: dict[str, Listed] = {}
    for path, entry in entries.items():
        size = entry.size if entry.lfs_size is None else entry.lfs_size
        _add(where, listed, path, size, entry.lfs_sha256, entry.blob_id)
    return listed


def check_file(where: str, path: object, size: object) -> None:
    """Raise UserError if no file of a repository has this path or size."""
    parts = path.split("/") if isinstance(path, str) else [""]
    is_name = isinstance(path, str) and len(path) <= _MOST_PATH_BYTES and "\0" not in path and "\\" not in path
    try:
        is_name = is_name and all(part not in ("", ".", "..") and len(part.encode()) <= _MOST_NAME_BYTES for part in parts)
    except UnicodeEncodeError:
        is_name = False
    if not is_name:
        raise UserError(f"{where}: the list names '{printable(path)}', which is no file of a repository: {_ADVICE}")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MOST_BYTES:
        raise UserError(f"{where}: {printable(path)} has the size {printable(size)}: {_ADVICE}")


def check_apart(where: str, names: Iterable[str]) -> None:
    """Raise UserError if two names differ only in case, which not every file system keeps apart."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.casefold(), name)
        if other != name:
            raise UserError(f"{where}: {printable(other)} and {printable(name)} differ only in case: {_ADVICE}")


def check_hashes(folder: Path, paths: Iterable[Path], where: str, listed: Mapping[str, Listed]) -> None:
    """Raise UserError if a cached file does not have the hash that the hub announced; one without a hash is named."""
    for path in sorted(paths):
        name = path.relative_to(folder).as_posix()
        if not path.is_file():
            continue
        matches = listed[name].matches(path) if name in listed else None
        if matches is None:
            matches = _hash_matches(path)
        if matches is None:
            print(f"{where}: the hub announced no hash of {printable(name)}, so it was not checked", flush=True)
        if matches is False:
            # The client takes every existing file for complete, so remove this one.
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            problem = f"{printable(name)} does not have the hash that the hub announced"
            raise UserError(f"{where}: {problem}: run again")


def _hash_matches(path: Path) -> bool | None:
    """Whether a cached file has the hash that is its name in the cache; None if its name is no hash.

    The client compares only sizes. Large files are named by their SHA-256, others by git's SHA-1, or by whatever a mirror sent
    for it. A file system without symbolic links has no such names.
    """
    expected = path.resolve().name
    if re.fullmatch("[0-9a-f]{64}", expected):
        return files.file_sha256(path) == expected
    if re.fullmatch("[0-9a-f]{40}", expected):
        return git_sha1(path) == expected
    return None


def _add(where: str, listed: dict[str, Listed], path: object, size: object, sha256: object, blob: object) -> None:
    check_file(where, path, size)
    assert isinstance(path, str) and isinstance(size, int)
    if path in listed:
        raise UserError(f"{where}: the list names {printable(path)} twice: {_ADVICE}")
    listed[path] = Listed(size, _hash(sha256, 64), _hash(blob, 40))


def _hash(value: object, digits: int) -> str | None:
    is_hash = isinstance(value, str) and len(value) == digits and _HEX.fullmatch(value)
    return str(value) if is_hash else None

"""Files as a manifest or a list of results names them: by size and hash."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.data import Bytes, Data, Sha256
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError


class FileEntry(Data):
    """A file's size and hash."""

    bytes: Bytes
    sha256: Sha256


def describe(folder: Path, names: Iterable[str]) -> dict[str, FileEntry]:
    """The size and hash of files in a folder, by name; up to eight are hashed at once, each at about 0.7 s per GB."""
    paths = {name: folder / name for name in sorted(set(names))}
    sizes = [path.stat().st_size for path in paths.values()]  # before hashing, so that a missing file is reported at once
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as threads:  # hashing releases the interpreter's lock
        hashes = list(threads.map(files.file_sha256, paths.values()))  # the first error leaves out what waits
    return {name: FileEntry(bytes=size, sha256=sha256) for name, size, sha256 in zip(paths, sizes, hashes, strict=True)}


def check_unchanged(folder: Path, recorded: Mapping[str, FileEntry], current: Mapping[str, FileEntry], manifest: Path) -> None:
    """Check that a folder's files are those that `manifest` recorded; raises UserError naming the first that is not."""
    for name in sorted({*recorded, *current}):
        if current.get(name) != recorded.get(name):
            raise UserError(
                f"{printable(folder)}: {printable(name)} was changed after {manifest} was written: restore the file, or, if "
                f"the change is intended, delete {manifest} and run again"
            )

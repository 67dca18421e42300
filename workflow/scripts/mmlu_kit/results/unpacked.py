"""The hashes of an archive's files, stored beside them in elsewhere/<name>/, so that later changes are noticed."""

import os
import re
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

SUMS = "SHA256SUMS"  # in the form that `sha256sum --check` reads
_LINE = re.compile("([0-9a-f]{64})  (.+)")
_MOST_BYTES = 50_000_000


def record(folder: Path) -> None:
    """Write the hashes of all files in a folder that an archive was unpacked into."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    files.write_text(
        folder / SUMS, files.sums({path.relative_to(folder).as_posix(): files.file_sha256(path) for path in paths})
    )


def changed(folder: Path) -> list[str] | None:
    """Return the names of the files that are not as they were unpacked; deleted ones are left out.

    None if an earlier version of the kit unpacked them, without hashes. A damaged list of hashes raises UserError.
    """
    path = folder / SUMS
    if not os.path.lexists(path):
        return None
    lines = [_LINE.fullmatch(line) for line in files.read_text(path, _MOST_BYTES).splitlines()]
    hashes = {line[2]: line[1] for line in lines if line}
    if len(hashes) != len(lines) or any(".." in Path(name).parts or Path(name).is_absolute() for name in hashes):
        raise UserError(f"{printable(path)} is not as `mmlu-kit unpack` writes it: unpack the archive again")
    return [name for name, sha256 in hashes.items() if os.path.lexists(folder / name) and not _same(folder / name, sha256)]


def _same(path: Path, sha256: str) -> bool:
    return path.is_file() and not path.is_symlink() and files.file_sha256(path) == sha256

"""The members of an untrusted zip archive: every name, kind and size is checked before the first is read or written."""

import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from zipfile import ZipFile, ZipInfo

from mmlu_kit import files
from mmlu_kit.user_errors import UserError

# A name's first character keeps '..' and hidden files out.
NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}"
# The only files that an archive may hold.
MEMBER = re.compile(rf"(?:evaluations/{NAME}/{NAME}\.json|timings/{NAME}/{NAME}\.(?:json|time))")
MOST_FILES, MOST_BYTES = 100_000, 4_000_000_000
# The largest subject has 1534 questions, and the longest answers have 4096 tokens.
MOST_BYTES_EACH = {"evaluations": 50_000_000, "timings": 1_000_000}
# Hashes and probabilities do not compress, whatever a model writes: even records of endlessly repeated words stay below it.
MOST_RATIO = 200
_END = b"PK\x05\x06"  # of the record that ends an archive; 22 bytes, then the comment
_LOCAL_HEADER_BYTES = 30
_ENCRYPTED = 0x1


def read(path: Path, stream: BinaryIO) -> ZipFile:
    """Read an archive's directory and check its members. Raises UserError for whatever is wrong with it."""
    with _one_line(path):
        archive = ZipFile(stream)
        _check_ends(path, stream, archive)
        _check_sizes(path, archive.infolist())
        _check_members(path, archive.infolist())
        return archive


def extract(path: Path, archive: ZipFile, folder: Path) -> None:
    """Write all members of the archive at `path` below `folder`, one piece at a time.

    Damaged data raises UserError, and an error of the system OSError naming the file.
    """
    for entry in archive.infolist():
        member = folder / entry.filename
        member.parent.mkdir(parents=True, exist_ok=True)
        # A member longer or shorter than announced fails by its checksum.
        with _one_line(path), archive.open(entry) as source, member.open("xb") as target:
            try:
                shutil.copyfileobj(source, target)
                files.sync(target)
            except OSError as error:
                raise OSError(error.errno, error.strerror, str(member)) from error


@contextmanager
def _one_line(path: Path) -> Iterator[None]:
    """Make what zipfile raises for a damaged archive a UserError."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, NotImplementedError, RuntimeError, OSError) as error:
        # zipfile raises UnicodeDecodeError for damaged names, NotImplementedError for an unknown version, RuntimeError for an
        # archive with a password, and OSError for an offset outside the file. An OSError with a name is the system's own.
        if isinstance(error, OSError) and error.filename:
            raise
        raise UserError(f"{path} is not a complete zip archive ({error}): copy it again") from None


def _check_ends(path: Path, stream: BinaryIO, archive: ZipFile) -> None:
    """Check that nothing stands before or after the archive in its file, and that it is not one of several."""
    offsets = [entry.header_offset for entry in archive.infolist()]
    stream.seek(0, 2)
    end = stream.tell() - 22 - len(archive.comment)
    stream.seek(max(end, 0))
    record = stream.read(22)
    length = int.from_bytes(record[20:22], "little")
    if record[:4] != _END or length != len(archive.comment) or min(offsets, default=0) != 0:
        raise UserError(f"{path} has other data before or after the zip archive: copy it again")
    if any(entry.volume for entry in archive.infolist()):
        raise UserError(f"{path} is one part of an archive in several files: pack the study again")


def _check_sizes(path: Path, entries: list[ZipInfo]) -> None:
    """Check the number and the sizes of members, and that they do not share their data."""
    size, packed = sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries)
    if len(entries) > MOST_FILES or size > MOST_BYTES:
        limits = f"{MOST_FILES} files or {MOST_BYTES / 1e9:g} GB"
        raise UserError(f"{path} has more than {limits}: it is not a packed study, and nothing was unpacked")
    if size > MOST_RATIO * packed and size > 1_000_000:
        times = f"{size / max(packed, 1):,.0f} times its size"
        raise UserError(f"{path} would unpack to {times}: it is not a packed study, and nothing was unpacked")
    end = 0
    for entry in sorted(entries, key=lambda entry: entry.header_offset):
        if entry.header_offset < end:
            raise UserError(f"{path}: {entry.filename[:80]!r} overlaps another file: nothing was unpacked")
        end = entry.header_offset + _LOCAL_HEADER_BYTES + len(entry.filename) + entry.compress_size


def _check_members(path: Path, entries: list[ZipInfo]) -> None:
    """Check the names and kinds of members."""
    seen: set[str] = set()
    spellings: dict[str, str] = {}
    for entry in entries:
        name = entry.filename
        kind = stat.S_IFMT(entry.external_attr >> 16)
        regular = kind in (0, stat.S_IFREG) and not entry.flag_bits & _ENCRYPTED
        known = entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
        # zipfile ends a name at a NUL, and keeps the name as it stands in the archive.
        if not (MEMBER.fullmatch(name) and name == entry.orig_filename and regular and known):
            raise UserError(f"{path} holds {entry.orig_filename[:80]!r}, which `pack` never writes: nothing was unpacked")
        if name in seen:
            raise UserError(f"{path} holds {name!r} twice, which `pack` never writes: nothing was unpacked")
        for part in (name, name.rpartition("/")[0]):
            other = spellings.setdefault(part.lower(), part)
            if other != part:
                problem = f"{part!r} and {other!r}, which are one name on some systems"
                raise UserError(f"{path} holds {problem}: nothing was unpacked")
        seen.add(name)
        most = MOST_BYTES_EACH[name.partition("/")[0]]
        if entry.file_size > most:
            raise UserError(f"{path}: {name} has more than {most // 10**6} MB: nothing was unpacked")
    if not any(name.startswith("evaluations/") for name in seen):
        raise UserError(f"{path} holds no evaluation")

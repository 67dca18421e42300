"""Atomic file writing (to a temporary name, synced, then renamed), reading and hashing."""

import codecs
import contextlib
import hashlib
import io
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from mmlu_kit import user_errors
from mmlu_kit.user_errors import UserError

MAX_BYTES = 200_000_000  # far more than any result has
MAX_YAML_BYTES = 1_000_000  # people write YAML by hand, and it is parsed slowly
_CHUNK = 1 << 20
_KINDS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, creating its folder; an error raises OSError naming `path` and leaves no file behind.

    A lone surrogate, as from the name of a file that is not UTF-8, raises UserError.
    """
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        place = ascii(text[max(0, error.start - 30) : error.end + 30])
        raise UserError(f"{path} cannot have {place}, which is not UTF-8: rename the file or folder that is named so") from None
    write_bytes(path, data)


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, creating its folder; an error raises OSError naming `path` and leaves no file behind.

    In place of a folder, a device or a pipe nothing is written: UserError.
    """
    path = Path(path)
    # Names have a limit, which the temporary one must not exceed first.
    temporary = path.with_name(f".{path.name[:40]}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            raise UserError(f"{path} is {kind(path.stat().st_mode)}, not a file: choose another name")
        with temporary.open("wb") as stream:
            stream.write(data)
            sync(stream)
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def sync(stream: BinaryIO) -> None:
    """Flush a stream to disk."""
    stream.flush()
    os.fsync(stream.fileno())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def open_regular(path: Path, limit: int | None = None, advice: str | None = None) -> BinaryIO:
    """Open a regular file of at most `limit` bytes for reading; anything else, which anyone may have made, raises UserError.

    The error ends with `advice`, in place of what to do about a path that is wrong.
    """
    path = Path(path)
    try:
        status = path.stat()  # first, as opening a device may do something
        if not stat.S_ISREG(status.st_mode):
            raise UserError(f"{path} is {kind(status.st_mode)}, not a file: {advice or 'correct the path'}")
        if limit is not None and status.st_size > limit:
            raise UserError(f"{path} has {status.st_size:,} bytes, more than any such file: {advice or 'correct the path'}")
        # Without blocking, as a named pipe may have taken its place.
        return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb")
    except FileNotFoundError:
        if path.is_symlink():
            raise UserError(f"{path} is a link to a file that does not exist: {advice or 'correct the link'}") from None
        raise UserError(f"{path} does not exist: {advice or 'make it first, or correct the path'}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): correct the path or its permissions") from None
    except ValueError as error:  # a NUL byte in the path
        raise UserError(f"{str(path)!r} cannot be read ({error}): correct the path") from None


def read_bytes(path: Path, limit: int = MAX_BYTES, advice: str | None = None) -> bytes:
    """Read a regular file of at most `limit` bytes; any other file raises UserError as `open_regular` does."""
    with open_regular(path, limit, advice) as stream:
        data = read_at_most(stream, limit + 1)
    if len(data) > limit:  # a file that grows, or one of the system without a size
        raise UserError(f"{path} has more than {limit:,} bytes: {advice or 'correct the path'}")
    return data


def read_at_most(stream: BinaryIO | io.BufferedIOBase, number: int) -> bytes:
    """Read a stream to its end, or `number` bytes of it, in the memory that these take: `stream.read(number)` takes all at
    once."""
    chunks = []
    while number and (chunk := stream.read(min(number, _CHUNK))):
        chunks.append(chunk)
        number -= len(chunk)
    return b"".join(chunks)


def kind(mode: int) -> str:
    """What a file that is no regular file is, by its mode: 'a folder'."""
    return next((name for is_kind, name in _KINDS if is_kind(mode)), "a device")


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """Read a UTF-8 text file of at most `limit` bytes; a missing file, or other bytes, raise UserError naming the file."""
    data = read_bytes(path, limit)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UserError(f"{path} is UTF-16 text: save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): save it as UTF-8, or make it again") from None
    if "\0" in text:  # UTF-16 without its mark, or blocks that were lost in a power cut
        raise UserError(f"{path} is not UTF-8 text (byte {data.index(0)} is NUL): save it as UTF-8, or make it again")
    return text


def read_json(path: Path, limit: int = MAX_BYTES) -> Any:
    """Read a JSON file of at most `limit` bytes; a missing or damaged one raises UserError naming it."""
    text = read_text(path, limit)
    if not text.strip():
        raise UserError(f"{path} is empty: make it again")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # not JSON, or a number too long or nesting too deep to parse
        raise UserError(f"{path} is not valid JSON ({error}): correct it, or make it again") from None


def read_yaml(path: Path) -> Any:
    """Read a YAML file of at most MAX_YAML_BYTES; a missing or damaged one, or one with a key twice, raises UserError."""
    import yaml  # most programs never read YAML

    from mmlu_kit import strict_yaml

    text = read_text(path, MAX_YAML_BYTES)
    try:
        return yaml.load(text, strict_yaml.Loader)
    except strict_yaml.Refused as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # not YAML, nested too deeply, or whatever Python raises for `!!bool x` or an impossible date
        raise UserError(f"{path} is not valid YAML ({user_errors.one_line(error)[:200]}): correct it") from None


def sha256(data: str | bytes) -> str:
    """The SHA-256 of bytes, or of a text's UTF-8 bytes, as 64 hex digits."""
    return hashlib.sha256(data.encode("utf-8") if isinstance(data, str) else data).hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, as 64 hex digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sums(hashes: Mapping[str, str]) -> str:
    """The output of `sha256sum` for files with these hashes, sorted by name."""
    return "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))

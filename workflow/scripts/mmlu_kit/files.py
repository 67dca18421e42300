"""Atomic file writing (to a temporary name, synced, then renamed), reading and hashing."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO

from mmlu_kit.user_errors import UserError


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 to `path`, creating its folder; an error raises OSError naming `path` and leaves no file behind."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, creating its folder; an error raises OSError naming `path` and leaves no file behind."""
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(data)
            sync(stream)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def sync(stream: BinaryIO) -> None:
    """Flush a stream to disk."""
    stream.flush()
    os.fsync(stream.fileno())


def inode(stream: BinaryIO) -> int:
    """The inode number of an open file."""
    return os.fstat(stream.fileno()).st_ino


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys, so that equal values give equal bytes."""
    write_text(path, json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def read_text(path: Path) -> str:
    """Read a UTF-8 text file; a missing file or invalid UTF-8 raises UserError naming the file."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: make it first, or correct the path") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): correct it, or make it again") from None


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or damaged one raises UserError naming it."""
    text = read_text(path)
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:  # not JSON, or a number too long or nesting too deep to parse
        raise UserError(f"{path} is not valid JSON ({error}): correct it, or make it again") from None


def read_yaml(path: Path) -> Any:
    """Read a YAML file; a missing or damaged one, or one with a key twice, raises UserError naming it."""
    import yaml  # most programs never read YAML

    from mmlu_kit import unique_keys

    try:
        return yaml.load(read_text(path), unique_keys.Loader)
    except unique_keys.DuplicateKey as error:
        raise UserError(f"{path}: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # not YAML, an impossible date, or nesting too deep to parse
        raise UserError(f"{path} is not valid YAML ({' '.join(str(error).split())[:200]}): correct it") from None


def sha256(data: str | bytes) -> str:
    """The SHA-256 of bytes, or of a text's UTF-8 bytes, as 64 hex digits."""
    return hashlib.sha256(data.encode("utf-8") if isinstance(data, str) else data).hexdigest()

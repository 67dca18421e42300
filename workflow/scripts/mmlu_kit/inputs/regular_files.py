"""Files of models and questions, which anyone may have made: only regular files are opened, JSON is read up to a limit."""

import json
import os
import stat
from pathlib import Path
from typing import Any

from mmlu_kit import files
from mmlu_kit.user_errors import UserError

MAX_BYTES = 1_000_000_000  # tokenizers and logs of a training have up to 100 MB
_MAX_JSON_BYTES = 100_000_000  # the index of a model with a trillion parameters has about 15 MB
_POINTER = b"version https://git-lfs"
_MAX_POINTER_BYTES = 1024  # git-lfs allows no larger pointer


def check(path: Path, limit: int | None = None) -> None:
    """Check that `path` is a regular file of at most `limit` bytes and no pointer; raises UserError with the reason if not."""
    try:
        status = path.stat()
    except FileNotFoundError:
        problem = "is a link to a file that does not exist" if path.is_symlink() else "is missing"
        raise UserError(f"{printable(path)} {problem}: fetch or copy it again") from None
    except OSError as error:
        raise UserError(f"{printable(path)} cannot be read ({error.strerror}): correct its link or its permissions") from None
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{printable(path)} is {files.kind(status.st_mode)}, not a regular file: copy the file itself there")
    if not os.access(path, os.R_OK):
        raise UserError(f"{printable(path)} cannot be read (Permission denied): correct its permissions")
    if limit is not None and status.st_size > limit:
        raise UserError(f"{printable(path)} has {status.st_size:,} bytes, more than any such file: copy the right file there")
    if status.st_size <= _MAX_POINTER_BYTES:
        with path.open("rb") as stream:
            if stream.read(len(_POINTER)) == _POINTER:
                raise UserError(f"{printable(path)} is only a pointer of Git LFS: run `git lfs pull` in its repository")


def read_json(path: Path, limit: int = _MAX_JSON_BYTES) -> Any:
    """Read a JSON file of at most `limit` bytes; a larger or damaged one raises UserError."""
    check(path, limit)
    try:
        return json.loads(path.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise UserError(f"{printable(path)} is not UTF-8 text (byte {error.start}): fetch or copy it again") from None
    except RecursionError:
        raise UserError(f"{printable(path)} is nested too deeply: fetch or copy it again") from None
    except ValueError as error:
        raise UserError(f"{printable(path)} is not valid JSON ({str(error)[:100]}): fetch or copy it again") from None


def printable(name: object) -> str:
    """A name from a file or folder for a message: control characters are escaped, and long names shortened in the middle."""
    text = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(name))
    return text if len(text) <= 400 else f"{text[:200]}…{text[-200:]}"

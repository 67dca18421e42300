"""Files of models and questions, which anyone may have made: only regular files are opened, JSON is read up to a limit."""

import json
import os
from pathlib import Path
from typing import Any

from mmlu_kit import files
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

MAX_BYTES = 1_000_000_000  # tokenizers and logs of a training have up to 100 MB
_MAX_JSON_BYTES = 100_000_000  # the index of a model with a trillion parameters has about 15 MB
_POINTER = b"version https://git-lfs"
_MAX_POINTER_BYTES = 1024  # git-lfs allows no larger pointer
_ADVICE = "fetch or copy it again"


def check(path: Path, limit: int | None = None) -> None:
    """Check that `path` is a regular file of at most `limit` bytes and no pointer; raises UserError with the reason if not."""
    if not os.path.lexists(path):
        raise UserError(f"{printable(path)} does not exist: correct the path, or fetch or copy the file")
    with files.open_regular(path, limit, _ADVICE) as stream:
        start = stream.read(_MAX_POINTER_BYTES + 1)
    if len(start) <= _MAX_POINTER_BYTES and start.startswith(_POINTER):
        raise UserError(f"{printable(path)} is only a pointer of Git LFS: run `git lfs pull` in its repository")


def read_json(path: Path, limit: int = _MAX_JSON_BYTES) -> Any:
    """Read a JSON file of at most `limit` bytes; a larger or damaged one raises UserError."""
    check(path, limit)
    try:
        return json.loads(files.read_bytes(path, limit, _ADVICE).decode())
    except UnicodeDecodeError as error:
        raise UserError(f"{printable(path)} is not UTF-8 text (byte {error.start}): {_ADVICE}") from None
    except RecursionError:
        raise UserError(f"{printable(path)} is nested too deeply: {_ADVICE}") from None
    except ValueError as error:
        raise UserError(f"{printable(path)} is not valid JSON ({str(error)[:100]}): {_ADVICE}") from None

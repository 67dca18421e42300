"""Files that anyone may have made: only regular files are opened, and they are read up to a limit."""

import os
import stat
from pathlib import Path
from typing import BinaryIO

from mmlu_kit.user_errors import UserError


def open_regular(path: Path, advice: str) -> BinaryIO:
    """Open a regular file for reading; anything else raises UserError that names it and ends with `advice`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a named pipe that nobody writes to would block
    except FileNotFoundError:
        problem = "is a link to a file that does not exist" if Path(path).is_symlink() else "does not exist"
        raise UserError(f"{path} {problem}: {advice}") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): {advice}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UserError(f"{path} is not a regular file: {advice}")
    return os.fdopen(descriptor, "rb")


def read(path: Path, limit: int, advice: str) -> bytes:
    """Return the bytes of a regular file; anything else, or more than `limit` bytes, raises UserError as in `open_regular`."""
    with open_regular(path, advice) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise UserError(f"{path} has more than {limit / 1e6:g} MB: {advice}")
    return data

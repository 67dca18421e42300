"""Files that one process at a time may use."""

import fcntl
import os
import stat
from pathlib import Path
from typing import BinaryIO

from mmlu_kit.user_errors import UserError


def take(path: Path) -> BinaryIO | None:
    """Open a file, created if missing, for reading and appending, locked until it is closed or this process ends.

    None if another process holds the lock. A link, or anything but a regular file, raises UserError; nothing is written to it.
    """
    while True:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except OSError as error:
            if Path(path).is_symlink():
                raise UserError(f"{path} is a link, and the kit writes a file of its own there: move the link away") from None
            raise OSError(error.errno, error.strerror, str(path)) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UserError(f"{path} is not a regular file, and the kit writes one there: move it away")
        stream = os.fdopen(descriptor, "a+b")
        stream.seek(0)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.close()
            return None
        # The process that held the lock may have deleted the file after this one opened it.
        if path.exists() and path.stat().st_ino == os.fstat(stream.fileno()).st_ino:
            return stream
        stream.close()

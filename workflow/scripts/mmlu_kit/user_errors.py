"""Mistakes that a user can correct: reported in one line with exit status 2. A traceback is kept for the kit's own bugs."""

import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn


class UserError(Exception):
    """What is wrong, where, and what to do about it, in one line."""


def run(main: Callable[[], None]) -> NoReturn:
    """Run a program's main function and end the process: 0 done, 2 a mistake of the user's, 130 interrupted."""
    try:
        main()
        sys.stdout.flush()
        sys.stderr.flush()
        # Every file is written and synced by now. Taking Python down piece by piece costs a second once torch is in it.
        os._exit(0)
    except UserError as error:
        sys.exit(report(" ".join(str(error).split())))
    except OSError as error:
        # Disk full, read-only mount, missing permission: the system's own words and the file are the whole story.
        if error.filename is None and error.errno is None:
            raise
        where = f" ({error.filename})" if error.filename else ""
        way_out = "correct the path" if error.errno == errno.ENOENT else "free the space or correct the path or its permissions"
        sys.exit(report(f"{error.strerror or error}{where}: {way_out}"))
    except KeyboardInterrupt:
        sys.exit(130)


def report(message: str) -> int:
    """Print one line on standard error and return the exit status of a mistake."""
    print(f"error: {message}", file=sys.stderr, flush=True)
    return 2

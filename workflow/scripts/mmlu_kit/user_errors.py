"""Errors that a user can correct, reported in one line with exit status 2; only bugs of the kit show a traceback."""

import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from mmlu_kit.terminal_text import protect, visible


class UserError(Exception):
    """An error that the user can correct; the message says in one line what is wrong, where, and what to do."""

    def __str__(self) -> str:
        return _line(super().__str__())  # also where it quotes a text of several lines


def run(main: Callable[[], None]) -> NoReturn:
    """Run a program's main function and exit with status 0 (done), 2 (a UserError or OSError) or 130 (interrupted).

    Whatever it prints has its control characters made visible: names, texts and errors come from outside.
    """
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None if it is closed
        protect(stream)
    try:
        main()
        sys.stdout.flush()
        sys.stderr.flush()
        # All files are written and synced by now, and a regular exit takes a second once torch is imported.
        os._exit(0)
    except UserError as error:
        sys.exit(report(str(error)))
    except OSError as error:
        # Disk full, read-only mount, missing permission: the system's message and the file say it all.
        if error.filename is None and error.errno is None:
            raise
        where = f" ({error.filename})" if error.filename else ""
        missing = error.errno == errno.ENOENT
        advice = "correct the path" if missing else "free some space, or correct the path or its permissions"
        sys.exit(report(f"{error.strerror or error}{where}: {advice}"))
    except KeyboardInterrupt:
        sys.exit(130)


def report(message: str) -> int:
    """Print a message, which may quote a library's lines, as one error line and return the exit status of a user error."""
    print(f"error: {_line(message)}", file=sys.stderr, flush=True)
    return 2


def one_line(error: Exception) -> str:
    """A library's exception in one line: its type and the beginning of its text."""
    text = _line(str(error))
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _line(text: str) -> str:
    return visible(" ".join(text.split()))

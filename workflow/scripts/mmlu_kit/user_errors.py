"""Errors that a user can correct, reported in one line with exit status 2; only bugs of the kit show a traceback."""

import contextlib
import errno
import os
import sys
from collections.abc import Callable
from typing import NoReturn

from mmlu_kit import interrupts, streams
from mmlu_kit.terminal_text import protect, visible

_WRONG_PATH = (errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP)


class UserError(Exception):
    """An error that the user can correct; the message says in one line what is wrong, where, and what to do."""

    def __str__(self) -> str:
        return _line(super().__str__())  # also where it quotes a text of several lines


def run(main: Callable[[], None]) -> NoReturn:
    """Run a program's main function and exit with its status.

    0: done; 2: a UserError or OSError; 130: interrupted; 141: nobody reads its output, as in `… | head -1`; or main's own.
    Whatever it prints has its control characters made visible: names, texts and errors come from outside.
    """
    interrupts.install()
    streams.prepare()
    for stream in (sys.stdout, sys.stderr):
        protect(stream)
    status = _status(main)
    if isinstance(streams.failure(), BrokenPipeError):
        status = streams.BROKEN_PIPE
    # All files are written and synced by now, and a regular exit takes a second once torch is imported.
    os._exit(status)


def _status(main: Callable[[], None]) -> int:
    """Run a main function, report its error in one line and return the exit status."""
    status = 0
    try:
        try:
            main()
        except SystemExit as exit_:  # argparse's, or a status of the program's own
            if not isinstance(exit_.code, int | None):
                raise
            status = exit_.code or 0
        problem = streams.failure()
        if problem:
            raise problem
    except UserError as error:
        return report(str(error))
    except OSError as error:
        # Disk full, read-only mount, missing permission: the system's message and the file say it all.
        if error.filename is None and error.errno is None:
            raise
        if isinstance(error, BrokenPipeError) and streams.unread():
            return streams.BROKEN_PIPE
        where = f" ({error.filename})" if error.filename else " (standard output)" if streams.failure() else ""
        advice = "correct the path" if error.errno in _WRONG_PATH else "free some space, or correct the path or its permissions"
        return report(f"{error.strerror or error}{where}: {advice}")
    except KeyboardInterrupt:
        return interrupts.STATUS
    return status


def report(message: str) -> int:
    """Print a message, which may quote a library's lines, as one error line and return the exit status of a user error."""
    with contextlib.suppress(OSError):  # standard error itself may be full or closed
        print(f"error: {_line(message)}", file=sys.stderr, flush=True)
    return 2


def one_line(error: Exception) -> str:
    """A library's exception in one line: its type and the beginning of its text."""
    text = _line(str(error))
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def _line(text: str) -> str:
    return visible(" ".join(text.split()))

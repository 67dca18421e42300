"""Standard streams of any kind: closed, on a full disk, a pipe that nobody reads, a terminal without Unicode."""

import io
import os
import select
import sys
from pathlib import Path

BROKEN_PIPE = 141  # the exit status: 128 + SIGPIPE, as shells report it


def prepare() -> None:
    """Make printing safe: closed streams become the null device, and characters that a stream's encoding lacks are escaped."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            # A file opened later would get the closed stream's number, and what libraries print would be written into it.
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
    escape()


def escape() -> None:
    """Escape the characters that the encodings of standard output and error lack, as in an ASCII or Latin-1 locale."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def failure() -> OSError | None:
    """Flush standard output and error; return why one of them cannot be written, None if both can."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError as error:
            return error
    return None


def unread() -> bool:
    """Whether standard output or error is a pipe that nobody reads any more."""
    poll = select.poll()
    for number in (1, 2):
        poll.register(number, 0)
    return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))

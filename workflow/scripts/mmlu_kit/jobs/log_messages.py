"""The message that a job's log ends with: what the program said last, on one line."""

import re
from pathlib import Path

from mmlu_kit.terminal_text import visible

LIMIT = 500  # characters of a message
_READ_BYTES = 200_000  # the end of a log, which holds its last message
_ERROR = "error: "
_TRACEBACK = re.compile(r"^(?: *[|+] *)*(?:Exception Group )?Traceback \(most recent call last\):$")
# What follows an error line without being part of it: complaints of an interpreter that ends, and the kit's own lines on the
# other subjects of a model that is loaded once.
_NOISE = re.compile(r"^Exception (?:ignored|in)\b|^ Result: |: \d+ of \d+ questions, about |^\S+: \w*Warning: ")


def read(path: Path) -> str:
    """Return the end of a log, empty if there is none or it cannot be read."""
    try:
        with path.open("rb") as log:
            log.seek(max(path.stat().st_size - _READ_BYTES, 0))
            return log.read().decode("utf-8", errors="replace")
    except OSError:
        return ""


def explained(text: str) -> bool:
    """Whether a log says itself what went wrong: it has an error line or a traceback."""
    lines = text.splitlines()
    return _last_error(lines) is not None or _last_traceback(lines) is not None


def last_message(text: str) -> str:
    """Return a log's last error with the lines that belong to it, else its traceback's exception, else its last line.

    A log with several error lines gives the last and the number of the others. Empty for a log without text.
    """
    lines = text.splitlines()
    error, traceback = _last_error(lines), _last_traceback(lines)
    if traceback is not None and (error is None or traceback > error):
        return shortened(_exception(lines[traceback + 1 :]))
    if error is not None:
        others = sum(line.startswith(_ERROR) for line in lines) - 1
        message = shortened([lines[error].removeprefix(_ERROR), *_until_noise(lines[error + 1 :])])
        return f"{message} ({others} more error{'s' * (others > 1)} in the log)" if others else message
    return shortened([line for line in lines if line.strip()][-1:])


def shortened(lines: list[str]) -> str:
    """Return lines as one, without control characters and, with a note, without what is beyond LIMIT characters."""
    text = visible(" ".join(" ".join(lines).split()))
    return text if len(text) <= LIMIT else f"{text[:LIMIT].rstrip()} … (cut after {LIMIT} characters)"


def _last_error(lines: list[str]) -> int | None:
    return next((n for n in reversed(range(len(lines))) if lines[n].startswith(_ERROR)), None)


def _last_traceback(lines: list[str]) -> int | None:
    """The line where the last traceback begins that ended the program: not one of a thread or of an interpreter that ends."""
    for n in reversed(range(len(lines))):
        if _TRACEBACK.match(lines[n]) and not (n and lines[n - 1].startswith("Exception ")):
            return n
    return None


def _exception(lines: list[str]) -> list[str]:
    """What follows the frames of a traceback, which are indented: the exception, and all lines of its message."""
    begin = next((n for n, line in enumerate(lines) if line.strip() and not line.startswith((" ", "\t"))), 0)
    return _until_noise(lines[begin:])


def _until_noise(lines: list[str]) -> list[str]:
    end = next((n for n, line in enumerate(lines) if _NOISE.search(line) or _TRACEBACK.match(line)), len(lines))
    return lines[:end]

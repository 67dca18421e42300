"""Logs of /usr/bin/time, which measures a whole process from the outside."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from pydantic import RootModel, ValidationError

from mmlu_kit import files
from mmlu_kit.data import Bytes, Data, Seconds
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain_json

# The last match of each pattern counts: GNU's log starts with the command, whose arguments could look like any line.
_GNU: dict[str, tuple[str, Callable[[str], float]]] = {
    "real_s": (r"Elapsed \(wall clock\) time \(h:mm:ss or m:ss\): ([\d:.]+)$", lambda text: _seconds(text)),
    "user_s": (r"User time \(seconds\): ([\d.]+)$", float),
    "system_s": (r"System time \(seconds\): ([\d.]+)$", float),
    "peak_rss_bytes": (r"Maximum resident set size \(kbytes\): (\d+)$", lambda text: int(text) * 1024),
    "exit_status": (r"Exit status: (\d+)$", int),
}
_BSD: dict[str, tuple[str, Callable[[str], float]]] = {
    "real_s": (r"([\d.]+) real\b", float),
    "user_s": (r".* ([\d.]+) user\b", float),
    "system_s": (r".* ([\d.]+) sys\b", float),
    "peak_rss_bytes": (r"(\d+)  maximum resident set size$", int),
}


class ProcessTimes(Data):
    """What /usr/bin/time logged about a process; null if the log lacks the value."""

    real_s: Seconds
    user_s: Seconds
    system_s: Seconds | None
    peak_rss_bytes: Bytes | None
    exit_status: int | None
    killed: bool | None


class Processes(RootModel[dict[str, ProcessTimes]]):
    """timings/processes.json: the times of every process of a study, by the name of its log."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """The processes in a file; a missing or damaged file raises UserError naming it."""
        text = files.read_text(path)
        try:
            return cls.model_validate_json(text, strict=True)
        except ValidationError as error:
            problem = explain_json(error, text)
            advice = "if the kit wrote it, delete it and run again"
            raise UserError(f"{path}: not a valid processes file at {problem}; {advice}") from None

    def write(self, path: Path) -> None:
        """Write the processes atomically."""
        files.write_json(path, self.model_dump(mode="json"))


def read_time_log(path: Path) -> ProcessTimes:
    """Read a log of /usr/bin/time; the command in it may contain any bytes. Another file raises UserError naming it."""
    return parse_time_log(path.read_text(encoding="utf-8", errors="replace"), str(path))


def parse_time_log(text: str, where: str) -> ProcessTimes:
    """Parse a log of GNU `time -v` or BSD/macOS `time -l`; any other text raises UserError naming `where`.

    `exit_status` is None for a killed process, and on BSD, which does not log it. GNU time 1.7 as published reports four times
    the peak memory (distributions may have fixed this), and its log does not show the version, so prefer the peak memory that
    the program measured itself.
    """
    gnu = _last(_GNU["real_s"][0], text) is not None
    values: dict[str, Any] = dict.fromkeys(("real_s", "user_s", "system_s", "peak_rss_bytes", "exit_status"))
    for name, (pattern, convert) in (_GNU if gnu else _BSD).items():
        value = _last(pattern, text)
        values[name] = None if value is None else convert(value)
    if values["real_s"] is None or values["user_s"] is None:
        raise UserError(f"{where}: not a log of /usr/bin/time (GNU -v or BSD -l): if the kit wrote it, delete it and run again")
    if gnu:
        values["killed"] = text.startswith("Command terminated by signal ")
        values["exit_status"] = None if values["killed"] else values["exit_status"]
    else:
        values["killed"] = True if "ommand terminated abnormally" in text.partition("\n")[0] else None
        # macOS reports bytes and FreeBSD KiB; only macOS has this line.
        if values["peak_rss_bytes"] is not None and _last(r"(\d+)  peak memory footprint$", text) is None:
            values["peak_rss_bytes"] *= 1024
    return ProcessTimes(**values)


def _last(pattern: str, text: str) -> str | None:
    """The group of `pattern` in the last line that matches it, None if no line does."""
    matches: list[str] = re.findall(r"^\s*" + pattern, text, re.M)
    return matches[-1] if matches else None


def _seconds(clock: str) -> float:
    """Convert '1:02:03' or '2:03.45' to seconds."""
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return round(total, 2)

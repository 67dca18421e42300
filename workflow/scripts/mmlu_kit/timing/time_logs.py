"""Logs of /usr/bin/time, which measures a whole process from the outside."""

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, RootModel, ValidationError, model_validator

from mmlu_kit import files
from mmlu_kit.data import Data, Seconds
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain_json, first_problem

MOST_BYTES = 10_000_000  # GNU's log repeats the command, which may have 2 MB
_ADVICE = "if the kit wrote it, delete it and run again"
_MOST_CORES = 10_000  # which no process has; what is beyond them was not measured


class ProcessTimes(Data):
    """What /usr/bin/time logged about a process; null if the log lacks the value."""

    real_s: Seconds
    user_s: Seconds
    system_s: Seconds | None
    peak_rss_bytes: Annotated[int, Field(ge=1, le=2**60)] | None
    exit_status: Annotated[int, Field(ge=0, le=255)] | None
    killed: bool | None

    @model_validator(mode="after")
    def _possible(self) -> Self:
        # The clock of a short process is coarser than its processor time.
        if self.user_s + (self.system_s or 0) > _MOST_CORES * (self.real_s + 0.1):
            raise ValueError(f"user_s and system_s are more than {_MOST_CORES:,} cores have in real_s")
        if self.killed and self.exit_status is not None:
            raise ValueError("a killed process has no exit_status")
        return self


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
            raise UserError(f"{path}: not a valid processes file at {problem}; {_ADVICE}") from None

    def write(self, path: Path) -> None:
        """Write the processes atomically."""
        files.write_json(path, self.model_dump(mode="json"))


class _Line(NamedTuple):
    """A line of a log: its number, from 1, and its text."""

    number: int
    text: str


_CLOCKS = (
    re.compile(r"(?:(?P<h>\d{1,40}):)?(?P<m>\d{1,40}):(?P<s>\d\d(?:\.\d+)?)", re.ASCII),
    re.compile(r"(?:(?P<h>\d{1,40})h )?(?P<m>\d{1,40})m (?P<s>\d{1,2}(?:\.\d+)?)s", re.ASCII),  # BusyBox
)


def _integer(text: str) -> int:
    """Convert a whole number; any other text raises ValueError."""
    if not re.fullmatch(r"\d{1,40}", text, re.ASCII):
        raise ValueError("a whole number")
    return int(text)


def _decimal(text: str) -> float:
    """Convert a number with a decimal point, or the comma that BSD's time writes in some locales."""
    if not re.fullmatch(r"\d{1,40}([.,]\d{1,9})?", text, re.ASCII):
        raise ValueError("a number of seconds")
    return float(text.replace(",", "."))


def _clock(text: str) -> float:
    """Convert '1:02:03', '2:03.45' or BusyBox's '1h 2m 03s' to seconds."""
    match = next(filter(None, (clock.fullmatch(text) for clock in _CLOCKS)), None)
    if not match:
        raise ValueError("a time")
    return round(3600 * int(match["h"] or 0) + 60 * int(match["m"]) + float(match["s"]), 2)


_GNU_COMMAND = "\tCommand being timed: "
_GNU: dict[str, tuple[re.Pattern[str], Callable[[str], float]]] = {
    "real_s": (re.compile(r"\s*Elapsed \(wall clock\) time \(h:mm:ss or m:ss\): (.*)"), _clock),
    "user_s": (re.compile(r"\s*User time \(seconds\): (.*)"), _decimal),
    "system_s": (re.compile(r"\s*System time \(seconds\): (.*)"), _decimal),
    "peak_rss_bytes": (re.compile(r"\s*Maximum resident set size \(kbytes\): (.*)"), _integer),
    "exit_status": (re.compile(r"\s*Exit status: (.*)"), _integer),
}
_GNU_ALWAYS = ("real_s", "user_s", "exit_status")
_BSD_TIMES = re.compile(r"\s*(\S+) real\s+(\S+) user\s+(\S+) sys\s*")
_BSD_PEAK = re.compile(r"(\s*\S+)  maximum resident set size")
_BSD_LAST = re.compile(r".*  involuntary context switches")
_MACOS_LAST = re.compile(r".*  peak memory footprint")
_MACOS_WIDTH = 20  # of the column of numbers, in which FreeBSD's has 10


def read_time_log(path: Path) -> ProcessTimes:
    """Read a log of /usr/bin/time; the command in it may contain any bytes. Another file raises UserError naming it."""
    return parse_time_log(files.read_bytes(path, MOST_BYTES, _ADVICE), str(path))


def parse_time_log(log: str | bytes, where: str) -> ProcessTimes:
    """Parse a log of GNU or BusyBox `time -v` or BSD/macOS `time -l`; any other text raises UserError naming `where`.

    If the log has several blocks, the last one counts: GNU's starts with the command, whose arguments could look like a block.
    `exit_status` is None for a killed process, and on BSD, which does not log it. GNU time 1.7 as published reports four times
    the peak memory (distributions may have fixed this), and its log does not show the version, so prefer the peak memory that
    the program measured itself.
    """
    text = log.decode(errors="replace") if isinstance(log, bytes) else log
    # Not at the line ends of Unicode, which may stand in the command.
    lines = [_Line(number, line.removesuffix("\r")) for number, line in enumerate(text.split("\n"), 1)]
    for first in reversed(lines):
        if _GNU["user_s"][0].fullmatch(first.text):
            return _gnu(lines, first, where)
        if _BSD_TIMES.fullmatch(first.text):
            return _bsd(lines, first, where)
    raise UserError(f"{where}: not a log of /usr/bin/time (GNU -v or BSD -l): {_ADVICE}")


def _gnu(lines: Sequence[_Line], first: _Line, where: str) -> ProcessTimes:
    """Parse the block of GNU's log that begins with the user time."""
    block = lines[first.number - 1 :]
    _find(block, _GNU["exit_status"][0], where)
    if block[-1].text:  # the exit status is the last line, and its end is the log's
        raise _wrong(where, block[-1], "after which the log is cut off")
    places: dict[str, _Line] = {}
    values: dict[str, Any] = dict.fromkeys(_GNU)
    for name, (pattern, convert) in _GNU.items():
        if name in _GNU_ALWAYS or any(pattern.fullmatch(line.text) for line in block):
            places[name] = _find(block, pattern, where)
            values[name] = _convert(convert, pattern.sub(r"\1", places[name].text), places[name], where)
    commands = [line for line in lines[: first.number - 1] if line.text.startswith(_GNU_COMMAND)]
    if len(commands) > 1:
        raise _wrong(where, commands[1], "which is there twice")
    killed = _before(lines, commands[0] if commands else first).startswith("Command terminated by signal ")
    values |= {"killed": killed, "exit_status": None if killed else values["exit_status"]}
    if values["peak_rss_bytes"] is not None:
        values["peak_rss_bytes"] *= 1024
    return _process(values, places, first, where)


def _bsd(lines: Sequence[_Line], first: _Line, where: str) -> ProcessTimes:
    """Parse the block of BSD's or macOS's log that begins with the three times."""
    block = lines[first.number - 1 :]
    _find(block, _BSD_LAST, where)
    place = _find(block, _BSD_PEAK, where)
    number = _BSD_PEAK.sub(r"\1", place.text)
    macos = len(number) >= _MACOS_WIDTH or any(_MACOS_LAST.fullmatch(line.text) for line in block)
    if macos:
        _find(block, _MACOS_LAST, where)
    names = ("real_s", "user_s", "system_s")
    texts = _BSD_TIMES.sub(r"\1 \2 \3", first.text).split()
    values: dict[str, Any] = {name: _convert(_decimal, text, first, where) for name, text in zip(names, texts, strict=True)}
    # macOS counts bytes and FreeBSD KiB.
    values["peak_rss_bytes"] = _convert(_integer, number.strip(), place, where) * (1 if macos else 1024)
    values["exit_status"] = None
    values["killed"] = True if "ommand terminated abnormally" in _before(lines, first) else None
    return _process(values, {"peak_rss_bytes": place}, first, where)


def _process(values: Mapping[str, Any], places: Mapping[str, _Line], first: _Line, where: str) -> ProcessTimes:
    """Return the times of a block that begins with `first`; one that is impossible raises UserError naming its line."""
    try:
        # Systems that do not count the peak memory write 0.
        return ProcessTimes(**{**values, "peak_rss_bytes": values["peak_rss_bytes"] or None})
    except ValidationError as error:
        key, problem = first_problem(error, values)
        raise _wrong(where, places.get(key, first), f"which is impossible ({problem})") from None


def _find(block: Sequence[_Line], pattern: re.Pattern[str], where: str) -> _Line:
    """Return the line of a value in a block. Raises UserError unless there is exactly one."""
    places = [line for line in block if pattern.fullmatch(line.text)]
    if not places:
        last = next((line for line in reversed(block) if line.text.strip()), block[0])
        raise _wrong(where, last, "after which the log is cut off")
    if len(places) > 1:
        raise _wrong(where, places[1], "which is there twice")
    return places[0]


def _before(lines: Sequence[_Line], line: _Line) -> str:
    """Return the text of the line before one, '' for the first."""
    return lines[line.number - 2].text if line.number > 1 else ""


def _convert(convert: Callable[[str], float], text: str, line: _Line, where: str) -> float:
    """Return the number in a line. Raises UserError naming the line if `convert` raises ValueError."""
    try:
        return convert(text.strip())
    except ValueError as error:
        raise _wrong(where, line, f"which is not {error}") from None


def _wrong(where: str, line: _Line, problem: str) -> UserError:
    """Return the error for a line of a log."""
    return UserError(f"{where}: line {line.number} is {line.text.strip()[:80]!r}, {problem}; {_ADVICE}")

"""Logs of /usr/bin/time, which measures a whole process from outside."""

import re
from typing import Any

from .problems import Problem

_GNU = {
    "user_s": (r"User time \(seconds\): ([\d.]+)", float),
    "system_s": (r"System time \(seconds\): ([\d.]+)", float),
    "peak_rss_bytes": (r"Maximum resident set size \(kbytes\): (\d+)", lambda text: int(text) * 1024),
    "exit_status": (r"Exit status: (\d+)", int),
}
_BSD = {
    "real_s": (r"([\d.]+) real\b", float),
    "user_s": (r"([\d.]+) user\b", float),
    "system_s": (r"([\d.]+) sys\b", float),
    "peak_rss_bytes": (r"(\d+)\s+maximum resident set size", int),
}


def parse_time_log(text: str, where: str) -> dict:
    """What GNU `time -v` or BSD/macOS `time -l` wrote: `real_s, user_s, system_s, peak_rss_bytes, exit_status, signal`.

    A value that the log does not hold is null (BSD logs no exit status); a text that is neither form is a Problem.
    """
    values: dict[str, Any] = dict.fromkeys(("real_s", "user_s", "system_s", "peak_rss_bytes", "exit_status", "signal"))
    elapsed = re.search(r"Elapsed \(wall clock\) time \(h:mm:ss or m:ss\): ([\d:.]+)", text)
    for name, (pattern, convert) in (_GNU if elapsed else _BSD).items():
        match = re.search(pattern, text)
        values[name] = convert(match.group(1)) if match else None
    if elapsed:
        values["real_s"] = _seconds(elapsed.group(1))
        killed = re.search(r"Command terminated by signal (\d+)", text)
        values["signal"] = int(killed.group(1)) if killed else None
    if values["real_s"] is None or values["user_s"] is None:
        raise Problem(f"{where}: not a log of /usr/bin/time (GNU -v or BSD -l): delete it and run again")
    return values


def _seconds(clock: str) -> float:
    """'1:02:03' or '2:03.45' in seconds."""
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return round(total, 2)

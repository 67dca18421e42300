"""Logs of /usr/bin/time, which measures a whole process from outside."""

import re
from typing import Any

from .problems import Problem

# At a line's beginning: GNU's log also holds the command, whose arguments could be anything.
_LINE = r"^\s*"
_GNU = {
    "real_s": (r"Elapsed \(wall clock\) time \(h:mm:ss or m:ss\): ([\d:.]+)$", lambda text: _seconds(text)),
    "user_s": (r"User time \(seconds\): ([\d.]+)$", float),
    "system_s": (r"System time \(seconds\): ([\d.]+)$", float),
    "peak_rss_bytes": (r"Maximum resident set size \(kbytes\): (\d+)$", lambda text: int(text) * 1024),
    "exit_status": (r"Exit status: (\d+)$", int),
}
_BSD = {
    "real_s": (r"([\d.]+) real\b", float),
    "user_s": (r".* ([\d.]+) user\b", float),
    "system_s": (r".* ([\d.]+) sys\b", float),
    "peak_rss_bytes": (r"(\d+)\s+maximum resident set size", int),
}


def parse_time_log(text: str, where: str) -> dict:
    """What GNU `time -v` or BSD/macOS `time -l` wrote: `real_s, user_s, system_s, peak_rss_bytes, exit_status, killed`.

    A value that the log does not hold is null: BSD logs no exit status, and what GNU logs for a killed process is none.
    GNU time 1.7 as published logs four times the peak memory (a distribution's own 1.7 may not), which its log does not
    tell: where the program measured its peak itself, that is to be preferred. A text of neither form is a Problem.
    """
    values: dict[str, Any] = dict.fromkeys(("real_s", "user_s", "system_s", "peak_rss_bytes", "exit_status"))
    gnu = re.search(_LINE + r"Elapsed \(wall clock\) time \(h:mm:ss or m:ss\): [\d:.]+$", text, re.M)
    for name, (pattern, convert) in (_GNU if gnu else _BSD).items():
        match = re.search(_LINE + pattern, text, re.M)
        values[name] = convert(match.group(1)) if match else None
    values["killed"] = bool(re.search(r"^Command terminated (by signal \d+|abnormally\.)$", text, re.M))
    if values["killed"]:
        values["exit_status"] = None
    if values["real_s"] is None or values["user_s"] is None:
        raise Problem(f"{where}: not a log of /usr/bin/time (GNU -v or BSD -l): delete it and run again")
    return values


def _seconds(clock: str) -> float:
    """'1:02:03' or '2:03.45' in seconds."""
    total = 0.0
    for part in clock.split(":"):
        total = total * 60 + float(part)
    return round(total, 2)

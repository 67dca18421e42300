"""Damaged, foreign and impossible logs of /usr/bin/time."""

import os
import runpy
from collections.abc import Callable
from pathlib import Path

from tests.conftest import ROOT
from tests.hostile.inputs import SCRIPTS, Hostile

LOGS = ROOT / "tests/fixtures/time_logs"
GNU, BSD, MACOS, BUSYBOX = ((LOGS / f"{name}.txt").read_text() for name in ("gnu-1.9", "bsd", "macos", "busybox"))
NAME = "results/s/timings/m/anatomy.time"
runpy.run_path(str(SCRIPTS / "parse_times.py"))  # the program runs in forks of this process
PARSE = ["parse_times.py", "--results", "results/s", "--output", "processes.json", "--logs", NAME]


def log(text: str | bytes) -> Callable[[Path], list[str]]:
    """A log with this content."""

    def make(folder: Path) -> list[str]:
        path = folder / NAME
        path.parent.mkdir(parents=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
        return PARSE

    return make


def instead(kind: str) -> Callable[[Path], list[str]]:
    """Something else than a file under a log's name."""

    def make(folder: Path) -> list[str]:
        path = folder / NAME
        path.parent.mkdir(parents=True)
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        elif kind == "large":
            with path.open("wb") as stream:
                stream.truncate(2 * 10**9)
        elif kind != "missing":
            path.symlink_to({"loop": path.name, "dangling": "/nowhere/at/all", "device": "/dev/zero"}[kind])
        return PARSE

    return make


def gnu(old: str, new: str) -> str:
    """GNU's log with a text in it replaced."""
    assert old in GNU
    return GNU.replace(old, new)


def command(text: str) -> str:
    """GNU's log of another command."""
    first = GNU.index("\tUser time")
    return f'\tCommand being timed: "{text}"\n{GNU[first:]}'


ELAPSED = "(h:mm:ss or m:ss): 0:00.36"
CUT = "after which the log is cut off"
NO_LOG = f"{NAME}: not a log of /usr/bin/time (GNU -v or BSD -l): if the kit wrote it, delete it and run again"
IMPOSSIBLE = "which is impossible"
NOT_LOGS = {
    "empty": "", "text": "Killed\n", "killed": "time: command terminated abnormally\n",
    "NUL": bytes(4096), "JSON": '{"real_s": 1}',
    "binary": bytes(range(256)) * 10, "line ends": "\n" * 100_000, "blanks": " " * 100_000, "digits": "1" * 1_000_000,
    "the shell's time": "real\t0m0.3s\nuser\t0m0.1s\nsys\t0m0.0s\n", "POSIX's time": "real 0.30\nuser 0.10\nsys 0.00\n",
    "GNU's short form": "0.08user 0.27system 0:00.36elapsed 99%CPU (0avgtext+0avgdata 57284maxresident)k\n",
    "UTF-16": GNU.encode("utf-16"), "not found": "/usr/bin/time: cannot run python: No such file or directory\n",
}  # fmt: skip
READ = {
    "GNU": GNU,
    "BSD": BSD,
    "macOS": MACOS,
    "BusyBox": BUSYBOX,
    "decimal commas": BSD.replace("3.05", "3,05").replace("2.71", "2,71").replace("0.34", "0,34"),
    "macOS with decimal commas": MACOS.replace("3.05", "3,05").replace("2.71", "2,71").replace("0.34", "0,34"),
    "lines of Windows": GNU.replace("\n", "\r\n"),
    "more than 100 hours": gnu(ELAPSED, "(h:mm:ss or m:ss): 123:00:01"),
    "no share of the processor": gnu("this job got: 99%", "this job got: ?%"),
    "a share of the processor that is no number": gnu("this job got: 99%", "this job got: -nan%"),
    "failed": (LOGS / "gnu-1.9-failed.txt").read_text(),
    "killed": (LOGS / "gnu-1.9-killed.txt").read_text(),
    "BSD, killed": (LOGS / "bsd-killed.txt").read_text(),
    "memory that is not counted": gnu("Maximum resident set size (kbytes): 57284", "Maximum resident set size (kbytes): 0"),
    "a command that looks like a log": command(f"x\n{GNU[GNU.index('	User time') :]}"),
    "a command that looks like BSD's": command(f"x\n{BSD}"),
    "a command with ESC": command("\x1b[2J\x1b]0;x\x07"),
    "a command with a surrogate": command("\ud800"),
    "a command in latin-1": command("é").encode("latin-1"),
    "a command with Unicode's line ends": command("a\u2028\tElapsed (wall clock) time (h:mm:ss or m:ss): 9:99\x85\x0b\x0c\x1e"),
    "two logs": GNU[GNU.index("\tUser time") :] * 2,
}
LINES = {
    "elapsed negative": (gnu(ELAPSED, "(h:mm:ss or m:ss): 0:-1.36"), "line 6 is 'Elapsed", "which is not a time"),
    "elapsed NaN": (gnu(ELAPSED, "(h:mm:ss or m:ss): nan"), "line 6 is 'Elapsed", "which is not a time"),
    "elapsed empty": (gnu(ELAPSED, "(h:mm:ss or m:ss): "), "line 6 is 'Elapsed", "which is not a time"),
    "elapsed with ESC": (gnu(ELAPSED, "(h:mm:ss or m:ss): \x1b[2J"), "\\x1b[2J", "which is not a time"),
    "elapsed in other digits": (gnu(ELAPSED, "(h:mm:ss or m:ss): ٣:٠٠"), "line 6 is 'Elapsed", "which is not a time"),
    "elapsed of 10^30 s": (gnu(ELAPSED, f"(h:mm:ss or m:ss): {10**30}:00.00"), "line 6 is", IMPOSSIBLE),
    "elapsed of 10^50 s": (gnu(ELAPSED, f"(h:mm:ss or m:ss): {10**50}:00.00"), "line 6 is", "which is not a time"),
    "user time NaN": (gnu("User time (seconds): 0.08", "User time (seconds): nan"), "line 3 is", "not a number of seconds"),
    "user time -nan": (gnu("User time (seconds): 0.08", "User time (seconds): -nan"), "line 3 is", "not a number of seconds"),
    "user time inf": (gnu("User time (seconds): 0.08", "User time (seconds): inf"), "line 3 is", "not a number of seconds"),
    "user time negative": (gnu("User time (seconds): 0.08", "User time (seconds): -1"), "line 3 is", "not a number of seconds"),
    "user time as a power": (gnu("User time (seconds): 0.08", "User time (seconds): 1e3"), "line 3 is", "not a number"),
    "user time of 10^30 s": (gnu("User time (seconds): 0.08", f"User time (seconds): {10**30}"), "line 3 is", IMPOSSIBLE),
    "more time than cores have": (gnu("User time (seconds): 0.08", "User time (seconds): 90000"), "line 3 is", IMPOSSIBLE),
    "system time text": (
        gnu("System time (seconds): 0.27", "System time (seconds): many"),
        "line 4 is",
        "not a number of seconds",
    ),
    "memory negative": (gnu("set size (kbytes): 57284", "set size (kbytes): -57284"), "line 11 is", "not a whole number"),
    "memory with a point": (gnu("set size (kbytes): 57284", "set size (kbytes): 57.284"), "line 11 is", "not a whole number"),
    "memory of 10^30 bytes": (gnu("set size (kbytes): 57284", f"set size (kbytes): {10**30}"), "line 11 is", IMPOSSIBLE),
    "exit status 256": (gnu("Exit status: 0", "Exit status: 256"), "line 24 is 'Exit status: 256'", IMPOSSIBLE),
    "exit status text": (gnu("Exit status: 0", "Exit status: bad"), "line 24 is 'Exit status: bad'", "not a whole number"),
    "a value twice": (gnu("\tSwaps: 0", "\tExit status: 0"), "line 24 is 'Exit status: 0'", "which is there twice"),
    "two commands": (command("a") + command("b"), "is 'Command being timed: \"b\"'", "which is there twice"),
    "no elapsed time": (gnu("Elapsed", "Lapsed"), "is 'Exit status: 0'", CUT),
    "cut in the exit status": (GNU.removesuffix("\n"), "line 24 is 'Exit status: 0'", CUT),
    "text after the log": (f"{GNU}more", "is 'more'", CUT),
    "BSD: NaN": (BSD.replace("3.05", "nan"), "line 1 is 'nan real", "not a number of seconds"),
    "BSD: negative": (BSD.replace("2.71", "-2.71"), "line 1 is '3.05 real", "not a number of seconds"),
    "BSD: thousands": (BSD.replace("3.05", "3,000.05"), "line 1 is '3,000.05 real", "not a number of seconds"),
    "BSD: 10^30 s": (BSD.replace("3.05", f"{10**30}.00"), "line 1 is", IMPOSSIBLE),
    "BSD: memory negative": (BSD.replace("426144", "-42614"), "line 2 is", "not a whole number"),
    "BSD: no memory": (BSD.replace("maximum", "minimum"), "involuntary context switches'", CUT),
    "BSD: first line alone": (BSD.split("\n")[0], "line 1 is '3.05 real", CUT),
    "BSD: cut off": (BSD[:-60], "line 14 is '12 voluntar'", CUT),
    "macOS: cut off": (MACOS[: MACOS.index("         12345678901")], "involuntary context switches'", CUT),
    "macOS: without its last line": (MACOS[: MACOS.index("           398765432")], "cycles elapsed'", CUT),
}
CUTS = [GNU[:length] for length in range(GNU.index("\tUser time") + 30, len(GNU) - 1, 90)]

INPUTS = [
    *(Hostile(f"read: {name}", log(text), None) for name, text in READ.items()),
    *(Hostile(f"not a log: {name}", log(text), NO_LOG) for name, text in NOT_LOGS.items()),
    *(Hostile(name, log(text), f"{line}…{problem}") for name, (text, line, problem) in LINES.items()),
    *(Hostile(f"cut after {len(text)} characters", log(text), CUT) for text in CUTS),
    Hostile("a folder", instead("folder"), f"{NAME} is a folder, not a file"),
    Hostile("a pipe", instead("pipe"), f"{NAME} is a named pipe, not a file"),
    Hostile("a device", instead("device"), f"{NAME} is a device, not a file"),
    Hostile("missing", instead("missing"), f"{NAME} does not exist"),
    Hostile("a dangling link", instead("dangling"), f"{NAME} is a link to a file that does not exist"),
    Hostile("a loop", instead("loop"), f"{NAME} cannot be read"),
    Hostile("2 GB", instead("large"), f"{NAME} has 2,000,000,000 bytes, more than any such file"),
    Hostile("outside", lambda folder: [*PARSE[:-1], "elsewhere.time"], "elsewhere.time: not a log in timings/<model>/"),
]

"""Logs of /usr/bin/time in all their formats."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mmlu_kit.timing import time_logs
from mmlu_kit.timing.time_logs import ProcessTimes
from mmlu_kit.user_errors import UserError

LOGS = Path(__file__).parents[1] / "fixtures/time_logs"


@pytest.mark.parametrize(
    ("name", "real_s", "user_s", "system_s", "peak_rss_bytes", "exit_status", "killed"),
    [
        ("gnu-1.9", 0.36, 0.08, 0.27, 57284 * 1024, 0, False),
        ("gnu-1.7", 0.36, 0.08, 0.27, 4 * 57284 * 1024, 0, False),
        ("gnu-1.9-failed", 0.04, 0.0, 0.03, 57520 * 1024, 3, False),
        ("gnu-1.9-killed", 0.34, 0.08, 0.25, 57544 * 1024, None, True),
        ("busybox", 0.36, 0.08, 0.27, 57284 * 1024, 0, False),
        ("macos", 3.05, 2.71, 0.34, 436_371_456, None, None),
        ("bsd", 3.05, 2.71, 0.34, 426_144 * 1024, None, None),
        ("bsd-killed", 3.05, 2.71, 0.34, 426_144 * 1024, None, True),
    ],
)
def test_each_log_format_is_read(name, real_s, user_s, system_s, peak_rss_bytes, exit_status, killed):
    assert time_logs.parse_time_log((LOGS / f"{name}.txt").read_text(), name) == ProcessTimes(
        real_s=real_s,
        user_s=user_s,
        system_s=system_s,
        peak_rss_bytes=peak_rss_bytes,
        exit_status=exit_status,
        killed=killed,
    )


@pytest.mark.parametrize(
    ("name", "old", "new", "real_s"),
    [
        ("gnu-1.9", "0:00.36", "1:02:03", 3723),
        ("gnu-1.9", "0:00.36", "100:00:01", 360_001),
        ("busybox", "0m 0.36s", "1h 2m 03s", 3723),
        ("bsd", "3.05 real", "3,05 real", 3.05),
        ("macos", "3.05 real", "3,05 real", 3.05),
    ],
)
def test_each_form_of_a_time_is_read(name, old, new, real_s):
    text = (LOGS / f"{name}.txt").read_text()
    assert old in text
    assert time_logs.parse_time_log(text.replace(old, new), "x").real_s == real_s


def test_memory_that_was_not_counted_is_null():
    text = (LOGS / "gnu-1.9.txt").read_text().replace("(kbytes): 57284", "(kbytes): 0")
    assert time_logs.parse_time_log(text, "x").peak_rss_bytes is None


def test_of_several_logs_the_last_counts():
    first, last = (without_command(name) for name in ("gnu-1.9-killed", "gnu-1.9-failed"))
    assert time_logs.parse_time_log(first + last, "x") == time_logs.parse_time_log(last, "x")
    assert time_logs.parse_time_log(last + first, "x").killed


def without_command(name):
    """A log as timed.sh leaves it."""
    text = (LOGS / f"{name}.txt").read_text()
    head, _, rest = text.partition("\tCommand being timed: ")
    return head + rest[rest.index("\tUser time") :]


@pytest.mark.parametrize("name", ["gnu-1.9", "bsd", "macos", "busybox"])
def test_a_log_that_is_cut_off_anywhere_is_refused(name):
    text = (LOGS / f"{name}.txt").read_text()
    # FreeBSD's and macOS' logs have no mark of their end: after the last value, the line end may be missing.
    for length in range(len(text) - 1 - (name in ("bsd", "macos"))):
        with pytest.raises(UserError, match="x: "):
            time_logs.parse_time_log(text[:length], "x")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"real_s": -1.0}, "real_s: needs at least 0"),
        ({"user_s": 1e30}, "user_s: needs at most"),
        ({"user_s": 50_000.0}, "user_s and system_s are more than 10,000 cores have in real_s"),
        ({"peak_rss_bytes": 0}, "peak_rss_bytes: needs at least 1"),
        ({"exit_status": 300}, "exit_status: needs at most 255"),
        ({"killed": True}, "a killed process has no exit_status"),
    ],
)
def test_impossible_times_in_processes_json_are_refused(tmp_path, changes, message):
    times = time_logs.read_time_log(LOGS / "gnu-1.9.txt").plain()
    path = tmp_path / "processes.json"
    path.write_text(json.dumps({"m/anatomy.time": {**times, **changes}}))
    with pytest.raises(UserError, match=message):
        time_logs.Processes.read(path)


def test_a_command_that_looks_like_a_log_is_not_read_as_one():
    text = (LOGS / "gnu-1.9.txt").read_text()
    forged = text.replace('Command being timed: "', 'Command being timed: "x\n\tUser time (seconds): 99\n\tExit status: 7\n')
    assert forged != text
    assert time_logs.parse_time_log(forged, "x") == time_logs.parse_time_log(text, "x")


@pytest.mark.parametrize("text", ["Killed\n", "", "time: command terminated abnormally\n"])
def test_other_text_is_reported_in_one_line(text):
    with pytest.raises(UserError, match=r"a\.time: not a log of /usr/bin/time"):
        time_logs.parse_time_log(text, "a.time")


def test_a_log_of_this_systems_time_program_is_read(tmp_path):
    if not Path("/usr/bin/time").exists():
        pytest.skip("/usr/bin/time is not installed")
    script = Path(__file__).parents[2] / "workflow/scripts/timed.sh"
    log = tmp_path / "log.time"
    process = subprocess.run(["sh", script, log, sys.executable, "-c", "import time; time.sleep(0.3); raise SystemExit(3)"])
    times = time_logs.parse_time_log(log.read_text(), str(log))
    assert process.returncode == 3, "the command's own exit status is kept"
    assert 0.3 <= times.real_s < 5 and times.peak_rss_bytes > 1e6


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": ""}, {"LC_ALL": "de_DE.UTF-8"}])
def test_the_measured_program_keeps_the_users_locale(tmp_path, locale):
    if not Path("/usr/bin/time").exists():
        pytest.skip("/usr/bin/time is not installed")
    script = Path(__file__).parents[2] / "workflow/scripts/timed.sh"
    environment = {name: value for name, value in os.environ.items() if name != "LC_ALL"} | locale
    command = [sys.executable, "-c", "import os; print(os.environ.get('LC_ALL'))", "a\nb", "c"]
    process = subprocess.run(["sh", script, tmp_path / "x.time", *command], capture_output=True, text=True, env=environment)
    assert process.stdout == f"{locale.get('LC_ALL')}\n" and process.stderr == ""
    log = (tmp_path / "x.time").read_text()
    assert log.startswith("\tUser time (seconds): ") or "real" in log.partition("\n")[0], "the command is not in the log"
    time_logs.parse_time_log(log, "x")


def stub(folder, long_form):
    """A /usr/bin/time that knows -v or -l, and logs its locale."""
    path = folder / "time"
    path.write_text(f"""#!/bin/sh
[ "$1" = {long_form} ] || exit 1
echo "$LC_ALL 3.05 real 2.71 user 0.34 sys" > "$3"
shift 3
exec "$@"
""")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("long_form", ["-v", "-l"])
def test_the_time_program_itself_runs_in_the_c_locale(tmp_path, long_form):
    script = (Path(__file__).parents[2] / "workflow/scripts/timed.sh").read_text()
    script = script.replace("/usr/bin/time", str(stub(tmp_path, long_form)))
    command = ["sh", "-c", script, "timed.sh", str(tmp_path / "log"), "sh", "-c", "echo $LC_ALL; exit 3"]
    process = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "LC_ALL": "de_DE.UTF-8"})
    assert (process.returncode, process.stdout, process.stderr) == (3, "de_DE.UTF-8\n", "")
    assert (tmp_path / "log").read_text().startswith("C 3.05 real")


def test_a_missing_time_program_is_reported_in_one_line(tmp_path):
    script = (Path(__file__).parents[2] / "workflow/scripts/timed.sh").read_text().replace("/usr/bin/time", "/nowhere/time")
    process = subprocess.run([shutil.which("sh"), "-c", script, "timed.sh", "log", "true"], capture_output=True, text=True)
    assert process.returncode == 2 and process.stderr.startswith("error: ") and len(process.stderr.splitlines()) == 1

"""Logs of /usr/bin/time in all their formats."""

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


def test_a_time_of_more_than_an_hour_is_read():
    text = (LOGS / "gnu-1.9.txt").read_text().replace("0:00.36", "1:02:03")
    assert time_logs.parse_time_log(text, "x").real_s == 3723


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


def test_a_missing_time_program_is_reported_in_one_line(tmp_path):
    script = (Path(__file__).parents[2] / "workflow/scripts/timed.sh").read_text().replace("/usr/bin/time", "/nowhere/time")
    process = subprocess.run([shutil.which("sh"), "-c", script, "timed.sh", "log", "true"], capture_output=True, text=True)
    assert process.returncode == 2 and process.stderr.startswith("error: ") and len(process.stderr.splitlines()) == 1

"""Logs of /usr/bin/time in both forms, and the stopwatch inside the program."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmlu_kit import timing
from mmlu_kit.problems import Problem

GNU = """\tCommand being timed: "python evaluate.py"
\tUser time (seconds): 27.49
\tSystem time (seconds): 0.50
\tPercent of CPU this job got: 745%
\tElapsed (wall clock) time (h:mm:ss or m:ss): 3:45.21
\tMaximum resident set size (kbytes): 5242880
\tExit status: 0
"""
BSD = """      235.12 real      1707.30 user        81.20 sys
          5242880000  maximum resident set size
                   0  average shared memory size
"""


def test_gnu_log():
    assert timing.parse_time_log(GNU, "x") == {
        "real_s": 225.21,
        "user_s": 27.49,
        "system_s": 0.5,
        "peak_rss_bytes": 5242880 * 1024,
        "exit_status": 0,
        "signal": None,
    }


def test_gnu_log_over_an_hour_and_of_a_failed_process():
    text = GNU.replace("3:45.21", "1:02:03").replace("Exit status: 0", "Exit status: 2")
    found = timing.parse_time_log("Command exited with non-zero status 2\n" + text, "x")
    assert (found["real_s"], found["exit_status"]) == (3723.0, 2)


def test_gnu_log_of_a_killed_process():
    found = timing.parse_time_log("Command terminated by signal 9\n" + GNU, "x")
    assert found["signal"] == 9


def test_bsd_log():
    found = timing.parse_time_log(BSD, "x")
    assert (found["real_s"], found["user_s"], found["system_s"]) == (235.12, 1707.3, 81.2)
    assert (found["peak_rss_bytes"], found["exit_status"]) == (5242880000, None)


def test_other_text_is_a_problem():
    with pytest.raises(Problem, match=r"a\.time"):
        timing.parse_time_log("Killed\n", "a.time")


def test_the_system_s_own_log_is_read(tmp_path):
    if not Path("/usr/bin/time").exists():
        pytest.skip("/usr/bin/time is not installed")
    script = Path(__file__).parents[2] / "workflow/scripts/timed.sh"
    log = tmp_path / "log.time"
    process = subprocess.run(["sh", script, log, sys.executable, "-c", "import time; time.sleep(0.3); raise SystemExit(3)"])
    found = timing.parse_time_log(log.read_text(), str(log))
    assert process.returncode == 3, "the command's own exit status is kept"
    assert 0.3 <= found["real_s"] < 5 and found["peak_rss_bytes"] > 1e6


def test_a_missing_time_program_is_one_line(tmp_path):
    script = (Path(__file__).parents[2] / "workflow/scripts/timed.sh").read_text().replace("/usr/bin/time", "/nowhere/time")
    process = subprocess.run([shutil.which("sh"), "-c", script, "timed.sh", "log", "true"], capture_output=True, text=True)
    assert process.returncode == 2 and process.stderr.startswith("error: ") and len(process.stderr.splitlines()) == 1


def test_stopwatch_measures_and_says_what_it_cannot():
    watch = timing.Stopwatch(torch, "cpu")
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    found = watch.read()
    assert found["real_s"] >= 0.19 and found["cpu_user_s"] + found["cpu_system_s"] >= 0.15
    assert found["gpu_s"] is None and "cpu" in found["reasons"]["gpu_s"]

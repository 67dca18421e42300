"""What a run says at its end on jobs that failed, each in a way of its own, where Snakemake itself says nothing."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

RULES = """
rule all:
    default_target: True
    input:
        expand("{name}.done", name=["mistake", "bug", "silent", "killed", "lost", "retried"])

"""
RULE = """
rule {name}:
    output: "{name}.done"
    log: "logs/{name}.log"
    shell: "{{{{ {command}; }}}} > {{log}} 2>&1"
"""
COMMANDS = {
    "mistake": "echo 'error: no such model'; exit 2",
    "bug": "python -c 'raise RuntimeError(str().join([chr(97), chr(10), chr(98)]))'",
    "silent": "exit 3",
    "killed": "kill -9 $$",
    "lost": "true",
    # The first attempt fails and leaves a mark.
    "retried": "[ -e mark ] && touch {output} || {{ touch mark; echo 'error: at first'; exit 2; }}",
}


def snakefile(root, rules):
    """A Snakefile with the kit's own handler of errors."""
    onerror = re.search(r"^onerror:\n(?: +.*\n)+", (root / "Snakefile").read_text(), re.M)[0]
    head = f"import sys\nsys.path.insert(0, {str(root / 'workflow/scripts')!r})\nfrom snakemake.logging import logger\n"
    head += "from mmlu_kit.jobs.failures import Failures\nfrom mmlu_kit.terminal_text import visible\n"
    head += "FAILURES = Failures()\nlogger.addHandler(FAILURES)\n"
    return head + onerror + rules


def test_each_failed_job_is_said_once_at_the_end_of_a_quiet_run(root, tmp_path, snakemake):
    rules = "".join(RULE.format(name=name, command=command) for name, command in COMMANDS.items())
    (tmp_path / "Snakefile").write_text(snakefile(root, RULES + rules))
    quiet = ["--quiet", "all", "--keep-going", "--retries", "1", "--latency-wait", "0"]
    process = snakemake(tmp_path, "--cores", "2", *quiet)
    assert process.returncode == 1 and not process.stdout
    lines = sorted(line for line in process.stderr.splitlines() if line.startswith("error: "))
    assert [line.partition(" failed, see ")[0] for line in lines] == [
        "error: " + name for name in sorted(COMMANDS) if name != "retried"
    ]
    bug, killed, lost, mistake, silent = (line.partition(".log: ")[2] for line in lines)
    assert bug == "RuntimeError: a b"
    assert killed == "killed by SIGKILL, most likely for lack of memory before it wrote anything: run again to resume"
    assert re.fullmatch(r"Job \d+ +completed successfully, but some output files are missing\. .*lost\.done.*", lost)
    assert mistake == "no such model"
    assert silent == "ended with exit status 3 and wrote nothing; the disk of its log may be full"


def test_jobs_interrupted_by_the_user_are_no_failures_and_leave_no_lock(root, tmp_path):
    rule = RULE.format(name="endless", command="exec python -c 'import signal; open(str(1), chr(119)); signal.pause()'")
    (tmp_path / "Snakefile").write_text(snakefile(root, rule))
    command = [str(Path(sys.executable).with_name("snakemake")), "--cores", "1"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PATH": path}, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not (tmp_path / "1").exists():
        assert process.poll() is None
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, messages = process.communicate(timeout=60)
    assert process.returncode and "\nerror: " not in messages
    assert not list(tmp_path.glob(".snakemake/locks/*"))

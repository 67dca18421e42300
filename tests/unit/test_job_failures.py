"""Logs of jobs and SLURM are summarized in one line per job. The texts are Snakemake's and SLURM's own."""

import os

import pytest
from mmlu_kit import job_failures

# slurmstepd 22.05 without control groups (seen on the cluster of tests/cluster), and with them (SLURM's documentation).
OVER_MEMORY = """\
slurmstepd-node1: error: StepId=12.batch exceeded memory limit (174862336 > 62914560), being killed
slurmstepd-node1: error: Exceeded job memory limit
slurmstepd-node1: error: *** JOB 12 ON node1 CANCELLED AT 2026-11-25T15:33:23 ***
"""
OOM_KILLED = "slurmstepd: error: Detected 1 oom_kill event in StepId=12.0. Some of the step tasks have been OOM Killed.\n"
OVER_TIME = "slurmstepd-node1: error: *** JOB 12 ON node1 CANCELLED AT 2026-11-25T16:01:00 DUE TO TIME LIMIT ***\n"
CANCELLED = "slurmstepd-node1: error: *** JOB 12 ON node1 CANCELLED AT 2026-11-25T15:30:02 ***\n"


@pytest.fixture
def explained(tmp_path):
    """Return the summary of a log with this text."""

    def call(text, since=0.0, name="rule_evaluate/demo-small_astronomy/12.log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return list(job_failures.killed_by_slurm(tmp_path, since))

    return call


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (OVER_MEMORY, ["needed more memory", "--set-resources evaluate:mem_mb=<megabytes>"]),
        (OOM_KILLED, ["needed more memory", "--set-resources evaluate:mem_mb=<megabytes>"]),
        (OVER_TIME, ["longer than its time limit", "--set-resources evaluate:runtime=<minutes>"]),
        (CANCELLED, ["was cancelled: run again"]),
    ],
)
def test_a_job_killed_by_slurm_is_named_with_a_remedy(explained, text, words):
    (line,) = explained(text)
    assert line.startswith("SLURM job 12, evaluate (demo-small_astronomy), ")
    assert all(word in line for word in words)


def test_a_job_without_wildcards_is_named_by_its_rule(explained):
    (line,) = explained(CANCELLED, name="rule_merge/7.log")
    assert line.startswith("SLURM job 7, merge, was cancelled")


def test_a_program_that_failed_by_itself_is_not_explained(explained):
    assert (
        explained("error: device 'cuda' was requested, but this machine has none\nsrun: error: node1: task 0: Exited\n") == []
    )


def test_logs_of_earlier_runs_are_left_out(explained, tmp_path):
    assert explained(CANCELLED)
    (log,) = tmp_path.rglob("12.log")
    os.utime(log, (1000, 1000))
    assert list(job_failures.killed_by_slurm(tmp_path, 2000)) == []


def test_a_run_without_slurm_has_nothing_to_explain(tmp_path):
    assert list(job_failures.killed_by_slurm(tmp_path / "slurm_logs", 0)) == []


def snakemakes(job, log, also=""):
    """Return Snakemake 9's message on a failed job."""
    return f"""[Wed Nov 25 19:34:50 2026]
Error in rule evaluate:
    message: None
    jobid: {job}
    input: workflow/scripts/evaluate.py
    output: results/x.json
    log: {log} (check log file(s) for error details)
    shell:
        python workflow/scripts/evaluate.py
        (command exited with non-zero exit code)
Removing output files of failed job evaluate since they might be corrupted:
{also}"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Loading m …\nerror: no such device\nTraceback of another thread\n", "no such device"),
        ("Traceback (most recent call last):\n  File x\nKeyError: 'a'\n\n", "KeyError: 'a'"),
        ("", "the log is empty, so the job was killed: run again to resume"),
        (None, "the job ended before it wrote a log"),
    ],
)
def test_a_failed_job_is_listed_with_its_log_and_last_useful_line(tmp_path, text, message):
    log = tmp_path / "evaluate m.log"
    if text is not None:
        log.write_text(text)
    assert list(job_failures.failed_jobs(snakemakes(3, log))) == [f"evaluate failed, see {log}: {message}"]


def test_each_failed_job_is_listed_once_unless_a_retry_finished_it(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).write_text(f"error: {name}\n")
    text = snakemakes(3, tmp_path / "one") + snakemakes(13, tmp_path / "two") + snakemakes(13, tmp_path / "two")
    assert list(job_failures.failed_jobs(text)) == [
        f"evaluate failed, see {tmp_path / name}: {name}" for name in ("one", "two")
    ]
    assert len(list(job_failures.failed_jobs(text + "Finished jobid: 3 (Rule: evaluate)\n"))) == 1

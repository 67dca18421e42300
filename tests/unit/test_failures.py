"""What SLURM wrote into a job's log becomes one line that says what to do. The texts are SLURM's own."""

import os

import pytest
from mmlu_kit import failures

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
    """The lines about a log with a text."""

    def call(text, since=0.0, name="rule_evaluate/demo-small_astronomy/12.log"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return list(failures.explain(tmp_path, since))

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
def test_an_end_by_slurm_is_named_with_its_job_and_the_way_out(explained, text, words):
    (line,) = explained(text)
    assert line.startswith("SLURM job 12, evaluate (demo-small_astronomy), ")
    assert all(word in line for word in words)


def test_a_job_without_wildcards_is_named_by_its_rule(explained):
    (line,) = explained(CANCELLED, name="rule_merge/7.log")
    assert line.startswith("SLURM job 7, merge, was cancelled")


def test_a_program_that_failed_by_itself_is_not_explained(explained):
    assert explained("error: device 'cuda' was asked for and this machine has none\nsrun: error: node1: task 0: Exited\n") == []


def test_logs_of_earlier_runs_are_left_out(explained, tmp_path):
    assert explained(CANCELLED)
    (log,) = tmp_path.rglob("12.log")
    os.utime(log, (1000, 1000))
    assert list(failures.explain(tmp_path, 2000)) == []


def test_a_run_without_slurm_has_nothing_to_explain(tmp_path):
    assert list(failures.explain(tmp_path / "slurm_logs", 0)) == []

"""Failed jobs are summarized in one line. The texts are Snakemake's, SLURM's, Apptainer's and Python's own."""

import logging
import stat
from types import SimpleNamespace

import pytest
from mmlu_kit.jobs import log_messages
from mmlu_kit.jobs.failures import Failures
from mmlu_kit.user_errors import report

# slurmstepd 22.05 without control groups (seen on the cluster of tests/cluster), and with them (SLURM's documentation).
OVER_MEMORY = """\
slurmstepd-node1: error: StepId=12.batch exceeded memory limit (174862336 > 62914560), being killed
slurmstepd-node1: error: Exceeded job memory limit
slurmstepd-node1: error: *** JOB 12 ON node1 CANCELLED AT 2026-11-25T15:33:23 ***
"""
OOM_KILLED = "slurmstepd: error: Detected 1 oom_kill event in StepId=12.0. Some of the step tasks have been OOM Killed.\n"
OVER_TIME = "slurmstepd-node1: error: *** JOB 12 ON node1 CANCELLED AT 2026-11-25T16:01:00 DUE TO TIME LIMIT ***\n"
CANCELLED = "slurmstepd-node1: error: *** JOB 12 ON node1 CANCELLED AT 2026-11-25T15:30:02 ***\n"
STATE = (
    "SLURM-job '12' failed, SLURM status is: '{}'. Detailed failure reason unavailable (status command is not 'sacct')."
    "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
)
SBATCH = (
    "SLURM sbatch failed. The error message was '{}'.\n    sbatch call:\n        sbatch --parsable --mem 1 --wrap=\"x\"\n"
    "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
)
ACCOUNT = (
    "Job submission failed with exception: The given account me appears to be invalid. Available accounts:\nroot, demo"
    "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
)
COMMAND = (
    'RuleException:\nCalledProcessError in file "/kit/evaluate.smk", line 72:\nCommand \'{}set -euo pipefail;  env -u HF_TOKEN '
    "python x > a.log 2>&1' returned non-zero exit status {}."
)


class Job(SimpleNamespace):
    """A failed job of rule `evaluate` with Snakemake's attributes."""

    def __init__(self, log, jobid=3, wildcards=("demo-small", "astronomy")):
        super().__init__(jobid=jobid, rule=SimpleNamespace(name="evaluate"), log=[str(log)], wildcards=wildcards)

    def is_group(self):
        return False


@pytest.fixture
def failures():
    return Failures()


@pytest.fixture
def fail(failures, tmp_path):
    """Let a job fail as Snakemake records it, and return it: what its log and its SLURM log hold, and what Snakemake says."""

    def call(text=None, slurm=None, message=None, exception=None, jobid=3, before=None):
        log, slurm_log = tmp_path / f"{jobid}.log", tmp_path / "slurm" / "12.log"
        if before is not None:
            log.write_text(before)
        record(failures, "job_info", jobid=jobid, log=[str(log)])
        if text is not None:
            log.write_text(text)
        if slurm is not None:
            slurm_log.parent.mkdir(exist_ok=True)
            slurm_log.write_text(slurm)
        if exception is not None:
            record(failures, "error", exception)
        on_slurm = slurm is not None or (message or "").startswith("SLURM-job")
        logs, aux = [str(log), *([str(slurm_log)] if on_slurm else [])], {"external_jobid": "12"} if on_slurm else {}
        record(failures, "job_error", jobid=jobid, rule_msg=message, log=logs, aux=aux)
        return Job(log, jobid)

    return call


def record(failures, event, text="", **values):
    record = logging.LogRecord("snakemake.logging", logging.ERROR, __file__, 1, text, None, None)
    vars(record).update(values, event=event)
    failures.handle(record)


@pytest.fixture
def line(failures, fail):
    """Let one job fail and return its only line."""

    def call(*texts, **fields):
        (line,) = failures.lines([fail(*texts, **fields)])
        return line

    return call


@pytest.mark.parametrize(
    ("text", "message", "words"),
    [
        (OVER_MEMORY, None, ["needed more memory than it had requested", "--set-resources evaluate:mem_mb=<megabytes>"]),
        (OOM_KILLED, None, ["needed more memory than it had requested", "--set-resources evaluate:mem_mb=<megabytes>"]),
        (OVER_TIME, None, ["longer than its time limit", "--set-resources evaluate:runtime=<minutes>"]),
        (CANCELLED, None, ["was cancelled: run again"]),
        (None, STATE.format("OUT_OF_MEMORY"), ["needed more memory", "mem_mb=<megabytes>"]),
        (None, STATE.format("TIMEOUT"), ["longer than its time limit"]),
        (None, STATE.format("NODE_FAIL"), ["lost its node: run again"]),
        (None, STATE.format("CANCELLED"), ["was cancelled: run again"]),
    ],
)
def test_a_job_killed_by_slurm_is_named_with_a_remedy(line, text, message, words):
    text = line("error: killed by signal 9\n", text, message)
    assert text.startswith("SLURM job 12, evaluate (demo-small_astronomy), ")
    assert all(word in text for word in [*words, "; scored batches are kept"])


def test_words_of_a_program_are_not_taken_for_slurms(line, tmp_path):
    quoted = "RuntimeError: CUDA out of memory\nsrun: error: node1: task 0: Exited with exit code 2\n"
    message = line("error: the GPU is out of memory\n", quoted, STATE.format("FAILED"))
    assert message == f"evaluate failed, see {tmp_path / '3.log'}: the GPU is out of memory"


@pytest.mark.parametrize(
    ("message", "words", "advice"),
    [
        (
            SBATCH.format(
                "sbatch: error: invalid partition specified: nowhere\n"
                "sbatch: error: Batch job submission failed: Invalid partition name specified"
            ),
            "invalid partition specified: nowhere; Batch job submission failed: Invalid partition name specified",
            "--set-resources evaluate:slurm_partition=<partition>, or the same in profiles/slurm/config.yaml",
        ),
        (
            SBATCH.format(
                "sbatch: error: Memory specification can not be satisfied\n"
                "sbatch: error: Batch job submission failed: Requested node configuration is not available"
            ),
            "Memory specification can not be satisfied; Batch job submission failed: "
            "Requested node configuration is not available",
            "--set-resources evaluate:mem_mb=<megabytes>",
        ),
        (
            SBATCH.format("sbatch: error: Batch job submission failed: Requested time limit is invalid (missing)"),
            "Batch job submission failed: Requested time limit is invalid (missing)",
            "--set-resources evaluate:runtime=<minutes>",
        ),
        (
            SBATCH.format("sbatch: error: Batch job submission failed: Invalid generic resource (gres) specification"),
            "Batch job submission failed: Invalid generic resource (gres) specification",
            "`sinfo -Nl`): --set-resources evaluate:<mem_mb, runtime, gpu or slurm_partition>=<value>",
        ),
        (
            ACCOUNT,
            "The given account me appears to be invalid. Available accounts: root, demo",
            "--set-resources evaluate:slurm_account=<account>",
        ),
        (
            SBATCH.format(
                "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"
            ),
            "Batch job submission failed: Invalid account or account/partition combination specified",
            "--set-resources evaluate:slurm_account=<account>",
        ),
        (
            SBATCH.format("sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)"),
            "Batch job submission failed: Job violates accounting/QOS policy (job submit limit)",
            "submit fewer jobs at a time (--jobs)",
        ),
        (SBATCH.format("/bin/sh: 1: sbatch: not found"), "/bin/sh: 1: sbatch: not found", "run again where and when SLURM"),
    ],
)
def test_a_job_refused_by_slurm_gets_its_words_and_what_to_change(line, message, words, advice):
    text = line(message=message)
    assert text.startswith(f"evaluate (demo-small_astronomy) did not begin: SLURM refused it: {words}: ")
    assert advice in text and "For further" not in text and "--wrap" not in text


def test_a_job_that_may_not_use_what_it_was_given_gets_sruns_words(line):
    slurm = (
        "srun: error: Unable to create step for job 12: Invalid generic resource (gres) specification\n[Fri Nov 27]\nError in\n"
    )
    text = line("", slurm, STATE.format("FAILED"))
    assert "SLURM refused it: Unable to create step for job 12: Invalid generic resource (gres) specification: request" in text


def test_jobs_refused_for_the_same_reason_share_a_line(failures, fail):
    jobs = [fail(message=ACCOUNT, jobid=n) for n in range(5)]
    (line,) = failures.lines(jobs)
    assert line.startswith("evaluate (demo-small_astronomy, demo-small_astronomy, demo-small_astronomy, 2 more) did not begin")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Loading m …\nerror: no such device\n", "no such device"),
        ("error: no such device:\n  cuda:7\nInstall one.\n", "no such device: cuda:7 Install one."),
        (
            "error: no such device\nException ignored in: <f>\nTraceback (most recent call last):\nKeyError: 1\n",
            "no such device",
        ),
        ("error: a: too long\n Result: 1/4 correct = 25.00%   # b\n", "a: too long"),
        ("error: a: too long\nerror: b: too long\n", "b: too long (1 more error in the log)"),
        ("Traceback (most recent call last):\n  File x\nKeyError: 'a'\n\n", "KeyError: 'a'"),
        (
            "Traceback (most recent call last):\n  File x\n    f()\n    ^^^\nRuntimeError: sizes\n\tof a: [2]\n  given\n",
            "RuntimeError: sizes of a: [2] given",
        ),
        (
            "Traceback (most recent call last):\n  File x\nKeyError: 1\n\nDuring handling of the above exception, another "
            "exception occurred:\n\nTraceback (most recent call last):\n  File y\nValueError: two\nlines\n",
            "ValueError: two lines",
        ),
        ("error: one subject\nTraceback (most recent call last):\n  File x\nKeyError: 'bug'\n", "KeyError: 'bug'"),
        ("usage: evaluate.py\nevaluate.py: error: --x is unknown\n", "evaluate.py: error: --x is unknown"),
        ("error: a \x1b[31mred\x1b[0m name\n", "a ␛[31mred␛[0m name"),
        (f"error: {'long ' * 200}\n", f"{('long ' * 100).strip()} … (cut after 500 characters)"),
    ],
)
def test_a_failed_job_is_listed_with_its_log_and_its_whole_last_message(line, tmp_path, text, message):
    assert line(text) == f"evaluate failed, see {tmp_path / '3.log'}: {message}"


@pytest.mark.parametrize(
    ("text", "exception", "message"),
    [
        ("Loading m …\n", COMMAND.format("", 139), "killed by SIGSEGV; the last line of the log: Loading m …"),
        ("error: killed by signal 9\n", COMMAND.format("", 137), "killed by signal 9"),
        ("", COMMAND.format("", 137), "killed by SIGKILL, most likely for lack of memory before it wrote anything: run again"),
        (None, COMMAND.format("", 1), "ended with exit status 1 and wrote nothing"),
        (None, None, "ended and wrote nothing: run again to resume"),
        (None, "OSError: [Errno 28] No space left on device: 'x'", "OSError: [Errno 28] No space left on device: 'x'"),
    ],
)
def test_a_job_without_a_message_is_listed_with_its_end(line, text, exception, message):
    assert line(text, exception=exception).partition(".log: ")[2].startswith(message)


def test_the_log_of_an_earlier_run_explains_nothing(line):
    assert line(before="error: of yesterday\n", exception=COMMAND.format("", 1)).endswith("the disk of its log may be full")


def test_snakemakes_error_on_a_node_is_shown(line, tmp_path):
    slurm = (
        'Building DAG of jobs...\nWorkflowError in file "/kit/common.smk", line 140:\nconfig: there is no image\n  File "a"\n'
        "srun: error: vm: task 0: Exited with exit code 1\nWorkflowError:\nAt least one job did not complete successfully.\n"
    )
    text = line("", slurm, STATE.format("FAILED"))
    assert text.startswith(f"evaluate failed, see {tmp_path / 'slurm/12.log'}: WorkflowError in file ")
    assert text.endswith("line 140: config: there is no image")


@pytest.mark.parametrize(
    ("words", "message", "advice"),
    [
        (
            "INFO:    fuse2fs not found\nFATAL:   container creation failed: image driver exited: Something went wrong.",
            "container creation failed: image driver exited: Something went wrong",
            "i/cpu.sif is damaged or incomplete: build or copy it again",
        ),
        (
            "FATAL:   While checking container encryption: could not open image /i/cpu.sif: image format not recognized",
            "While checking container encryption: could not open image /i/cpu.sif: image format not recognized",
            "i/cpu.sif is damaged or incomplete: build or copy it again",
        ),
        (
            "FATAL:   mount hook function failure: while mounting /x: mount source /x doesn't exist",
            "mount hook function failure: while mounting /x: mount source /x doesn't exist",
            "create that folder, or take it out of APPTAINER_BIND and --apptainer-args",
        ),
        (
            "INFO   : ask\n\x1b[91mERROR  : Failed to create user namespace: maximum number exceeded\x1b[0m",
            "Failed to create user namespace: maximum number exceeded",
            "ask the machine's administrator for user namespaces",
        ),
    ],
)
@pytest.mark.parametrize("on_slurm", [True, False])
def test_a_container_that_does_not_start_is_said_with_its_own_words(line, tmp_path, words, message, advice, on_slurm):
    """On a node its words are in SLURM's log; on this machine the same container is started again."""
    binary = tmp_path / "apptainer"
    binary.write_text(f'#!/bin/sh\n[ "$3$4$5" = \'/a b--nvi/cpu.sif\' ] && [ "$6" = true ] && printf \'%s\\n\' "{words}" >&2\n')
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    command = COMMAND.format(f" {binary}  exec --home '/a b' --nv i/cpu.sif bash -c '", 255)
    text = line("", f"{words}\n{command}", STATE.format("FAILED")) if on_slurm else line("", exception=command)
    assert text.startswith(f"evaluate (demo-small_astronomy) did not begin: its container failed: {message}")
    assert text.endswith(advice) or advice in text


def test_a_program_in_a_container_that_starts_failed_by_itself(line, tmp_path):
    binary = tmp_path / "apptainer"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    text = line("", exception=COMMAND.format(f" {binary}  exec --home '/a' i/cpu.sif bash -c '", 1))
    assert "ended with exit status 1 and wrote nothing" in text


def test_jobs_of_a_group_are_listed_each(failures, tmp_path):
    jobs = [Job(tmp_path / f"{n}.log", n) for n in (1, 2)]
    infos = [{"jobid": job.jobid} for job in jobs]
    record(failures, "group_error", job_error_info=infos, aux_logs=[str(tmp_path / "12.log")], external_jobid="12")
    (tmp_path / "12.log").write_text(OVER_TIME)
    for job in jobs:
        record(failures, "job_error", jobid=job.jobid, rule_msg=None, log=[], aux={})
    lines = list(failures.lines([SimpleNamespace(jobs=jobs, is_group=lambda: True)]))
    assert len(lines) == 2 and all("took longer than its time limit" in line for line in lines)


def test_only_the_end_of_a_large_log_is_read(tmp_path):
    (tmp_path / "log").write_text("x\n" * 1_000_000 + "error: at last\n")
    assert log_messages.last_message(log_messages.read(tmp_path / "log")) == "at last"


def test_a_users_mistake_is_one_line(capsys):
    assert report("m: no such file:\n  a\n  b") == 2
    assert capsys.readouterr().err == "error: m: no such file: a b\n"

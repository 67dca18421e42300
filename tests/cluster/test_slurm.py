"""The smoke study on a real SLURM, with every job in the CPU image: resources, killed jobs, and the messages on them."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
import yaml

from tests.conftest import TOKEN, copy_of_the_workflow, no_file_holds

pytestmark = pytest.mark.cluster
# demo-medium asks for a GPU, which this cluster only has on paper: the job gets one and finds no device behind it.
ON_GPU = {"models": {"demo-medium": {"device": "cuda", "on_unavailable": "fallback"}}, "images": {"cuda": "images/cpu.sif"}}
# Ask soon and often: these jobs take seconds.
SOON = [
    *("--latency-wait", "5"),
    *("--slurm-init-seconds-before-status-checks", "3"),
    *("--seconds-between-status-checks", "3"),
]


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Skips if no SLURM answers."""
    if not shutil.which("sbatch") or subprocess.run(["sinfo", "--noheader"], capture_output=True).returncode:
        pytest.skip("no SLURM cluster answers here (sinfo)")


@pytest.fixture
def on_slurm(tmp_path, snakemake, cpu_image):
    """A folder, and a function that runs the smoke study there with the SLURM profile: (the completed process, its jobs)."""
    folder = copy_of_the_workflow(tmp_path / "kit")
    (folder / "images").mkdir()
    (folder / "images/cpu.sif").symlink_to(cpu_image)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(ON_GPU))
    environment = {"APPTAINER_USERNS": os.environ.get("APPTAINER_USERNS", "1"), "HF_TOKEN": TOKEN}
    arguments = ["--profile", "profiles/slurm", "--configfile", tmp_path / "mine.yaml", "--config", "study=smoke", *SOON]

    def call(*more):
        process = snakemake(folder, *arguments, *more, env=environment)
        return process, jobs(re.search(r"SLURM run ID: (\S+)", process.stderr))

    return folder, call


def jobs(run):
    """What sacct knows of the jobs of a run, which have its number for a name: a list of dicts."""
    fields = ["JobID", "State", "ReqTRES", "SubmitLine"]
    command = [
        "sacct",
        "--allocations",
        "--parsable2",
        "--noheader",
        f"--name={run[1]}",
        "--starttime=now-1days",
        f"--format={','.join(fields)}",
    ]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [dict(zip(fields, line.split("|", len(fields) - 1), strict=True)) for line in lines]


def evaluations(folder):
    return {path.relative_to(folder): path.read_bytes() for path in (folder / "results/smoke/evaluations").rglob("*.json")}


def running(subject):
    """Return the running SLURM job that evaluates a subject with demo-small, or None."""
    listed = subprocess.run(["squeue", "--noheader", "--format=%i %T %k"], capture_output=True, text=True).stdout
    found = re.search(rf"^(\d+) RUNNING .*evaluate.*demo-small.*{subject}", listed, re.M)
    return found and found[1]


def scorer(folder, subject):
    """The process that scores a subject in `folder`, or None: the program itself, not its shells, and no other run's."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words, place = (process / "cmdline").read_bytes().decode().split("\0"), (process / "cwd").readlink()
        except (OSError, UnicodeDecodeError):
            continue
        if place == folder and words[1:2] == ["workflow/scripts/evaluate.py"] and f"demo-small/{subject}.time" in words:
            return int(process.name)
    return None


def wait_for(find, *arguments):
    """Wait up to two minutes until `find` returns something, and return it."""
    end = time.monotonic() + 120
    while not (found := find(*arguments)):
        assert time.monotonic() < end, (find, arguments)
        time.sleep(0.05)
    return found


def in_background(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_slurm_jobs_get_the_resources_that_their_models_need(on_slurm):
    folder, run = on_slurm
    process, found = run("--verbose", "--slurm-keep-successful-logs")
    assert process.returncode == 0, process.stdout + process.stderr
    assert {job["State"] for job in found} == {"COMPLETED"}
    on_gpu = [job for job in found if "gres/gpu=1" in job["ReqTRES"]]
    assert len(on_gpu) == 2  # the two evaluations of demo-medium
    assert all(" --gpus=1 " in job["SubmitLine"] and "--gres" not in job["SubmitLine"] for job in on_gpu)
    assert "Provided resources:" not in process.stderr  # the login node's memory and GPU limit nothing
    assert len(evaluations(folder)) == 4
    report = (folder / "results/smoke/report.md").read_text()
    assert "demo-medium (cpu instead of cuda)" in report and "| apptainer |" in report
    assert len(list((folder / ".snakemake/slurm_logs").rglob("*.log"))) == len(found)
    assert TOKEN not in process.stdout + process.stderr
    no_file_holds(TOKEN, folder)
    second, _ = run()
    assert "Nothing to be done" in second.stdout + second.stderr


def test_gpus_are_requested_with_gres_where_a_cluster_wants_that(on_slurm):
    _, run = on_slurm
    resources = ["--default-resources", "mem_mb=4000", "runtime=30", "gpus_by_gres=1"]
    process, (job,) = run("results/smoke/evaluations/demo-medium/astronomy.json", *resources)
    assert process.returncode == 0, process.stdout + process.stderr
    assert " --gres=gpu:1 " in job["SubmitLine"] and "--gpus" not in job["SubmitLine"]
    assert job["State"] == "COMPLETED" and "gres/gpu=1" in job["ReqTRES"]


def test_jobs_cancelled_or_out_of_time_are_retried_with_the_same_results(on_slurm, tmp_path, snakemake):
    folder, run = on_slurm
    ended = {}

    def cancel():
        """Cancel one job with scancel while its program runs."""
        wait_for(scorer, folder, "astronomy")
        ended["cancelled"] = running("astronomy")
        subprocess.run(["scancel", ended["cancelled"]], check=True)

    def exhaust():
        """Stop another job's program and lower the job's time limit."""
        os.kill(wait_for(scorer, folder, "business_ethics"), signal.SIGSTOP)
        ended["out of time"] = running("business_ethics")
        subprocess.run(["scontrol", "update", f"jobid={ended['out of time']}", "TimeLimit=00:00:01"], check=True)

    threads = [in_background(cancel), in_background(exhaust)]
    process, found = run("--until", "evaluate")
    for thread in threads:
        thread.join()
    assert process.returncode == 0, process.stdout + process.stderr
    states = {job["JobID"]: job["State"] for job in found}
    assert states[ended["cancelled"]].startswith("CANCELLED by") and states[ended["out of time"]] == "TIMEOUT"
    output = process.stdout + process.stderr
    assert f"SLURM-job '{ended['cancelled']}' failed, SLURM status is: 'CANCELLED'" in output
    assert f"SLURM-job '{ended['out of time']}' failed, SLURM status is: 'TIMEOUT'" in output
    native = copy_of_the_workflow(tmp_path / "native")
    assert snakemake(native, "--cores", "all", "--config", "study=smoke", "--until", "evaluate").returncode == 0
    made = {path: data for path, data in evaluations(folder).items() if "demo-small" in str(path)}
    assert len(made) == 2
    assert all(data == (native / path).read_bytes() for path, data in made.items())


def test_jobs_killed_or_refused_by_slurm_are_reported_with_a_remedy(on_slurm):
    folder, run = on_slurm
    process, found = run("--retries", "0", "--set-resources", "evaluate:mem_mb=200", "--quiet")
    assert process.returncode == 1
    failed = {job["JobID"] for job in found if job["State"] in ("OUT_OF_MEMORY", "FAILED")}
    lines = re.findall(
        r"^error: SLURM job (\d+), evaluate \((.*)\), needed more memory than it had requested: .*", process.stderr, re.M
    )
    assert {job for job, _ in lines} == failed and len(lines) == len(failed) == 4, process.stderr
    assert "--set-resources evaluate:mem_mb=<megabytes>; scored batches are kept" in process.stderr
    process, found = run("--set-resources", "evaluate:slurm_partition=nowhere")
    assert process.returncode == 1 and not found
    (line,) = re.findall(r"^error: .*", process.stderr, re.M)
    assert line.startswith("error: evaluate (") and " 1 more) did not begin: SLURM refused it: " in line
    assert "invalid partition specified: nowhere" in line
    assert "--set-resources evaluate:slurm_partition=<partition>, or the same in profiles/slurm/config.yaml" in line
    assert not evaluations(folder)

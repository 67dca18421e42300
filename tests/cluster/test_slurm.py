"""The smoke study on a real SLURM, every job in the CPU image, with the resources that its models ask for."""

import os
import shutil
import subprocess
import time

import pytest
import yaml

from tests.conftest import copy_of_the_workflow

pytestmark = pytest.mark.cluster
# demo-medium asks for a GPU, which this cluster only has on paper: the job gets one and finds no device behind it.
ON_GPU = {"models": {"demo-medium": {"device": "cuda", "on_unavailable": "fallback"}}, "images": {"cuda": "images/cpu.sif"}}


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Skips where no SLURM answers."""
    if not shutil.which("sbatch") or subprocess.run(["sinfo", "--noheader"], capture_output=True).returncode:
        pytest.skip("no SLURM cluster answers here (sinfo)")


@pytest.fixture
def on_slurm(tmp_path, snakemake, cpu_image):
    """Run the smoke study with the SLURM profile: (the folder, the completed process, the jobs' names in SLURM)."""
    folder = copy_of_the_workflow(tmp_path / "kit")
    (folder / "images").mkdir()
    (folder / "images/cpu.sif").symlink_to(cpu_image)
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(ON_GPU))
    environment = {"APPTAINER_USERNS": os.environ.get("APPTAINER_USERNS", "1")}
    arguments = ["--profile", "profiles/slurm", "--configfile", tmp_path / "mine.yaml", "--config", "study=smoke"]
    # Ask soon and often: these jobs take seconds.
    arguments += [
        "--latency-wait",
        "5",
        "--slurm-init-seconds-before-status-checks",
        "3",
        "--seconds-between-status-checks",
        "3",
    ]

    def call(*more):
        began = time.strftime("%Y-%m-%dT%H:%M:%S")
        process = snakemake(folder, *arguments, *more, env=environment)
        return process, jobs(began)

    return folder, call


def jobs(began):
    """What sacct knows of the jobs begun since: a list of dicts."""
    fields = ["JobID", "State", "ReqTRES"]
    command = ["sacct", "--allocations", "--parsable2", "--noheader", "--starttime", began, f"--format={','.join(fields)}"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return [dict(zip(fields, line.split("|"), strict=True)) for line in lines]


def evaluations(folder):
    return {path.relative_to(folder): path.read_bytes() for path in (folder / "results/smoke/evaluations").rglob("*.json")}


def test_the_study_runs_with_the_resources_that_its_models_ask_for(on_slurm):
    folder, run = on_slurm
    process, found = run()
    assert process.returncode == 0, process.stdout + process.stderr
    assert {job["State"] for job in found} == {"COMPLETED"}
    on_gpu = [job for job in found if "gres/gpu=1" in job["ReqTRES"]]
    assert len(on_gpu) == 2  # the two evaluations of demo-medium
    assert len(evaluations(folder)) == 4
    report = (folder / "results/smoke/report.md").read_text()
    assert "demo-medium (cpu instead of cuda)" in report and "| apptainer |" in report
    second, _ = run()
    assert "Nothing to be done" in second.stdout + second.stderr

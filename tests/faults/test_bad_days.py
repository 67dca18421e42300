"""The smoke study under faults, as users see them: nothing is lost, and no result is wrong."""

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import copy_of_the_workflow

pytestmark = pytest.mark.faults
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
SMOKE = ("--cores", "2", "--config", "study=smoke")


def evaluations(folder):
    made = folder / "results/smoke/evaluations"
    return {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*.json")}


def failed_line(process, *words):
    """Return the only `error:` line of a failed run, and check that it contains the words."""
    assert process.returncode != 0
    lines = [line.strip() for line in (process.stdout + process.stderr).splitlines() if line.strip().startswith("error: ")]
    assert lines and "Traceback" not in process.stdout + process.stderr, process.stdout + process.stderr
    for word in words:
        assert any(word in line for line in lines), lines


def test_paths_with_spaces_and_non_latin_letters_work(smoke, snakemake, tmp_path):
    folder = copy_of_the_workflow(tmp_path / "my kit – größe 質問 'quoted' $HOME")
    process = snakemake(folder, *SMOKE)
    assert process.returncode == 0, process.stdout + process.stderr
    assert len(evaluations(folder)) == 4 and evaluations(folder) == evaluations(smoke)
    report = (folder / "results/smoke/report.md").read_text()
    assert "Smoke study" in report and str(folder) not in report


def test_kills_of_snakemake_and_its_jobs_change_no_result(root, smoke):
    command = [sys.executable, root / "tests/faults/kill_runs.py", "--kills", "2", "--undisturbed", smoke]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.splitlines()[-1].startswith("2 kills (")


def test_a_second_simultaneous_run_is_refused(smoke, workflow_copy):
    command = [str(Path(sys.executable).with_name("snakemake")), *SMOKE, "--until", "evaluate"]
    first = subprocess.Popen(command, cwd=workflow_copy, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(workflow_copy.glob("results/smoke/logs/evaluate/*/*.log")):
        assert first.poll() is None
        time.sleep(0.02)
    second = subprocess.run(command, cwd=workflow_copy, env=ENVIRONMENT, capture_output=True, text=True)
    assert second.returncode != 0 and "--unlock" in second.stdout + second.stderr
    assert first.wait() == 0
    assert evaluations(workflow_copy) == evaluations(smoke)


def test_a_damaged_evaluation_is_named_and_rerun(smoke_copy, smoke, snakemake):
    damaged = smoke_copy / "results/smoke/evaluations/demo-small/astronomy.json"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    process = snakemake(smoke_copy, *SMOKE)
    assert process.returncode != 0
    assert "evaluations/demo-small/astronomy.json was changed after the run that made it" in process.stdout + process.stderr
    damaged.unlink()
    assert snakemake(smoke_copy, *SMOKE).returncode == 0
    assert evaluations(smoke_copy) == evaluations(smoke)


def test_a_manually_changed_answer_is_named_with_its_question(smoke_copy, smoke, snakemake):
    path = smoke_copy / "results/smoke/evaluations/demo-small/astronomy.json"
    evaluation = json.loads(path.read_text())
    wrong = next(record for record in evaluation["records"] if not record["correct"])
    wrong.update(predicted=wrong["gold"], correct=True)
    path.write_text(json.dumps(evaluation))
    (smoke_copy / "results/smoke/provenance.json").unlink()  # with the hash of the file before
    process = snakemake(smoke_copy, *SMOKE)
    where = (
        f"astronomy.json: not a valid evaluation file at records.{wrong['index']}: predicted is not the most probable letter"
    )
    failed_line(process, where)
    path.unlink()
    assert snakemake(smoke_copy, *SMOKE, "--until", "evaluate").returncode == 0
    assert evaluations(smoke_copy) == evaluations(smoke)


def test_a_changed_weight_with_unchanged_date_and_size_is_detected(smoke_copy, smoke, snakemake):
    weights = smoke_copy / "workflow/demo/models/demo-small/model.safetensors"
    right, then = weights.read_bytes(), weights.stat()
    weights.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    os.utime(weights, ns=(then.st_atime_ns, then.st_mtime_ns))
    for name in ("evaluations/demo-small/astronomy.json", "merged.json"):
        (smoke_copy / "results/smoke" / name).unlink()
    failed_line(snakemake(smoke_copy, *SMOKE), "demo-small: model.safetensors was changed after", ".json was written")
    weights.write_bytes(right)
    os.utime(weights, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert snakemake(smoke_copy, *SMOKE, "--until", "evaluate").returncode == 0
    assert evaluations(smoke_copy) == evaluations(smoke)


def test_low_memory_fails_cleanly_or_changes_nothing(smoke, workflow_copy):
    """Snakemake itself and every job under `ulimit -v`."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    command = [str(Path(sys.executable).with_name("snakemake")), *SMOKE, "--until", "evaluate"]
    process = subprocess.run(command, cwd=workflow_copy, env=ENVIRONMENT, capture_output=True, text=True, preexec_fn=limit)
    assert process.returncode == 0 or "error: " in process.stdout + process.stderr, process.stderr
    for name, data in evaluations(workflow_copy).items():
        assert data == evaluations(smoke)[name]

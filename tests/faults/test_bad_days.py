"""The smoke study under faults, as users see them: nothing is lost, and no result is wrong."""

import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import copy_of_the_workflow

pytestmark = pytest.mark.faults
ENVIRONMENT = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
SMOKE = ("--cores", "2", "--config", "study=smoke")


def evaluations(folder):
    made = folder / "results/smoke/evaluations"
    return {str(path.relative_to(made)): path.read_bytes() for path in made.rglob("*.json")}


@pytest.fixture(scope="module")
def done(tmp_path_factory, snakemake):
    """A folder in which the smoke study ran undisturbed; its name has spaces and non-Latin letters."""
    folder = copy_of_the_workflow(tmp_path_factory.mktemp("bad days") / "my kit – größe 質問 'quoted' $HOME")
    process = snakemake(folder, *SMOKE)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


@pytest.fixture
def copy(done, tmp_path):
    """A copy of that folder to damage; file dates are kept."""
    return Path(shutil.copytree(done, tmp_path / "kit", symlinks=True))


def failed_line(process, *words):
    """Return the only `error:` line of a failed run, and check that it contains the words."""
    assert process.returncode != 0
    lines = [line.strip() for line in (process.stdout + process.stderr).splitlines() if line.strip().startswith("error: ")]
    assert lines and "Traceback" not in process.stdout + process.stderr, process.stdout + process.stderr
    for word in words:
        assert any(word in line for line in lines), lines


def test_paths_with_spaces_and_non_latin_letters_work(done, workflow_copy, snakemake):
    process = snakemake(workflow_copy, *SMOKE, "--until", "evaluate")
    assert process.returncode == 0, process.stdout + process.stderr
    assert len(evaluations(done)) == 4 and evaluations(done) == evaluations(workflow_copy)
    report = (done / "results/smoke/report.md").read_text()
    assert "Smoke study" in report and str(done) not in report


def test_kills_of_snakemake_and_its_jobs_change_no_result(root):
    process = subprocess.run(
        [sys.executable, root / "tests/faults/kill_runs.py", "--kills", "2"], capture_output=True, text=True
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.splitlines()[-1].startswith("2 kills (")


def test_a_second_simultaneous_run_is_refused(done, workflow_copy, root):
    command = [str(Path(sys.executable).with_name("snakemake")), *SMOKE, "--until", "evaluate"]
    first = subprocess.Popen(command, cwd=workflow_copy, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not list(workflow_copy.glob("results/smoke/logs/evaluate/*/*.log")):
        assert first.poll() is None
    second = subprocess.run(command, cwd=workflow_copy, env=ENVIRONMENT, capture_output=True, text=True)
    assert second.returncode != 0 and "--unlock" in second.stdout + second.stderr
    assert first.wait() == 0
    assert evaluations(workflow_copy) == evaluations(done)


def test_a_damaged_evaluation_is_named_and_rerun(copy, done, snakemake):
    damaged = copy / "results/smoke/evaluations/demo-small/astronomy.json"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    process = snakemake(copy, *SMOKE)
    assert process.returncode != 0
    assert "evaluations/demo-small/astronomy.json was changed after the run that made it" in process.stdout + process.stderr
    damaged.unlink()
    assert snakemake(copy, *SMOKE).returncode == 0
    assert evaluations(copy) == evaluations(done)


def test_a_manually_changed_answer_is_named_with_its_question(copy, done, snakemake):
    path = copy / "results/smoke/evaluations/demo-small/astronomy.json"
    evaluation = json.loads(path.read_text())
    wrong = next(record for record in evaluation["records"] if not record["correct"])
    wrong.update(predicted=wrong["gold"], correct=True)
    path.write_text(json.dumps(evaluation))
    (copy / "results/smoke/provenance.json").unlink()  # with the hash of the file before
    process = snakemake(copy, *SMOKE)
    where = (
        f"astronomy.json: not a valid evaluation file at records.{wrong['index']}: predicted is not the most probable letter"
    )
    failed_line(process, where)
    path.unlink()
    assert snakemake(copy, *SMOKE).returncode == 0
    assert evaluations(copy) == evaluations(done)


def test_a_changed_weight_with_unchanged_date_and_size_is_detected(copy, done, snakemake):
    weights = copy / "workflow/demo/models/demo-small/model.safetensors"
    right, then = weights.read_bytes(), weights.stat()
    weights.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
    os.utime(weights, ns=(then.st_atime_ns, then.st_mtime_ns))
    for name in ("evaluations/demo-small/astronomy.json", "merged.json"):
        (copy / "results/smoke" / name).unlink()
    failed_line(snakemake(copy, *SMOKE), "demo-small: model.safetensors was changed after", ".json was written")
    weights.write_bytes(right)
    os.utime(weights, ns=(then.st_atime_ns, then.st_mtime_ns))
    assert snakemake(copy, *SMOKE).returncode == 0
    assert evaluations(copy) == evaluations(done)


def test_low_memory_fails_cleanly_or_changes_nothing(done, workflow_copy):
    """Snakemake itself and every job under `ulimit -v`."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    command = [str(Path(sys.executable).with_name("snakemake")), *SMOKE, "--until", "evaluate"]
    process = subprocess.run(command, cwd=workflow_copy, env=ENVIRONMENT, capture_output=True, text=True, preexec_fn=limit)
    assert process.returncode == 0 or "error: " in process.stdout + process.stderr, process.stderr
    for name, data in evaluations(workflow_copy).items():
        assert data == evaluations(done)[name]

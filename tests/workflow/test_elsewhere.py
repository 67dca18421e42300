"""The kit in a read-only folder, used from other working directories and as a module of another workflow."""

import json
import os
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.conftest import USER, copy_of_the_workflow, under_git
from tests.helpers.reports import planned
from tests.workflow.conftest import can_unshare

# Another study, with weights of this folder under the name of a model of the kit.
CONFIG = """
models:
  demo-small: {path: weights/mine, threads: 1}
studies:
  local:
    title: Local
    questions: demo
    subjects: [astronomy]
    groups:
      small: {title: Small, models: [demo-small]}
"""
MODULE = """
module kit:
    snakefile: SOURCE
    config: {"study": "smoke"}

use rule * from kit as kit_*
"""
EVALUATION = "evaluations/demo-small/astronomy.json"
# Run a job as on a node without a shared disk: in an empty folder, with the kit's folder out of sight.
SUBMIT = """
node=$(mktemp -d NODES/XXXXXX)
mkdir $node/empty $node/work
cp "$1" $node/job
cd $node/work
unshare --map-root-user --mount sh -c 'mount --bind ../empty KIT && sh ../job' >$node/log 2>&1 &&
    echo success >$node/status || echo failed >$node/status
echo $node
"""


@pytest.fixture(scope="module")
def kit_folder(tmp_path_factory) -> Path:
    """A copy of the kit whose path the shell and Snakemake could misread, and which holds a user's name."""
    return copy_of_the_workflow(tmp_path_factory.mktemp(USER) / 'the kit\'s "own" $HOME')


@pytest.fixture(scope="module")
def evaluation(run, root, kit_folder, tmp_path_factory) -> bytes:
    """The evaluation that the kit's own programs write."""
    folder = tmp_path_factory.mktemp("in_place")
    source = kit_folder / "workflow/demo"
    questions = folder / "astronomy.jsonl"
    source_of_questions = json.dumps({"path": str(source / "questions")})
    fetched = run("fetch_questions.py", "--source", source_of_questions, "--subject", "astronomy", "--output", questions)
    assert fetched.returncode == 0, fetched.stderr
    evaluated = run("evaluate.py", "--model", source / "models/demo-small", "--name", "demo-small", "--questions", questions,
                    "--threads", "1", "--evaluations", folder)  # fmt: skip
    assert evaluated.returncode == 0, evaluated.stderr
    return (folder / "astronomy.json").read_bytes()


@pytest.fixture
def read_only(kit_folder) -> str:
    """A shell command that makes the kit's folder read-only, where this system allows it."""
    folder = shlex.quote(str(kit_folder))
    return f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}" if can_unshare() else "true"


def no_result_names(secret: str, folder: Path) -> None:
    """Check that no result but logs holds the secret."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "logs" not in path.parts]
    assert paths
    assert [path for path in paths if secret.encode() in path.read_bytes()] == []


def test_another_working_directory_extends_the_config(kit_folder, snakemake, read_only, evaluation, tmp_path):
    shutil.copytree(kit_folder / "workflow/demo/models/demo-small", tmp_path / "weights/mine")
    (tmp_path / "config.yaml").write_text(CONFIG)
    arguments = ["-s", os.path.relpath(kit_folder / "Snakefile", tmp_path), "-d", ".", "--cores", "2"]
    arguments += ["results/local/merged.json", "--config", "study=local"]
    process = snakemake(tmp_path, *arguments, before=read_only)
    assert process.returncode == 0, process.stdout + process.stderr
    results = tmp_path / "results/local"
    assert (results / EVALUATION).read_bytes() == evaluation
    no_result_names(USER, results)
    again = snakemake(tmp_path, *arguments, before=read_only)
    assert "Nothing to be done" in again.stderr, again.stderr


def test_the_kit_is_a_module_of_another_workflow(kit_folder, snakemake, read_only, evaluation, tmp_path):
    (tmp_path / "kit").symlink_to(kit_folder)
    (tmp_path / "Snakefile").write_text(MODULE.replace("SOURCE", '"kit/Snakefile"'))
    results = tmp_path / "results/smoke"
    process = snakemake(tmp_path, "--cores", "2", f"results/smoke/{EVALUATION}", before=read_only)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "kit_evaluate" in process.stderr
    assert (results / EVALUATION).read_bytes() == evaluation
    no_result_names(USER, results)
    again = snakemake(tmp_path, "--cores", "2", f"results/smoke/{EVALUATION}", before=read_only)
    assert "Nothing to be done" in again.stderr, again.stderr


def test_two_modules_with_the_same_models_fetch_them_once(workflow_copy, snakemake, tmp_path):
    one = MODULE.replace("SOURCE", f'"{workflow_copy}/Snakefile"')
    other = one.replace("kit", "other").replace(f"{tmp_path}/other", f"{tmp_path}/kit").replace("smoke", "demo")
    workflow = tmp_path / "Snakefile"
    workflow.write_text(f"{one}{other}")
    jobs = planned(snakemake, tmp_path, "--", "results/smoke/merged.json", "results/demo/merged.json")
    fetched = {name: count for name, count in jobs.items() if "_fetch_" in name}
    assert fetched == {"kit_fetch_model": 2, "kit_fetch_questions": 2, "other_fetch_model": 6, "other_fetch_questions": 8}
    weights = "workflow/demo/models/demo-medium"
    workflow.write_text(f"{one}{other}".replace('"demo"', f'"demo", "models": {{"demo-small": {{"path": "{weights}"}}}}'))
    process = snakemake(tmp_path, "--cores", "1", "--dry-run")
    line = (
        'two modules would make resources/models/demo-small@local.json from {"path": "kit/workflow/demo/models/demo-small"} '
        'and from {"path": "kit/'
    )
    assert process.returncode == 1 and line in process.stdout


@pytest.fixture
def storage() -> list[str]:
    """Arguments of snakemake for files in a storage named `bucket`; skips if its plugin is missing."""
    pytest.importorskip("snakemake_storage_plugin_fs")
    arguments = ["--shared-fs-usage", "none", "--default-storage-provider", "fs", "--default-storage-prefix"]
    return [*arguments, "bucket"]


def test_commands_name_results_only_by_their_copies_of_the_storage(workflow_copy, snakemake, storage):
    process = snakemake(workflow_copy, "--cores", "8", "--dry-run", "--printshellcmds", *storage)
    assert process.returncode == 0, process.stdout + process.stderr
    commands = re.findall(r"^Shell command: (.*)", process.stdout, re.M)
    assert len(commands) > 60
    names = {name for command in commands for name in re.findall(r"[\w./@-]*(?:results|resources)/[\w./@-]*", command)}
    elsewhere = {name for name in names if not name.startswith(".snakemake/storage/fs/bucket/re")}
    # Journals of unfinished evaluations stay on the machine of the job.
    assert {Path(name).parts[:3] for name in elsewhere} == {("results", "demo", "journals")}


@pytest.mark.usefixtures("namespaces")
def test_jobs_need_no_shared_disk(workflow_copy, snakemake, storage, evaluation, tmp_path):
    pytest.importorskip("snakemake_executor_plugin_cluster_generic")
    if shutil.which("rsync") is None:
        pytest.skip("rsync, which the storage copies with, is not installed")
    under_git(workflow_copy)
    (tmp_path / "nodes").mkdir()
    submit = tmp_path / "submit.sh"
    submit.write_text(SUBMIT.replace("NODES", str(tmp_path / "nodes")).replace("KIT", str(workflow_copy)))
    arguments = ["--executor", "cluster-generic", "--cluster-generic-submit-cmd", f"sh {submit}", "--job-deploy-sources"]
    arguments += ["--cluster-generic-status-cmd", "sh -c 'cat \"$0/status\"'", "--seconds-between-status-checks", "1"]
    target = f"results/smoke/{EVALUATION}"
    storage[-1] = str(tmp_path / "bucket")
    process = snakemake(workflow_copy, *arguments, *storage, "--jobs", "1", target, "--config", "study=smoke")
    logs = "".join(path.read_text() for path in tmp_path.glob("nodes/*/log"))
    assert process.returncode == 0, process.stderr + logs
    assert (tmp_path / "bucket" / target).read_bytes() == evaluation


def test_a_module_from_a_repository_is_refused_in_one_line(workflow_copy, snakemake, tmp_path):
    under_git(workflow_copy)
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "Snakefile").write_text(MODULE.replace("SOURCE", 'gitfile("../kit", path="Snakefile", ref="HEAD")'))
    process = snakemake(folder, "--cores", "1", "--dry-run")
    assert process.returncode == 1
    assert (
        "@HEAD: Snakemake reads only rules from a repository, and the kit needs its programs: clone it, and" in process.stdout
    )


def test_a_folder_with_braces_is_refused_in_one_line(workflow_copy, snakemake, tmp_path):
    workflow_copy.rename(tmp_path / "{kit}")
    process = snakemake(tmp_path, "-s", "{kit}/Snakefile", "--cores", "1", "--dry-run")
    assert process.returncode == 1
    assert "{kit}/workflow/scripts: Snakemake takes braces in a path for wildcards: rename the file or folder" in process.stdout
    assert snakemake(tmp_path / "{kit}", "--cores", "1", "--dry-run", "--quiet").returncode == 0

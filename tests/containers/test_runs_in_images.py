"""The smoke study in the CPU image: the same results as without it, isolated from the host, and nothing to rerun."""

import json
import os
import shutil
import subprocess
import sys

import pytest
import yaml

from tests.conftest import TOKEN, copy_of_the_workflow, no_file_holds
from tests.helpers.hub_server import Repository, serving
from tests.helpers.images import apptainer, labels
from tests.helpers.reports import planned

pytestmark = pytest.mark.container
COMMIT = "7ae557604adf67be50417f59c2c2f167def9a775"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A hostile environment: host packages with names that the image needs, and a token."""
    trap = tmp_path_factory.mktemp("host_packages")
    for name in ("torch", "transformers", "tokenizers"):
        (trap / f"{name}.py").write_text("raise SystemExit('a package of the host was imported in the image')\n")
    return {
        "PYTHONPATH": str(trap),
        "APPTAINER_USERNS": os.environ.get("APPTAINER_USERNS", "1"),
        "HF_TOKEN": TOKEN,
    }


@pytest.fixture(scope="module")
def smoke(tmp_path_factory, snakemake, cpu_image, environment):
    """A folder in which the smoke study was run in the image, with the host's Python packages hidden."""
    folder = copy_of_the_workflow(tmp_path_factory.mktemp("in_image") / "kit")
    (folder / "images").mkdir()
    (folder / "images/cpu.sif").symlink_to(cpu_image)
    empty = tmp_path_factory.mktemp("empty")
    hidden = " ".join(f"--bind={empty}:{path}" for path in {sys.prefix, sys.base_prefix} - {"/usr"})
    arguments = ["--use-singularity", f"--singularity-args={hidden}", "--cores", "all", "--config", "study=smoke"]
    process = snakemake(folder, *arguments, "--verbose", env=environment)
    assert process.returncode == 0, process.stdout + process.stderr
    assert TOKEN not in process.stdout + process.stderr
    return folder


def test_evaluations_are_byte_identical_with_and_without_the_image(smoke, tmp_path, snakemake):
    native = copy_of_the_workflow(tmp_path / "native")
    assert snakemake(native, "--cores", "all", "--config", "study=smoke").returncode == 0
    made = sorted((smoke / "results/smoke/evaluations").rglob("*.json"))
    assert len(made) == 4
    for path in made:
        assert path.read_bytes() == (native / path.relative_to(smoke)).read_bytes()


def test_timing_files_name_the_container(smoke):
    for path in (smoke / "results/smoke/timings").glob("*/*.json"):
        assert json.loads(path.read_text())["machine"]["container"] == "apptainer"
        assert "Elapsed (wall clock) time" in path.with_suffix(".time").read_text()
    assert "| apptainer |" in (smoke / "results/smoke/report.md").read_text()


def test_the_provenance_names_the_images_hash_and_its_lock(smoke, cpu_image):
    run = json.loads((smoke / "results/smoke/run.json").read_text())
    printed = subprocess.run(["sha256sum", cpu_image], capture_output=True, text=True, check=True).stdout.split()[0]
    assert run["images"] == {"cpu": {"name": cpu_image.name, "sha256": printed}}
    assert run["locks"]["cpu.lock"] == labels(cpu_image)["mmlu-kit.lock.sha256"]
    crate = json.loads((smoke / "results/smoke/ro-crate-metadata.json").read_text())
    assert [one["sha256"] for one in crate["@graph"] if one["@type"] == "ContainerImage"] == [printed]


def test_the_images_python_ran(smoke, cpu_image):
    command = [apptainer(), "exec", "--cleanenv", str(cpu_image), "python", "-c", "import sys; print(sys.version.split()[0])"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    for path in (smoke / "results/smoke/timings").glob("*/*.json"):
        assert json.loads(path.read_text())["machine"]["python"] == version


def test_no_file_of_a_verbose_run_in_the_image_holds_the_token(smoke):
    assert any(path.is_file() for path in (smoke / ".snakemake/metadata").iterdir())
    no_file_holds(TOKEN, smoke)


def test_a_gated_model_is_fetched_in_the_image_with_the_token_of_hf_auth_login(workflow_copy, snakemake, cpu_image, tmp_path):
    (workflow_copy / "images").mkdir()
    (workflow_copy / "images/cpu.sif").symlink_to(cpu_image)
    caches = tmp_path / "home/.cache"
    login = caches / "huggingface/token"
    login.parent.mkdir(parents=True)
    with serving() as hub:
        hub.repositories["models/tiny/model"] = Repository(workflow_copy / "workflow/demo/models/demo-small", COMMIT, TOKEN)
        config = yaml.safe_load((workflow_copy / "config.yaml").read_text())
        config["models"]["demo-small"] = {"repository": "tiny/model", "commit": COMMIT}
        (workflow_copy / "config.yaml").write_text(yaml.safe_dump(config))
        environment = {"HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.address, "HF_TOKEN": "", "HF_HUB_OFFLINE": "0"}
        environment |= {"XDG_CACHE_HOME": str(caches), "APPTAINER_USERNS": os.environ.get("APPTAINER_USERNS", "1")}
        arguments = ["--use-singularity", "--cores", "1", "--verbose", "--until", "fetch_model", "--config", "study=smoke"]
        refused = snakemake(workflow_copy, *arguments, env=environment)
        assert "is gated: accept its licence" in refused.stdout + refused.stderr
        login.write_text(TOKEN)
        process = snakemake(workflow_copy, *arguments, env=environment)
    assert process.returncode == 0, process.stdout + process.stderr
    assert (workflow_copy / f"resources/models/demo-small@{COMMIT}.json").exists()
    assert TOKEN not in process.stdout + process.stderr
    no_file_holds(TOKEN, workflow_copy)


def test_a_second_run_has_nothing_to_do(smoke, snakemake, environment):
    process = snakemake(smoke, "--use-singularity", "--cores", "all", "--config", "study=smoke", env=environment)
    assert process.returncode == 0 and "Nothing to be done" in process.stdout + process.stderr


def test_a_new_image_runs_its_jobs_again(smoke, tmp_path, snakemake, cpu_image):
    folder = shutil.copytree(smoke, tmp_path / "kit", symlinks=True)
    (folder / "images/cpu.sif").unlink()
    shutil.copy(cpu_image, folder / "images/cpu.sif")
    jobs = planned(snakemake, folder, "--use-singularity", "--config", "study=smoke")
    assert jobs["evaluate"] == 4 and jobs["write_report"] == 1


def test_a_missing_image_is_reported_in_one_line_before_anything_runs(workflow_copy, snakemake):
    apptainer()
    process = snakemake(workflow_copy, "--use-singularity", "--cores", "1", "--config", "study=smoke")
    output = process.stdout + process.stderr
    assert process.returncode == 1 and "Traceback" not in output
    (line,) = [line for line in output.splitlines() if "images.cpu" in line]
    assert "there is no" in line and "`make image-cpu`" in line
    assert not (workflow_copy / "results").exists() and not (workflow_copy / "resources").exists()


def test_models_and_questions_outside_the_project_are_visible_in_the_image(
    smoke, tmp_path_factory, snakemake, root, environment
):
    """Also outside /tmp and the home folder, which Apptainer mounts by default."""
    outside = tmp_path_factory.mktemp("outside")
    shutil.copytree(root / "workflow/demo/models/demo-small", outside / "model")
    config = {"models": {"demo-small": {"path": str(outside / "model")}}}
    (outside / "mine.yaml").write_text(yaml.safe_dump(config))
    arguments = ["--configfile", outside / "mine.yaml", "--config", "study=smoke", "--until", "fetch_model"]
    arguments += ["--singularity-args=--no-mount tmp", "--forcerun", "fetch_model"]
    process = snakemake(smoke, "--use-singularity", "--cores", "1", *arguments, env=environment)
    assert process.returncode == 0, process.stdout + process.stderr

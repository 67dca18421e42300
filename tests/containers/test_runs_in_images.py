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
USERNS = {"APPTAINER_USERNS": os.environ.get("APPTAINER_USERNS", "1")}


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A folder of Python packages of the host with names that the image needs, none of which can be imported."""
    trap = tmp_path_factory.mktemp("host_packages")
    for name in ("torch", "transformers", "tokenizers", "huggingface_hub"):
        (trap / f"{name}.py").write_text("raise SystemExit('a package of the host was imported in the image')\n")
    return trap


@pytest.fixture(scope="module")
def outside(tmp_path_factory, root):
    """What the smoke study uses outside the project: a model of links into a cache, questions behind a link, a disk."""
    folder = tmp_path_factory.mktemp("out, side:")
    snapshot = folder / "hub/snapshots/main"
    shutil.copytree(root / "workflow/demo/models/demo-small", folder / "hub/blobs")
    snapshot.mkdir(parents=True)
    for path in (folder / "hub/blobs").iterdir():
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    (folder / "small").symlink_to("hub/snapshots/main")
    shutil.copytree(root / "workflow/demo/questions", folder / "the questions")
    (folder / "questions").symlink_to("the questions")
    (folder / "disk").mkdir()
    return folder


@pytest.fixture(scope="module")
def incomplete(tmp_path_factory, root):
    """A model without weights, over which the user binds the complete one."""
    folder = shutil.copytree(root / "workflow/demo/models/demo-medium", tmp_path_factory.mktemp("incomplete") / "model")
    (folder / "model.safetensors").write_bytes(b"")
    return folder


@pytest.fixture(scope="module")
def environment(packages, incomplete, root):
    """A hostile environment: packages of the host, a token, and a bind on which the study depends."""
    bind = f"{root}/workflow/demo/models/demo-medium:{incomplete}:ro"
    return {"PYTHONPATH": str(packages), "HF_TOKEN": TOKEN, "SINGULARITY_BIND": bind, "CUDA_VISIBLE_DEVICES": "", **USERNS}


def configure(folder, models, questions="workflow/demo/questions"):
    """Change models' entries in the config of a copy of the workflow, and the demo's questions."""
    config = yaml.safe_load((folder / "config.yaml").read_text())
    for name, changes in models.items():
        config["models"][name] |= changes
    config["questions"]["demo"]["path"] = str(questions)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


MAY_FALL_BACK = {"device": "cuda", "on_unavailable": "fallback"}


@pytest.fixture(scope="module")
def smoke(tmp_path_factory, snakemake, cpu_image, environment, outside, incomplete):
    """A folder in which the smoke study was run in the image, in a hostile way.

    The project is entered through a link, its results are on another disk, nothing of the environment and of the host's folders
    is passed on by itself, the host's Python is hidden, and one model should run on CUDA, for which there is no image.
    """
    folder = copy_of_the_workflow(tmp_path_factory.mktemp("in_image") / "kit")
    (folder / "images").mkdir()
    (folder / "images/cpu.sif").symlink_to(cpu_image)
    models = {"demo-small": {"path": f"{outside}/small"}, "demo-medium": {"path": str(incomplete), **MAY_FALL_BACK}}
    configure(folder, models, outside / "questions")
    (folder / "results").symlink_to(os.path.relpath(outside / "disk", folder))
    link = folder.with_name("link")
    link.symlink_to("kit")
    empty = tmp_path_factory.mktemp("empty")
    hidden = " ".join(f"--bind={empty}:{path}" for path in {sys.prefix, sys.base_prefix} - {"/usr"})
    arguments = ["--use-singularity", f"--singularity-args=--containall --no-home {hidden}", "--cores", "all"]
    arguments += ["--config", "study=smoke", "--verbose"]
    process = snakemake(link, *arguments, env={**environment, "PWD": str(link)})
    assert process.returncode == 0, process.stdout + process.stderr
    assert TOKEN not in process.stdout + process.stderr
    assert "destination is already in the mount point list" not in process.stdout + process.stderr
    return folder


def test_evaluations_are_byte_identical_with_and_without_the_image(smoke, tmp_path, snakemake):
    native = copy_of_the_workflow(tmp_path / "native")
    configure(native, {"demo-medium": MAY_FALL_BACK})
    arguments = ["--cores", "all", "--config", "study=smoke", "--until", "evaluate"]
    assert snakemake(native, *arguments, env={"CUDA_VISIBLE_DEVICES": ""}).returncode == 0
    made = sorted((smoke / "results/smoke/evaluations").rglob("*.json"))
    assert len(made) == 4
    for path in made:
        assert path.read_bytes() == (native / path.relative_to(smoke)).read_bytes()


def test_timing_files_name_the_container(smoke):
    for path in (smoke / "results/smoke/timings").glob("*/*.json"):
        assert json.loads(path.read_text())["machine"]["container"] == "apptainer"
        assert "Elapsed (wall clock) time" in path.with_suffix(".time").read_text()
    report = (smoke / "results/smoke/report.md").read_text()
    assert "| apptainer |" in report and "demo-medium (cpu instead of cuda)" in report


def test_the_provenance_names_the_images_hash_and_its_lock(smoke, cpu_image):
    run = json.loads((smoke / "results/smoke/run.json").read_text())
    printed = subprocess.run(["sha256sum", cpu_image], capture_output=True, text=True, check=True).stdout.split()[0]
    assert run["images"] == {"cpu": {"name": cpu_image.name, "sha256": printed}}
    assert run["command"].startswith("snakemake --use-singularity")  # passed on although the environment is not
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


def test_a_gated_model_is_fetched_in_the_image_with_the_token_of_hf_auth_login(
    workflow_copy, snakemake, cpu_image, tmp_path, packages
):
    """Into a cache behind a link, first with the host's environment, then without it."""
    (workflow_copy / "images").mkdir()
    (workflow_copy / "images/cpu.sif").symlink_to(cpu_image)
    caches = tmp_path / "home/.cache"
    login = caches / "huggingface/token"
    login.parent.mkdir(parents=True)
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to("disk")
    with serving() as hub:
        hub.repositories["models/tiny/model"] = Repository(workflow_copy / "workflow/demo/models/demo-small", COMMIT, TOKEN)
        config = yaml.safe_load((workflow_copy / "config.yaml").read_text())
        config["models"]["demo-small"] = {"repository": "tiny/model", "commit": COMMIT}
        (workflow_copy / "config.yaml").write_text(yaml.safe_dump(config))
        environment = {"HOME": str(tmp_path / "home"), "HF_ENDPOINT": hub.address, "HF_TOKEN": "", "HF_HUB_OFFLINE": "0"}
        environment |= {"XDG_CACHE_HOME": str(caches), "HF_HUB_CACHE": str(tmp_path / "link/hub"), **USERNS}
        arguments = ["--use-singularity", "--cores", "1", "--verbose", "--until", "fetch_model", "--config", "study=smoke"]
        refused = snakemake(workflow_copy, *arguments, env={**environment, "PYTHONPATH": str(packages)})
        assert "is gated: accept its licence" in refused.stdout + refused.stderr
        login.write_text(TOKEN)
        process = snakemake(workflow_copy, "--singularity-args=--cleanenv --no-mount tmp", *arguments, env=environment)
    assert process.returncode == 0, process.stdout + process.stderr
    manifest = json.loads((workflow_copy / f"resources/models/demo-small@{COMMIT}.json").read_text())
    assert manifest["folder"].startswith(f"{tmp_path}/disk/hub/models--tiny--model/")
    assert TOKEN not in process.stdout + process.stderr
    no_file_holds(TOKEN, workflow_copy)


def test_a_second_run_has_nothing_to_do(smoke, snakemake, environment):
    process = snakemake(smoke, "--use-singularity", "--cores", "all", "--config", "study=smoke", env=environment)
    assert process.returncode == 0 and "Nothing to be done" in process.stdout + process.stderr


def test_a_new_image_runs_its_jobs_again(smoke, tmp_path, snakemake, cpu_image, environment):
    folder = shutil.copytree(smoke, tmp_path / "kit", symlinks=True)
    (folder / "results").unlink()
    shutil.copytree(smoke / "results", folder / "results")
    arguments = [snakemake, folder, "--use-singularity", "--config", "study=smoke"]
    shutil.copy(cpu_image, folder / "images/cuda.sif")  # the image that demo-medium should have had
    jobs = planned(*arguments)
    assert jobs["evaluate"] == 2 and jobs["write_report"] == 1 and jobs["describe_run"] == 1
    (folder / "images/cpu.sif").unlink()
    (folder / "images/cuda.sif").rename(folder / "images/cpu.sif")
    jobs = planned(*arguments)
    assert jobs["evaluate"] == 4 and jobs["write_report"] == 1


@pytest.mark.parametrize(("kind", "needed"), [("cpu", ""), ("cuda", ", needed by models.demo-medium")])
def test_a_missing_image_is_reported_in_one_line_before_anything_runs(workflow_copy, snakemake, kind, needed):
    apptainer()
    (workflow_copy / "images").mkdir()
    if kind == "cuda":
        (workflow_copy / "images/cpu.sif").touch()
    configure(workflow_copy, {"demo-medium": {"device": "cuda"}})
    process = snakemake(workflow_copy, "--use-singularity", "--cores", "1", "--config", "study=smoke")
    output = process.stdout + process.stderr
    assert process.returncode == 1 and "Traceback" not in output
    (line,) = [line for line in output.splitlines() if "config: images." in line]
    assert f"images.{kind}: there is no images/{kind}.sif{needed}: make it with `make image-{kind}`" in line
    assert not (workflow_copy / "results").exists() and not (workflow_copy / "resources").exists()


def test_the_driver_is_passed_on_if_a_model_runs_in_the_cuda_image(smoke, snakemake, environment):
    """Apptainer says what it looks for on the host, in its verbose output."""
    images = {"images": {"cuda": "images/cpu.sif"}}
    (smoke / "cuda.yaml").write_text(yaml.safe_dump(images))
    arguments = ["--use-singularity", "--cores", "1", "--configfile", "cuda.yaml", "--config", "study=smoke"]
    arguments += ["--until", "fetch_model", "--forcerun", "resources/models/demo-small@local.json"]
    process = snakemake(smoke, *arguments, env={**environment, "APPTAINER_VERBOSE": "1"})
    output = process.stdout + process.stderr
    assert process.returncode == 0, output
    assert "nvidia" in output

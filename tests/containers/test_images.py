"""The image itself: its contents and its labels."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.helpers.images import apptainer, digest, inputs, labels

pytestmark = pytest.mark.container


@pytest.fixture
def in_image(cpu_image):
    """Run a command in the image, without the host's environment: in_image('python', '--version')."""

    def call(*command: str) -> subprocess.CompletedProcess:
        whole = [apptainer(), "exec", "--cleanenv", "--no-home", str(cpu_image), *command]
        return subprocess.run(whole, capture_output=True, text=True, cwd="/", env=os.environ)

    return call


def test_the_image_is_labelled_with_its_inputs(cpu_image, root):
    found = labels(cpu_image)
    assert found["mmlu-kit.lock.sha256"] == digest("cpu.lock")
    assert found["mmlu-kit.inputs.sha256"] == inputs("cpu")
    assert re.fullmatch(r"[0-9a-f]{40}", found["org.opencontainers.image.revision"])


def test_the_image_has_the_locked_packages_and_no_others(in_image, root):
    process = in_image("python", "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check")
    assert process.returncode == 0, process.stderr
    there = {tuple(line.lower().replace("_", "-").split("==")) for line in process.stdout.splitlines()}
    # A package may be locked in two versions, for two versions of Python.
    locked = re.findall(r"^([\w.-]+)==([^ \\]+)", (root / "envs/cpu.lock").read_text(), re.M)
    locked = {(name.lower().replace("_", "-"), version) for name, version in locked}
    names = {name for name, _ in there}
    assert {name for name, version in there if (name, version) not in locked} <= {"pip", "torch"}
    assert dict(there)["torch"].startswith((root / "envs/torch.txt").read_text().split("torch==")[1].strip())
    assert {"transformers", "bitsandbytes", "snakemake", "datasets", "accelerate", "matplotlib", "pandas"} <= names


def test_the_image_has_usr_bin_time(in_image):
    assert in_image("/usr/bin/time", "--version").returncode == 0


def test_the_image_holds_no_token_and_only_configs_local_models(in_image, root):
    models = yaml.safe_load((root / "config.yaml").read_text())["models"].values()
    bundled = {Path(model["path"]).name for model in models if "path" in model}
    process = in_image("sh", "-c", "find / -xdev -name '*.safetensors' -o -name token -path '*huggingface*' 2>/dev/null")
    assert {line.rsplit("/", 2)[-2] for line in process.stdout.splitlines()} == bundled
    assert "hf_" not in in_image("env").stdout


def test_snakemake_runs_in_the_image_for_a_user_without_a_name(cpu_image):
    """As with `docker run --user`: Snakemake asks for the user's name, but the image has none for this user ID."""
    command = [apptainer(), "inspect", "--environment", str(cpu_image)]
    assert "export USER=" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_kit_runs_in_the_image_alone(cpu_image, tmp_path):
    """As with `docker run -v results:/kit/results`: the image's copy of the kit, and nothing of the host but that folder."""
    (tmp_path / "results").mkdir()
    command = [apptainer(), "exec", "--compat", "--pwd", "/kit", "--bind", f"{tmp_path}/results:/kit/results", str(cpu_image)]
    command += ["snakemake", "--cores", "all", "--config", "study=smoke"]
    process = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "| apptainer |" in (tmp_path / "results/smoke/report.md").read_text()

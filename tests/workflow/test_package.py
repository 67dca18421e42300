"""The package installed alone, without a clone: what it carries, what works, and the line of what needs the workflow."""

import os
import shlex
import shutil
import subprocess
import sys
import zipfile
from email import message_from_bytes

import pytest
from mmlu_kit.cli.evaluate import EXAMPLE

from tests.conftest import ROOT, copy_of_the_workflow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that `pip install .` makes."""
    folder = copy_of_the_workflow(tmp_path_factory.mktemp("package") / "kit")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, folder)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", folder / "dist", folder], check=True, capture_output=True)
    (path,) = (folder / "dist").glob("*.whl")
    return path


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """Run the installed package in an empty folder: installed('evaluate', …) gives the completed process."""
    site, folder = tmp_path_factory.mktemp("site") / "lib/python/site-packages", tmp_path_factory.mktemp("empty")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)

    def call(*arguments):
        command = [sys.executable, "-m", "mmlu_kit", *map(str, arguments)]
        return subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True)

    return call


def test_the_wheel_names_its_requirements(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("dist-info/METADATA"))
        requirements = message_from_bytes(archive.read(name)).get_all("Requires-Dist")
    named = [line.partition("#")[0].strip() for line in (ROOT / "envs/kit.in").read_text().splitlines()]
    assert len(requirements) == len(list(filter(None, named))) + 1
    assert any(line.startswith("torch==") for line in requirements) and "pydantic>=2.14" in requirements


def test_a_model_of_config_is_evaluated_without_a_clone(installed, tmp_path):
    (tmp_path / "quiz.csv").write_text("question,A,B,answer\nWhich is larger?,Earth,Jupiter,B\n")
    process = installed("evaluate", "--model", "demo-small", "--questions", tmp_path / "quiz.csv")
    assert process.returncode == 0 and "best letter" in process.stdout, process.stderr


def test_the_example_of_evaluate_works_without_a_clone(installed):
    process = installed(*shlex.split(EXAMPLE)[1:], "--limit", "2")
    assert process.returncode == 0 and "all subjects" in process.stdout, process.stderr


def test_schemas_of_all_files_are_written_to_a_folder(installed, tmp_path):
    assert installed("schemas", "--folder", tmp_path).returncode == 0
    assert (tmp_path / "config.json").read_bytes() == (ROOT / "workflow/schemas/config.json").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["report", "demo"], "mmlu-kit report"),
        (["schemas"], "mmlu-kit schemas without --folder"),
        (["check", "--study", "smoke"], "running this study"),
        (["chat", "--model", "SmolLM2-135M-Instruct"], "fetching SmolLM2-135M-Instruct"),
    ],
)
def test_what_needs_a_clone_says_so(installed, one_line, arguments, command):
    one_line(installed(*arguments), f"{command} needs a clone of the kit's repository", "clone the repository")

"""Whole runs of the workflow, made once and looked at by many tests."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import TOKEN, copy_of_the_workflow


@pytest.fixture(scope="session")
def demo(tmp_path_factory, snakemake) -> Path:
    """A folder in which the whole demo study has run, without any network where the system allows to take it away."""
    folder = copy_of_the_workflow(tmp_path_factory.mktemp("demo") / "kit")
    process = snakemake(folder, "--cores", "all", "--verbose", without_network=can_unshare(), env={"HF_TOKEN": TOKEN})
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


@pytest.fixture(scope="session")
def report(demo) -> str:
    """The demo study's report."""
    return (demo / "results/demo/report.md").read_text()


@pytest.fixture
def demo_copy(demo, tmp_path) -> Path:
    """A copy of the folder in which the demo study has run, dates of files kept, to change and run again."""
    return Path(shutil.copytree(demo, tmp_path / "kit", symlinks=True))


def can_unshare() -> bool:
    """Whether this system lets a user have a network and mounts of its own."""
    command = ["unshare", "--map-root-user", "--mount", "--net", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def namespaces() -> None:
    """Skips where a test cannot take the network away or mount a disk of its own."""
    if not can_unshare():
        pytest.skip("this system does not allow user namespaces (unshare --map-root-user --mount --net)")

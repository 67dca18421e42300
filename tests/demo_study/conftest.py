"""The demo study's one run, which many tests look at: all of them run in one worker."""

import shutil
from pathlib import Path

import pytest

from tests.conftest import TOKEN, copy_of_the_workflow
from tests.workflow.conftest import can_unshare


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

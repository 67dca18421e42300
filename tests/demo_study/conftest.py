"""The demo study runs once, for all tests of all workers."""

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import HOST, TOKEN, USER, copy_of_the_workflow, under_git
from tests.workflow.conftest import can_unshare


@pytest.fixture(scope="session")
def demo(made_once, snakemake) -> Path:
    """A folder in which the whole demo study has run; tests change copies of it only.

    It ran as a user and on a host whose names are known, and without any network where the system allows to take it away.
    """

    def make(folder: Path) -> None:
        home = folder / USER
        home.mkdir(parents=True)
        run_demo(under_git(copy_of_the_workflow(home / "kit")), home, snakemake)

    return made_once("demo", make) / USER / "kit"


def run_demo(folder: Path, home: Path, snakemake) -> None:
    """Run the demo study in a folder."""
    caches = os.environ.get("XDG_CACHE_HOME", str(Path("~/.cache").expanduser()))  # where matplotlib has its list of fonts
    env = {"HF_TOKEN": TOKEN, "HOME": str(home), "USER": USER, "LOGNAME": USER, "XDG_CACHE_HOME": caches}
    namespaces = {"without_network": True, "before": f"hostname {HOST}"} if can_unshare() else {}
    process = snakemake(folder, "--cores", "all", "--verbose", "--directory", folder, env=env, **namespaces)
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.fixture(scope="session")
def report(demo) -> str:
    """The demo study's report."""
    return (demo / "results/demo/report.md").read_text()


@pytest.fixture
def demo_copy(demo, tmp_path) -> Path:
    """A copy of the demo study's folder, with file dates kept, to change and rerun."""
    return Path(shutil.copytree(demo, tmp_path / "kit", symlinks=True))

"""One run of the demo study, shared by many tests in one worker."""

import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import HOST, TOKEN, USER, copy_of_the_workflow, under_git
from tests.workflow.conftest import can_unshare


@pytest.fixture(scope="session")
def demo(tmp_path_factory, snakemake) -> Path:
    """A folder in which the whole demo study has run, as a user and on a host whose names are known; without any network
    where the system allows to take it away."""
    home = tmp_path_factory.mktemp("demo") / USER
    home.mkdir()
    folder = under_git(copy_of_the_workflow(home / "kit"))
    caches = os.environ.get("XDG_CACHE_HOME", str(Path("~/.cache").expanduser()))  # where matplotlib has its list of fonts
    env = {"HF_TOKEN": TOKEN, "HOME": str(home), "USER": USER, "LOGNAME": USER, "XDG_CACHE_HOME": caches}
    own = {"without_network": True, "before": f"hostname {HOST}"} if can_unshare() else {}
    process = snakemake(folder, "--cores", "all", "--verbose", "--directory", folder, env=env, **own)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder


@pytest.fixture(scope="session")
def report(demo) -> str:
    """The demo study's report."""
    return (demo / "results/demo/report.md").read_text()


@pytest.fixture
def demo_copy(demo, tmp_path) -> Path:
    """A copy of the demo study's folder, with file dates kept, to change and rerun."""
    return Path(shutil.copytree(demo, tmp_path / "kit", symlinks=True))

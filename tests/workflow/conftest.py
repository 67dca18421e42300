"""Requirements of tests of whole runs."""

import shutil
import subprocess

import pytest


def can_unshare() -> bool:
    """Return whether users can create network and mount namespaces on this system."""
    command = ["unshare", "--map-root-user", "--mount", "--uts", "--net", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def namespaces() -> None:
    """Skips if a test can neither disable the network nor mount a disk."""
    if not can_unshare():
        pytest.skip("this system does not allow user namespaces (unshare --map-root-user --mount --net)")

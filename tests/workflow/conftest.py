"""What tests of whole runs ask of the system."""

import shutil
import subprocess

import pytest


def can_unshare() -> bool:
    """Whether this system lets a user have a network and mounts of its own."""
    command = ["unshare", "--map-root-user", "--mount", "--net", "true"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


@pytest.fixture
def namespaces() -> None:
    """Skips where a test cannot take the network away or mount a disk of its own."""
    if not can_unshare():
        pytest.skip("this system does not allow user namespaces (unshare --map-root-user --mount --net)")

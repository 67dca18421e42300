"""Container images as Apptainer describes them."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def apptainer() -> str:
    """Return the name of Apptainer's program; skip the test if it is not installed."""
    found = shutil.which("apptainer") or shutil.which("singularity")
    if not found:
        pytest.skip("Apptainer is not installed")
    return found


def labels(image: Path) -> dict[str, str]:
    """Return an image's labels."""
    command = [apptainer(), "inspect", "--json", "--labels", str(image)]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(process.stdout)["data"]["attributes"]["labels"]


def digest(lock: str) -> str:
    """Return the SHA-256 of a lock file in envs/."""
    return hashlib.sha256((ROOT / "envs" / lock).read_bytes()).hexdigest()


def inputs(kind: str) -> str:
    """Return the SHA-256 of all files that an image is built from, as in its label."""
    process = subprocess.run(["sh", "docker/inputs.sh", kind], cwd=ROOT, capture_output=True, text=True, check=True)
    return process.stdout.strip()

"""The version of the kit's code: its commit, and a hash of every file, which needs no git."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from mmlu_kit import files

# Results depend on CODE. The demo's models and questions are data, and are recorded as data.
CODE = ("Snakefile", "workflow")
DATA = ("workflow/demo", "workflow/notebooks")


def code_files(project: Path) -> list[str]:
    """Return the code files that results depend on, relative to the project's folder, sorted."""
    paths = [
        path for name in CODE for path in ([project / name] if (project / name).is_file() else (project / name).rglob("*"))
    ]
    names = [path.relative_to(project) for path in paths if path.is_file()]
    return sorted(
        name.as_posix()
        for name in names
        if not any(name.is_relative_to(data) for data in DATA)
        and not any(part.startswith(".") or part == "__pycache__" or part.endswith(".egg-info") for part in name.parts)
    )


def hashes(project: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of each file."""
    return {name: files.file_sha256(project / name) for name in names}


class Revision(NamedTuple):
    """The commit and the code files changed since; both None if the project is not under git."""

    commit: str | None
    changed: list[str] | None


def commit(project: Path) -> Revision:
    """Return the project's revision."""
    if _git(project, "ls-files", "--", "Snakefile") != "Snakefile\0":
        return Revision(None, None)
    head = _git(project, "rev-parse", "HEAD")
    changed = _git(
        project, "status", "--porcelain", "--no-renames", "--untracked-files=all", "--", "config.yaml", "envs", *CODE
    )
    if head is None or changed is None:
        return Revision(None, None)
    return Revision(head.strip("\0\n"), sorted(line[3:] for line in changed.split("\0") if line))


def _git(project: Path, command: str, *arguments: str) -> str | None:
    """Return git's output, with names ended by zero bytes; None if git fails or is not installed."""
    zero = [] if command == "rev-parse" else ["-z"]
    try:
        # Without this option, `git status` may write to the repository while the user works in it.
        process = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(project), command, *zero, *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError:
        return None
    return process.stdout if process.returncode == 0 else None

"""Which version of the kit's code this is: its commit, and a hash of every file, which holds without git too."""

import subprocess
from pathlib import Path

from mmlu_kit.inputs.checkpoints import digest

# What results depend on. The demo's models and questions are data, and named as such.
CODE = ("Snakefile", "workflow")
DATA = ("workflow/demo", "workflow/notebooks")


def code_files(project: Path) -> list[str]:
    """The files that results depend on, relative to the project's folder, sorted."""
    found = [
        path for name in CODE for path in ([project / name] if (project / name).is_file() else (project / name).rglob("*"))
    ]
    names = [path.relative_to(project) for path in found if path.is_file()]
    return sorted(
        name.as_posix()
        for name in names
        if not any(name.is_relative_to(data) for data in DATA)
        and not any(part.startswith(".") or part == "__pycache__" for part in name.parts)
    )


def hashes(project: Path, names: list[str]) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {name: digest(project / name) for name in names}


def commit(project: Path) -> dict:
    """`commit`, and which files of the code are `changed` since; both null where the project is not under git."""
    if _git(project, "ls-files", "--", "Snakefile") != "Snakefile\0":
        return {"commit": None, "changed": None}
    head = _git(project, "rev-parse", "HEAD")
    changed = _git(
        project, "status", "--porcelain", "--no-renames", "--untracked-files=all", "--", "config.yaml", "envs", *CODE
    )
    if head is None or changed is None:
        return {"commit": None, "changed": None}
    return {"commit": head.strip("\0\n"), "changed": sorted(line[3:] for line in changed.split("\0") if line)}


def _git(project: Path, command: str, *arguments: str) -> str | None:
    """What git says, each name ended by a zero byte; None where there is no git, no repository or no right to read it."""
    zero = [] if command == "rev-parse" else ["-z"]
    try:
        # A status may otherwise write to the repository while the user works in it.
        process = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(project), command, *zero, *arguments], capture_output=True, text=True
        )
    except OSError:
        return None
    return process.stdout if process.returncode == 0 else None

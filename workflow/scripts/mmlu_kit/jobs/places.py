"""Where the kit's files are, seen from the folder that a run works in; a hash of those that a rule's results depend on."""

import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from mmlu_kit import files, sources
from mmlu_kit.user_errors import UserError


class Kit:
    """An installation of the kit: the folder with its Snakefile, which may be read-only and shared by many users.

    Its files are named by paths relative to the working directory, so that they are short and the project can be moved.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder).resolve()

    def path(self, name: str) -> str:
        """The path of a file of the kit."""
        return _without_wildcards(os.path.relpath(self.folder / name))

    def locate(self, name: str) -> str:
        """The path of a file or folder that config names: one of the working directory, else one of the kit."""
        if Path(name).exists() or not (self.folder / name).exists():
            return _without_wildcards(name)
        return self.path(name)

    def code(self, program: str, patterns: Sequence[str] = ()) -> str:
        """A hash of a program of the kit, of every module that it imports, and of the kit's files that match the patterns."""
        paths = map(Path, sources.sources(self.folder / "workflow/scripts" / program))
        return self.version([*paths, *(path for pattern in patterns for path in self.folder.glob(pattern))])

    def version(self, paths: Iterable[Path]) -> str:
        """A hash of the names and contents of files of the kit."""
        return files.sha256(files.sums({path.relative_to(self.folder).as_posix(): _hash(path) for path in paths}))


def _without_wildcards(path: str) -> str:
    """The path; one that Snakemake would take for a pattern raises UserError."""
    if "{" in path or "}" in path:
        raise UserError(f"{path}: Snakemake takes braces in a path for wildcards: rename the file or folder")
    return path


@lru_cache
def _hash(path: Path) -> str:
    return files.file_sha256(path)

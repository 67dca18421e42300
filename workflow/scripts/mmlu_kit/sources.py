"""Where the kit's files are, and the source files of a program.

A hash of a program's sources is a parameter of its rule, so that an edit rebuilds only affected outputs.
"""

import ast
from functools import cache
from pathlib import Path

from mmlu_kit.user_errors import UserError

PACKAGE = Path(__file__).resolve().parent
_CLONE = PACKAGE.parents[2]
_HAS_WORKFLOW = (_CLONE / "Snakefile").is_file()
# The kit's folder, with config.yaml and what it names: a clone, or what a wheel carries of it.
PROJECT = _CLONE if _HAS_WORKFLOW else PACKAGE / "project"


def clone(command: str) -> Path:
    """The kit's folder with its Snakefile and programs, which `command` needs; without them UserError is raised."""
    if not _HAS_WORKFLOW:
        problem = "needs a clone of the kit's repository with its Snakefile, and only the package is installed here"
        raise UserError(f"{command} {problem}: clone the repository, and run the command there")
    return PROJECT


def sources(program: Path) -> list[str]:
    """The program's file and every module of the package that it imports, directly or indirectly, sorted."""
    seen: set[Path] = set()
    waiting = [Path(program).resolve()]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += _imported(path)
    return sorted(str(path) for path in seen)


@cache  # most modules belong to many programs
def _imported(path: Path) -> list[Path]:
    """The files of the package that one file imports directly."""
    paths = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            parent = path.parents[node.level - 1] if node.level else PACKAGE.parent
            base = parent.joinpath(*(node.module or "").split("."))
            candidates = [base, *(base / alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            candidates = [PACKAGE.parent.joinpath(*alias.name.split(".")) for alias in node.names]
        else:
            continue
        for candidate in candidates:
            resolved = candidate.resolve()
            for file in (resolved.with_name(resolved.name + ".py"), resolved / "__init__.py"):
                if file.is_file() and file.is_relative_to(PACKAGE):
                    paths.append(file)
    return paths

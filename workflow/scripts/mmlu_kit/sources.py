"""The source files of a program: a hash of them is a parameter of its rule, so that an edit rebuilds only affected outputs."""

import ast
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
PROJECT = PACKAGE.parents[2]  # the kit's folder, with the Snakefile


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

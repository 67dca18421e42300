"""The files of the package that a program imports: inputs of its rule, so that an edit rebuilds affected outputs only."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parent


def sources(program: Path) -> list[str]:
    """The program's file and every module of the package that it imports, directly or through another, sorted."""
    seen: set[Path] = set()
    waiting = [Path(program)]
    while waiting:
        path = waiting.pop()
        if path not in seen:
            seen.add(path)
            waiting += _imported(path)
    return sorted(str(path) for path in seen)


def _imported(path: Path) -> list[Path]:
    """The files of the package that one file imports."""
    paths = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            home = path.parents[node.level - 1] if node.level else PACKAGE.parent
            base = home.joinpath(*(node.module or "").split("."))
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

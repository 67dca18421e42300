"""Hostile and damaged inputs: each ends in one line that says what is wrong, or is accepted; never in a traceback.

To add one, add a row to the table of its kind.
"""

import importlib
import pkgutil

import pytest

from tests import hostile as tables
from tests.hostile.inputs import Hostile, run

# Every module beside this one that has INPUTS is a table.
NAMES = [module.name for module in pkgutil.iter_modules(tables.__path__) if not module.name.startswith("test_")]
MODULES = {name: importlib.import_module(f"tests.hostile.{name}") for name in NAMES}
TABLES = {name: module.INPUTS for name, module in MODULES.items() if hasattr(module, "INPUTS")}
INPUTS = [pytest.param(row, id=f"{name}: {row.name}") for name, rows in TABLES.items() for row in rows]


@pytest.mark.parametrize("hostile", INPUTS)
def test_a_hostile_input(hostile: Hostile, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    process = run(hostile.make(folder), folder)
    assert "Traceback" not in process.stderr, process.stderr
    if hostile.line is None:
        assert process.returncode == 0, process.stderr
        return
    lines = process.stderr.strip("\n").split("\n")
    assert process.returncode == 2, process
    assert len(lines) == 1 and lines[0].startswith("error: "), process.stderr
    assert all(part in lines[0] for part in hostile.line.split("…")), lines[0]
    assert lines[0].isprintable(), ascii(lines[0])

"""Hostile and damaged inputs: each ends in one line that says what is wrong, or is accepted; never in a traceback.

To add one, add a row to the table of its kind.
"""

import pytest

from tests.hostile import (
    archives,
    configs,
    files,
    journals,
    label_errors,
    predictions,
    private_names,
    provenance,
    questions,
    records,
    results,
    texts,
    time_logs,
)
from tests.hostile.inputs import Hostile, run

TABLES = (
    archives,
    configs,
    files,
    journals,
    label_errors,
    predictions,
    private_names,
    provenance,
    questions,
    records,
    results,
    texts,
    time_logs,
)
INPUTS = [pytest.param(row, id=f"{table.__name__.split('.')[-1]}: {row.name}") for table in TABLES for row in table.INPUTS]


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

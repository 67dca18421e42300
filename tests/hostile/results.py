"""Damaged results of a study."""

from pathlib import Path

from tests.hostile.inputs import Hostile


def no_provenance(folder: Path) -> list[str]:
    """An empty results folder."""
    (folder / "results/demo").mkdir(parents=True)
    return ["mmlu-kit", "check-results", "results/demo"]


INPUTS = [Hostile("nothing was run", no_provenance, "results/demo/provenance.json does not exist")]

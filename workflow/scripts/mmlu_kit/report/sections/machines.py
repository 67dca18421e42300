"""A comparison of the machines."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmlu_kit import settings
from mmlu_kit.formatting import duration
from mmlu_kit.inputs import loaded_weights
from mmlu_kit.report import machine_table
from mmlu_kit.report.cells import Row, Rows, listed
from mmlu_kit.report.machine_table import MachineUse, ModelRun


@dataclass(frozen=True)
class MachinesSection:
    """A table of machines, one per column, and a number needed to explain its last row."""

    header: Row
    aspects: Rows
    several: bool
    beside_weights: str


def section(machines: Sequence[MachineUse]) -> MachinesSection | None:
    """Return the section, None if no model was evaluated."""
    if not machines:
        return None
    columns = [
        ("Hardware", [_hardware(use) for use in machines]),
        ("Results from", [listed(use.sources) or "this run" for use in machines]),
        ("What ran", ["; ".join(f"{run.model}: {settings.in_words(run.effective)}" for run in use.runs) for use in machines]),
        ("Speed", ["; ".join(map(_speed, use.runs)) for use in machines]),
        ("Largest model that fits into memory (computed)", [_largest(use) for use in machines]),
    ]
    return MachinesSection(
        header=["Aspect", *(use.machine.gpu or use.machine.processor for use in machines)],
        aspects=[[aspect, *cells] for aspect, cells in columns],
        several=len(machines) > 1,
        beside_weights=f"{loaded_weights.BESIDE_WEIGHTS / 1e9:.1f} GB",
    )


def _hardware(use: MachineUse) -> str:
    machine = use.machine
    words = f"{machine.processor}, {machine.cores_usable} cores, {machine.memory_bytes / 1e9:.1f} GB"
    return f"{words}; {machine.gpu}, {(machine.gpu_memory_bytes or 0) / 1e9:.1f} GB" if machine.gpu else words


def _speed(run: ModelRun) -> str:
    took = f"in {duration(run.real_s)}" if run.real_s else "(resumed, so not timed)"
    return f"{run.model}: {run.questions:,} questions {took}"


def _largest(use: MachineUse) -> str:
    return listed(f"{model.parameters / 1e9:.1f} B in {model.format}" for model in machine_table.largest(use.machine))

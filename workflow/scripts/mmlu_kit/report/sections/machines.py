"""A comparison of the machines."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmlu_kit import settings
from mmlu_kit.formatting import duration
from mmlu_kit.inputs import loaded_weights
from mmlu_kit.report import machine_table
from mmlu_kit.report.cells import Row, Rows, listed
from mmlu_kit.report.machine_table import MachineUse, ModelRun


@dataclass(frozen=True)
class MachinesSection:
    """A table of machines, one per column, and one of those without and those with a GPU.

    `several` is whether there are several machines, `shared` whether several are in one column of the second table;
    `beside_weights` explains the last row.
    """

    header: Row
    aspects: Rows
    kinds: Rows
    several: bool
    shared: bool
    beside_weights: str


def section(machines: Sequence[MachineUse]) -> MachinesSection | None:
    """Return the section, None if no model was evaluated."""
    if not machines:
        return None
    kinds = [[use for use in machines if bool(use.machine.gpu) == gpu] for gpu in (False, True)]
    return MachinesSection(
        header=["Aspect", *(use.machine.gpu or use.machine.processor for use in machines)],
        aspects=[[aspect, *map(cell, machines)] for aspect, cell in _ASPECTS.items()],
        kinds=[
            [aspect, *("; ".join(map(cell, uses)) or "not run here" for uses in kinds)] for aspect, cell in _ASPECTS.items()
        ],
        several=len(machines) > 1,
        shared=any(len(uses) > 1 for uses in kinds),
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


def _ran(use: MachineUse) -> str:
    return "; ".join(f"{run.model}: {settings.in_words(run.effective)}" for run in use.runs)


_ASPECTS: dict[str, Callable[[MachineUse], str]] = {
    "Hardware": _hardware,
    "Results from": lambda use: listed(use.sources) or "this run",
    "What ran": _ran,
    "Quantization": lambda use: listed(dict.fromkeys(run.effective.quantization for run in use.runs)),
    "Speed": lambda use: "; ".join(map(_speed, use.runs)),
    "Largest model that fits into memory (computed)": _largest,
}

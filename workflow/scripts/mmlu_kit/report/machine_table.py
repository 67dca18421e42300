"""The machines of a study: their hardware, what ran on them and how fast, and how large a model their memory can hold."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit.models import memory
from mmlu_kit.results.merged import Merged, Result
from mmlu_kit.settings import COMPRESSIONS, DTYPE_BYTES, DType, Effective, Quantization
from mmlu_kit.timing.machine import Machine


@dataclass(frozen=True)
class ModelRun:
    """A model on one machine; `real_s` is None if an evaluation was resumed."""

    model: str
    effective: Effective
    questions: int
    real_s: float | None


@dataclass(frozen=True)
class MachineUse:
    """A machine, the folders of results joined from it, and what ran on it."""

    machine: Machine
    sources: list[str]
    runs: list[ModelRun]


@dataclass(frozen=True)
class LargestModel:
    """The largest number of parameters that a memory can hold in a number format or quantization."""

    format: str
    parameters: int


def machines_used(merged: Merged) -> list[MachineUse]:
    """Return every machine of merged.json, with its models in the report's order."""
    by_machine: dict[int, dict[str, list[Result]]] = {place: {} for place in range(len(merged.machines))}
    for result in merged.results:
        if result.machine is not None:
            by_machine[result.machine].setdefault(result.model, []).append(result)
    return [_use(merged, merged.machines[place], by_model) for place, by_model in by_machine.items()]


def largest(machine: Machine) -> list[LargestModel]:
    """Return the largest models that a machine's memory can hold: its GPU's memory if it has a GPU."""
    room = machine.gpu_memory_bytes or machine.memory_bytes
    return [
        LargestModel(
            format=dtype if quantization == Quantization.NONE else quantization,
            parameters=memory.largest(room, dtype, quantization),
        )
        for dtype, quantization in _formats()
    ]


def _formats() -> list[tuple[DType, Quantization]]:
    """Return one number format or quantization for each weight size, largest first; of equal sizes, the first declared."""
    declared = [
        *((dtype, Quantization.NONE) for dtype in DTYPE_BYTES),
        *((DType.BFLOAT16, quantization) for quantization in COMPRESSIONS),
    ]
    by_size = {memory.weight_bytes(*entry): entry for entry in reversed(declared)}
    return [by_size[size] for size in sorted(by_size, reverse=True)]


def _use(merged: Merged, machine: Machine, results: Mapping[str, list[Result]]) -> MachineUse:
    sources = [result.source for by_model in results.values() for result in by_model if result.source]
    ran = [(model, results[model]) for model in merged.order() if model in results]
    return MachineUse(
        machine, list(dict.fromkeys(sources)), [_run(merged, model, model_results) for model, model_results in ran]
    )


def _run(merged: Merged, model: str, results: list[Result]) -> ModelRun:
    effective = merged.models[model].effective
    assert effective, "imported answers are of no machine"
    seconds = [result.real_s for result in results]
    known = [value for value in seconds if value is not None]
    return ModelRun(
        model=model,
        effective=effective,
        questions=sum(result.totals.questions for result in results),
        real_s=sum(known) if len(known) == len(seconds) else None,
    )

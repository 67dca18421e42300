"""What measurements cannot be: limits that no real run breaks, with room for coarse clocks. Others raise ValueError."""

from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator

from mmlu_kit.timing.machine import Machine

# Two clocks that measure one thing differ by less: CPU time is counted in ticks, by core, and clocks are adjusted as they run.
_RATIO, _SECONDS = 1.05, 1.0
# A process may have resident more than the machine's memory, by pages that it shares with others outside of its container.
_MEMORY_RATIO = 1.1
# More than any GPU takes.
_WATTS = 10_000
# A machine without a clock of its own may set it back to UTC while a program runs.
_SET_BACK = timedelta(days=1)


def _utc(text: str) -> str:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text[:40]}' is not a time like 2026-01-31T12:00:00+00:00") from None
    if time.utcoffset() != timedelta(0):
        raise ValueError(f"'{text[:40]}' is not in UTC")
    return text


# A time, UTC, ISO 8601.
UtcTime = Annotated[str, AfterValidator(_utc)]


def check_order(first: str, second: str) -> None:
    """Check that the UtcTime `first` is not after `second`."""
    if datetime.fromisoformat(first) - datetime.fromisoformat(second) > _SET_BACK:
        raise ValueError(f"it began at {second}, before its process, which began at {first}")


def check_part(part: str, part_s: float, whole: str, whole_s: float) -> None:
    """Check that a part, measured by another clock, is not longer than the whole."""
    if part_s > _longest(whole_s):
        raise ValueError(f"{part} took {round(part_s, 4)} s, longer than {whole}, {whole_s} s")


def check_cpu(cpu_s: float, real_s: float, machine: Machine) -> None:
    """Check that the CPU time is not more than all of the machine's cores have in the real time."""
    if machine.cores and cpu_s > machine.cores * _longest(real_s):
        raise ValueError(f"{round(cpu_s, 4)} s of CPU time are more than {machine.cores} cores have in {real_s} s")


def check_gpu(gpu_s: float | None, forward_s: float) -> None:
    """Check that the GPU computed no longer than the program waited for it."""
    if gpu_s is not None:
        check_part("gpu_s", gpu_s, "forward_s", forward_s)


def check_energy(energy_j: float | None, real_s: float) -> None:
    """Check that a GPU can use this energy in the real time."""
    if energy_j is not None and energy_j > _WATTS * _longest(real_s):
        raise ValueError(f"gpu_energy_j is more than a GPU uses in {real_s} s")


def check_memory(rss_bytes: int, gpu_bytes: int | None, machine: Machine) -> None:
    """Check that a process's peak memory fits the machine's; some GPU drivers extend a GPU's memory by the machine's."""
    if rss_bytes > _MEMORY_RATIO * machine.memory_bytes:
        raise ValueError(f"peak_rss_bytes is more than the machine's memory, {machine.memory_bytes} bytes")
    if gpu_bytes is not None and gpu_bytes > (machine.gpu_memory_bytes or 0) + machine.memory_bytes:
        raise ValueError("peak_gpu_bytes is more than the memory of the GPU and the machine")


def _longest(seconds: float) -> float:
    return _RATIO * seconds + _SECONDS

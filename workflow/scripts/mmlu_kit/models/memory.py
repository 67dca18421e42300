"""The memory that weights take in each format, and the memory that is free on a device."""

from pathlib import Path
from typing import Any

import psutil

from mmlu_kit.inputs.loaded_weights import BESIDE_WEIGHTS
from mmlu_kit.settings import COMPRESSIONS, DTYPE_BYTES, Device, DType, Quantization


def weight_bytes(dtype: DType, quantization: Quantization) -> float:
    """The size of one weight of a linear layer, in bytes."""
    return COMPRESSIONS[quantization].bytes if quantization in COMPRESSIONS else DTYPE_BYTES[dtype]


def largest(memory_bytes: int, dtype: DType, quantization: Quantization) -> int:
    """The largest number of parameters that fits a memory of this size in this format, with BESIDE_WEIGHTS left over."""
    return max(0, round((memory_bytes - BESIDE_WEIGHTS) / weight_bytes(dtype, quantization)))


def free(torch: Any, device: Device) -> int:
    """Bytes that this process can still allocate on a device."""
    return int(torch.cuda.mem_get_info()[0]) if device == Device.CUDA else free_here()


def free_here() -> int:
    """Bytes of this machine's memory that this process can still allocate, within the limits of its control groups."""
    available = [psutil.virtual_memory().available]
    for folder in control_groups(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")):
        in_group = free_in_group(folder)
        available += [] if in_group is None else [in_group]
    return max(0, min(available))


def control_groups(table: Path, root: Path) -> list[Path]:
    """The folders of the control groups (cgroup v2, or v1's memory controller) that limit this process, with all parents."""
    folders: list[Path] = []
    for line in _text(table).splitlines() if table.exists() else []:
        _, controllers, path = line.split(":", 2)
        if controllers in ("", "memory"):
            base = root / controllers
            group = base / path.lstrip("/")
            # Inside a container the path may be the host's; the container's group is then mounted at the base.
            folders += [folder for folder in (group, *group.parents) if folder == base or base in folder.parents]
    return folders


def _text(path: Path) -> str:
    """A file of the system; names of control groups may be in any encoding."""
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def free_in_group(folder: Path) -> int | None:
    """Bytes left in one control group, None if it sets no limit; cached files count as free."""
    for limit, usage, cached in (
        ("memory.max", "memory.current", "file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache"),
    ):
        try:
            maximum, used = _text(folder / limit).strip(), int(_text(folder / usage))
            stat = dict(line.split() for line in _text(folder / "memory.stat").splitlines())
        except (OSError, ValueError):
            continue
        # Version 1 writes 'no limit' as a number larger than any machine's memory.
        if maximum == "max" or int(maximum) >= 1 << 60:
            return None
        return int(maximum) - (used - int(stat.get(cached, 0)))
    return None

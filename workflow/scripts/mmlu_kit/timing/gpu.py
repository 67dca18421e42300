"""NVIDIA GPUs: peak memory and energy (a value that cannot be measured is None, with the reason), names, memory and driver."""

import os
import re
from pathlib import Path
from typing import Any, NamedTuple

import pynvml
from pydantic import Field

from mmlu_kit.data import Bytes, Data, Joules

# The driver's own files, which it has without NVML too, and in containers that it was not handed into.
DRIVER_FILES = Path("/proc/driver/nvidia")
UNNAMED = "NVIDIA GPU"
# Values of CUDA_VISIBLE_DEVICES that hide every GPU; the last is SLURM's for a job without one.
NO_DEVICES = ("", "-1", "NoDevFiles")


class Gpu(NamedTuple):
    """A GPU and its memory in bytes."""

    name: str
    total_bytes: int
    free_bytes: int


class GpuUse(Data):
    """GPU energy and memory while a subject is evaluated."""

    gpu_energy_j: Joules | None = Field(description="Energy used by the whole GPU in that time, from NVML.")
    peak_gpu_bytes: Bytes | None = Field(description="The process's peak GPU memory so far.")
    reasons: dict[str, str] = Field(description="Why values are null, by the value's name.")


class Meter:
    """Measures energy and peak memory from now until it is read; the values are None, with the reason, without a GPU."""

    def __init__(self, torch: Any, device: str) -> None:
        self.torch, self.device = torch, device
        self.reasons: dict[str, str] = {}
        self.start_j = self._energy_j()

    def read(self) -> GpuUse:
        """The GPU usage since the meter was created."""
        if self.device != "cuda":
            reason = f"the model runs on {self.device}"
            reasons = dict.fromkeys(("gpu_s", "gpu_energy_j", "peak_gpu_bytes"), reason)
            return GpuUse(gpu_energy_j=None, peak_gpu_bytes=None, reasons=reasons)
        end_j = self._energy_j()
        energy_j = None if end_j is None or self.start_j is None else round(end_j - self.start_j, 3)
        peak = self.torch.cuda.max_memory_allocated()
        return GpuUse(gpu_energy_j=energy_j, peak_gpu_bytes=peak, reasons=self.reasons)

    def _energy_j(self) -> float | None:
        """Joules since the driver was loaded, None if NVML cannot tell."""
        if self.device != "cuda":
            return None
        try:
            pynvml.nvmlInit()
            # NVML counts all GPUs and CUDA only the visible ones, but the UUID is the same in both.
            handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{self.torch.cuda.get_device_properties(0).uuid}")
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
        except pynvml.NVMLError as error:
            self.reasons["gpu_energy_j"] = f"NVML: {error}"
            return None


def driver() -> str | None:
    """The version of NVIDIA's driver, None if there is none."""
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        text = _text(DRIVER_FILES / "version")
        version = re.search(r"NVRM version:.*?\s(\d{3,}\.[\d.]+)", text)
        return version[1] if version else None


def names() -> list[str]:
    """The names of all GPUs that NVML or the driver sees, whether or not torch can use them."""
    try:
        pynvml.nvmlInit()
        return [_name(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        texts = [_text(path) for path in sorted(DRIVER_FILES.glob("gpus/*/information"))]
        models = [re.search(r"^Model:\s*(\S.*?)\s*$", text, re.MULTILINE) for text in texts]
        return [model[1] if model else UNNAMED for model in models]


def visible() -> list[Gpu]:
    """The GPUs that NVML sees and that CUDA_VISIBLE_DEVICES does not hide from CUDA, in its order."""
    try:
        pynvml.nvmlInit()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in _visible(pynvml.nvmlDeviceGetCount())]
        memories = [pynvml.nvmlDeviceGetMemoryInfo(handle) for handle in handles]
        names = [str(pynvml.nvmlDeviceGetName(handle)) for handle in handles]
    except pynvml.NVMLError:
        return []
    return [Gpu(name, int(memory.total), int(memory.free)) for name, memory in zip(names, memories, strict=True)]


def _visible(count: int) -> list[int]:
    """The numbers of the GPUs that CUDA_VISIBLE_DEVICES names, all of `count` where it is not set or names them otherwise."""
    value = os.environ.get("CUDA_VISIBLE_DEVICES")
    if value in NO_DEVICES:
        return []
    if value is None or not re.fullmatch("[0-9]+(,[0-9]+)*", value):  # unique identifiers, which may be those of parts of a GPU
        return list(range(count))
    return [number for number in map(int, value.split(",")) if number < count]


def _name(number: int) -> str:
    try:
        return str(pynvml.nvmlDeviceGetName(pynvml.nvmlDeviceGetHandleByIndex(number)))
    except pynvml.NVMLError:
        return UNNAMED


def _text(path: Path) -> str:
    """A file's text, empty if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

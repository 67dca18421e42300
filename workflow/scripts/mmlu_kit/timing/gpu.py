"""Peak memory, energy and driver of an NVIDIA GPU; what cannot be measured is None, with the reason."""

from typing import Any

import pynvml
from pydantic import Field

from mmlu_kit.data import Bytes, Data, Joules


class GpuUse(Data):
    """The GPU energy and memory of a subject."""

    gpu_energy_j: Joules | None = Field(description="Joules of the whole GPU meanwhile, from NVML.")
    peak_gpu_bytes: Bytes | None = Field(description="The most GPU memory of the process until then.")
    reasons: dict[str, str] = Field(description="Why a value is null.")


class Meter:
    """Measures energy and peak memory of the GPU from now until it is read; None, with the reason, on another device."""

    def __init__(self, torch: Any, device: str) -> None:
        self.torch, self.device = torch, device
        self.reasons: dict[str, str] = {}
        self.began_j = self._energy_j()

    def read(self) -> GpuUse:
        """The use since the meter was made."""
        if self.device != "cuda":
            reason = f"the model runs on {self.device}"
            reasons = dict.fromkeys(("gpu_s", "gpu_energy_j", "peak_gpu_bytes"), reason)
            return GpuUse(gpu_energy_j=None, peak_gpu_bytes=None, reasons=reasons)
        ended_j = self._energy_j()
        energy_j = None if ended_j is None or self.began_j is None else round(ended_j - self.began_j, 3)
        peak = self.torch.cuda.max_memory_allocated()
        return GpuUse(gpu_energy_j=energy_j, peak_gpu_bytes=peak, reasons=self.reasons)

    def _energy_j(self) -> float | None:
        """Joules since the driver was loaded."""
        if self.device != "cuda":
            return None
        try:
            pynvml.nvmlInit()
            # NVML numbers all GPUs, CUDA the visible ones only; the UUID is the same in both.
            handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{self.torch.cuda.get_device_properties(0).uuid}")
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / 1000
        except pynvml.NVMLError as error:
            self.reasons["gpu_energy_j"] = f"NVML: {error}"
            return None


def driver() -> str | None:
    """The version of NVIDIA's driver, None where there is none."""
    try:
        pynvml.nvmlInit()
        return str(pynvml.nvmlSystemGetDriverVersion())
    except pynvml.NVMLError:
        return None

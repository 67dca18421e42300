"""What an NVIDIA GPU says of itself: memory at its fullest, energy, driver. What cannot be read is None, with the reason."""

from typing import Any

import pynvml


class Meter:
    """What is taken of the GPU from now until it is read; of a model on another device, nothing, and why."""

    def __init__(self, torch: Any, device: str) -> None:
        self.torch, self.device = torch, device
        self.reasons: dict[str, str] = {}
        self.began_j = self._energy_j()

    def read(self) -> dict:
        """`gpu_energy_j` of the whole GPU meanwhile, `peak_gpu_bytes` of this process so far, and `reasons`."""
        ended_j = self._energy_j()
        found = {
            "gpu_energy_j": None if ended_j is None or self.began_j is None else round(ended_j - self.began_j, 3),
            "peak_gpu_bytes": self.torch.cuda.max_memory_allocated() if self.device == "cuda" else None,
        }
        if self.device != "cuda":
            self.reasons = dict.fromkeys(("gpu_s", *found), f"the model runs on {self.device}")
        return {**found, "reasons": self.reasons}

    def _energy_j(self) -> float | None:
        """Joules since the driver was loaded."""
        if self.device != "cuda":
            return None
        try:
            pynvml.nvmlInit()
            # NVML numbers all GPUs of the machine, CUDA those that it is allowed to see: the UUID is the same in both.
            handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{self.torch.cuda.get_device_properties(0).uuid}")
            return pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000
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

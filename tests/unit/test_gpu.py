"""The GPU meter, with fakes for torch.cuda and NVML's library.

Only a GPU can reach: that NVML finds the device by the UUID that CUDA gives, that the counters are of that device, and that
torch counts the memory of bitsandbytes' weights. The lines of mmlu_kit/timing/gpu.py themselves are all run here.
"""

from types import SimpleNamespace

import pynvml
import pytest
from mmlu_kit.timing import gpu
from mmlu_kit.timing.gpu import Gpu, GpuUse


@pytest.fixture
def cuda():
    properties = SimpleNamespace(uuid="12-34")
    return SimpleNamespace(
        cuda=SimpleNamespace(get_device_properties=lambda number: properties, max_memory_allocated=lambda: 3 * 10**9)
    )


@pytest.fixture
def nvml(monkeypatch):
    """Fake NVML's energy counter with these successive readings, in millijoules."""
    readings = iter([5_000_000, 5_042_500])
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByUUID", lambda uuid: {"GPU-12-34": "handle"}[uuid])
    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", lambda handle: {"handle": next(readings)}[handle])
    monkeypatch.setattr(pynvml, "nvmlSystemGetDriverVersion", lambda: "580.1")


def test_energy_is_the_counters_increase(cuda, nvml):
    assert gpu.Meter(cuda, "cuda").read() == GpuUse(gpu_energy_j=42.5, peak_gpu_bytes=3 * 10**9, reasons={})
    assert gpu.driver() == "580.1"


def test_a_gpu_without_an_energy_counter_says_so(cuda, nvml, monkeypatch):
    def not_supported(handle):
        raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetTotalEnergyConsumption", not_supported)
    reasons = {"gpu_energy_j": "NVML: Not Supported"}
    assert gpu.Meter(cuda, "cuda").read() == GpuUse(gpu_energy_j=None, peak_gpu_bytes=3 * 10**9, reasons=reasons)


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_without_a_gpu_the_meter_gives_a_reason(device):
    reasons = dict.fromkeys(("gpu_s", "gpu_energy_j", "peak_gpu_bytes"), f"the model runs on {device}")
    assert gpu.Meter(None, device).read() == GpuUse(gpu_energy_j=None, peak_gpu_bytes=None, reasons=reasons)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ["first", "second"]),
        ("1,0", ["second", "first"]),
        ("1", ["second"]),
        ("7", []),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("GPU-0123", ["first", "second"]),
    ],
)
def test_only_gpus_that_cuda_sees_are_visible(monkeypatch, value, names):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if value is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda number: number)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", ["first", "second"].__getitem__)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetMemoryInfo", lambda number: SimpleNamespace(total=16, free=number))
    assert [row.name for row in gpu.visible()] == names
    assert all(row == Gpu(row.name, 16, row.name == "second") for row in gpu.visible())


def test_a_machine_without_the_driver(monkeypatch, tmp_path):
    def missing():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    monkeypatch.setattr(gpu, "DRIVER_FILES", tmp_path)
    assert gpu.driver() is None and gpu.names() == [] and gpu.visible() == []

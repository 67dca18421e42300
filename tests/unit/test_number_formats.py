"""The number format `auto`: what it is on each device, in memory estimates, and beside what ran."""

from types import SimpleNamespace

import pytest
import torch
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import footprint, loading, memory, number_formats, transformers_model
from mmlu_kit.settings import (
    DTYPE_BYTES,
    Device,
    DType,
    LoadSettings,
    OnUnavailable,
    Quantization,
    differences,
    dtype_bytes,
    in_words,
)
from mmlu_kit.timing import gpu_obstacles

from tests.helpers import results

AUTO = LoadSettings(device="cuda", dtype="auto", quantization="4bit")


@pytest.fixture
def cuda(monkeypatch):
    """Return a function that fakes a GPU of a compute capability; models meant for it are loaded on the CPU."""
    import bitsandbytes  # noqa: F401 - it looks for a GPU when it is first imported

    real = transformers_model.load_model

    def fake(*capability):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
        monkeypatch.setattr(memory, "free", lambda torch, device: 10**10)
        on_cpu = {"device": Device.CPU}
        monkeypatch.setattr(
            transformers_model, "load_model", lambda folder, requested: real(folder, requested.model_copy(update=on_cpu))
        )

    return fake


@pytest.mark.parametrize(
    ("capability", "dtype"),
    [((7, 0), "float16"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((8, 9), "bfloat16"), ((10, 0), "bfloat16")],
)
def test_auto_on_cuda_is_what_the_gpu_computes_in(cuda, capability, dtype):
    cuda(*capability)
    assert number_formats.resolve(DType.AUTO, Device.CUDA) == dtype
    assert number_formats.resolve(DType.FLOAT32, Device.CUDA) == "float32"


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_auto_elsewhere_is_float32(device):
    assert number_formats.resolve(DType.AUTO, Device(device)) == "float32"
    assert number_formats.resolve(DType.BFLOAT16, Device(device)) == "bfloat16"


def test_auto_on_the_cpu_is_loaded_in_float32_without_a_reason(root):
    manifest = checkpoints.describe(root / "workflow/demo/models/demo-small")
    loaded = loading.load(manifest, LoadSettings(dtype="auto"), OnUnavailable.FAIL)
    assert (loaded.effective.dtype, loaded.reason) == ("float32", None)
    assert differences(LoadSettings(dtype="auto"), loaded.effective) == []


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), "float16"), ((9, 0), "bfloat16")])
def test_4_bit_weights_are_computed_in_what_auto_is(root, cuda, capability, dtype):
    cuda(*capability)
    manifest = checkpoints.describe(root / "workflow/demo/models/demo-small")
    loaded = loading.load(manifest, AUTO, OnUnavailable.FALLBACK)
    assert (loaded.effective.dtype, loaded.effective.quantization) == (dtype, "4bit")
    assert {part.compute_dtype for part in loaded.effective.parts if part.quant_type} == {dtype}


def test_each_fallback_resolves_auto_for_its_own_device(root, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu_obstacles, "obstacle", lambda torch: "this machine has none")
    manifest = checkpoints.describe(root / "workflow/demo/models/demo-small")
    loaded = loading.load(manifest, AUTO, OnUnavailable.FALLBACK)
    assert in_words(loaded.effective) == "cpu, float32, 4bit"
    assert differences(AUTO, loaded.effective) == ["cpu instead of cuda"]
    assert loaded.reason == "device 'cuda' was requested, but this machine has none"


def test_a_gpu_that_is_too_small_is_reported_in_its_format_before_the_cpu_is_tried(root, cuda, monkeypatch):
    cuda(7, 5)
    monkeypatch.setattr(memory, "free", lambda torch, device: 1000 if device == "cuda" else 10**10)
    manifest = checkpoints.describe(root / "workflow/demo/models/demo-small")
    loaded = loading.load(manifest, AUTO.model_copy(update={"quantization": Quantization.NONE}), OnUnavailable.FALLBACK)
    assert loaded.effective.dtype == "float32"
    assert loaded.reason.startswith("demo-small in float16 needs about 0.4 GB, but 0.0 GB of cuda memory are free")
    assert footprint.needed(manifest, Device.CUDA, DType.FLOAT16, Quantization.NONE) < 0.41e9


def test_requested_and_effective_read_well_beside_each_other():
    ran = results.effective("cuda", "4bit").model_copy(update={"dtype": "float16"})
    assert (in_words(AUTO), in_words(ran), differences(AUTO, ran)) == ("cuda, auto, 4bit", "cuda, float16, 4bit", [])
    requested = AUTO.model_copy(update={"dtype": DType.BFLOAT16})
    assert differences(requested, ran) == ["float16 instead of bfloat16"]


def test_the_bytes_of_a_weight_are_known_without_torch():
    assert [dtype_bytes(DType.AUTO, device) for device in Device] == [4, 2, 4]  # cpu, cuda, mps
    for dtype, size in DTYPE_BYTES.items():
        assert {dtype_bytes(dtype, device) for device in Device} == {size}
        assert transformers_model.torch_dtype(dtype).itemsize == size
    assert set(DType) == {*DTYPE_BYTES, DType.AUTO}


def model(dtype, *modules):
    return SimpleNamespace(dtype=dtype, modules=lambda: modules)


@pytest.mark.parametrize(
    ("dtype", "advice"),
    [
        ("float16", "float16 overflows: set dtype to float32, or to bfloat16 on a GPU of compute capability 8.0 or newer"),
        ("bfloat16", "set dtype to float32 or, if that changes nothing, fetch the weights again"),
        ("float32", "fetch the weights again, or use another model"),
    ],
)
def test_output_that_is_not_finite_has_another_way_out_in_each_format(dtype, advice):
    line = number_formats.not_finite(model(getattr(torch, dtype)))
    assert line == f"the model's output is not finite: {advice}"


def test_8_bit_layers_overflow_in_float16_whatever_dtype_is():
    layer = type("Linear8bitLt", (), {})()
    line = "the model's output is not finite: 8-bit layers compute in float16, which overflows: use the model"
    assert number_formats.not_finite(model(torch.bfloat16, layer)).startswith(line)

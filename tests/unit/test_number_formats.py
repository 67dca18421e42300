"""The number format `auto`: what it is on each device, in memory estimates, and beside what ran."""

from types import SimpleNamespace

import pytest
import torch
from mmlu_kit.evaluation import process
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import cpu_formats, footprint, loading, memory, number_formats, transformers_model
from mmlu_kit.settings import (
    DTYPE_BYTES,
    Device,
    DType,
    LoadSettings,
    OnUnavailable,
    Quantization,
    Requested,
    differences,
    dtype_bytes,
    in_words,
)
from mmlu_kit.timing import gpu_obstacles, processor
from mmlu_kit.timing.phase_timer import PhaseTimer

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


@pytest.fixture(params=["float32", "bfloat16"])
def on_cpu(request, monkeypatch):
    """Let the processor multiply bfloat16 itself or not; return what `auto` is then."""
    monkeypatch.setattr(processor, "multiplies_bfloat16", lambda: request.param == "bfloat16")
    return request.param


def test_auto_on_a_processor_is_bfloat16_only_if_it_multiplies_it_itself(on_cpu):
    assert number_formats.resolve(DType.AUTO, Device.CPU) == on_cpu
    assert number_formats.resolve(DType.AUTO, Device.MPS) == "float32"
    for dtype in DTYPE_BYTES:
        assert {number_formats.resolve(dtype, device) for device in Device} == {dtype}


def test_auto_on_the_cpu_is_loaded_in_its_format_without_a_reason(root, on_cpu):
    manifest = checkpoints.describe(root / "workflow/demo/models/demo-small")
    loaded = loading.load(manifest, LoadSettings(dtype="auto"), OnUnavailable.FAIL)
    assert (loaded.effective.dtype, loaded.reason) == (on_cpu, None)
    assert differences(LoadSettings(dtype="auto"), loaded.effective) == []


def test_what_auto_chose_on_a_processor_is_said_and_emulated_bfloat16_is_warned_of(on_cpu):
    why = {"float32": "as this processor only emulates bfloat16", "bfloat16": "which this processor multiplies itself"}[on_cpu]
    warning = "bfloat16 is emulated on this processor and slower than float32: set dtype to float32 or auto"
    assert cpu_formats.remark(LoadSettings(dtype="auto")) == f"dtype auto: {on_cpu}, {why}"
    assert cpu_formats.remark(LoadSettings(dtype="bfloat16")) == (warning if on_cpu == "float32" else None)
    for other in (LoadSettings(), LoadSettings(dtype="float16"), AUTO, LoadSettings(device="mps", dtype="bfloat16")):
        assert cpu_formats.remark(other) is None


@pytest.mark.parametrize(("dtype", "line"), [("auto", "dtype auto: "), ("bfloat16", "bfloat16 is emulated"), ("float32", None)])
def test_an_evaluation_prints_it_once(root, monkeypatch, capsys, dtype, line):
    monkeypatch.setattr(processor, "multiplies_bfloat16", lambda: False)
    model = root / "workflow/demo/models/demo-small"
    job = process.Job(model, "demo-small", Requested(dtype=dtype), OnUnavailable.FAIL, process.Outputs())
    process.evaluate(job, {"astronomy": [results.question("astronomy", number) for number in range(3)]}, PhaseTimer())
    printed = capsys.readouterr().out.splitlines()
    assert f"Model dtype: torch.{'bfloat16' if dtype == 'bfloat16' else 'float32'}" in printed
    assert len([row for row in printed if row.startswith(line or ("dtype auto", "bfloat16 is"))]) == (1 if line else 0)


@pytest.mark.parametrize(("capability", "dtype"), [((7, 5), "float16"), ((9, 0), "bfloat16")])
def test_4_bit_weights_are_computed_in_what_auto_is(root, cuda, capability, dtype):
    cuda(*capability)
    manifest = checkpoints.describe(root / "workflow/demo/models/demo-small")
    loaded = loading.load(manifest, AUTO, OnUnavailable.FALLBACK)
    assert (loaded.effective.dtype, loaded.effective.quantization) == (dtype, "4bit")
    assert {part.compute_dtype for part in loaded.effective.parts if part.quant_type} == {dtype}


def test_each_fallback_resolves_auto_for_its_own_device(root, monkeypatch, on_cpu):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(gpu_obstacles, "obstacle", lambda torch: "this machine has none")
    manifest = checkpoints.describe(root / "workflow/demo/models/demo-small")
    loaded = loading.load(manifest, AUTO, OnUnavailable.FALLBACK)
    assert in_words(loaded.effective) == f"cpu, {on_cpu}, 4bit"
    assert differences(AUTO, loaded.effective) == ["cpu instead of cuda"]
    assert loaded.reason == "device 'cuda' was requested, but this machine has none"


def test_a_gpu_that_is_too_small_is_reported_in_its_format_before_the_cpu_is_tried(root, cuda, monkeypatch, on_cpu):
    cuda(7, 5)
    monkeypatch.setattr(memory, "free", lambda torch, device: 1000 if device == "cuda" else 10**10)
    manifest = checkpoints.describe(root / "workflow/demo/models/demo-small")
    loaded = loading.load(manifest, AUTO.model_copy(update={"quantization": Quantization.NONE}), OnUnavailable.FALLBACK)
    assert loaded.effective.dtype == on_cpu
    assert loaded.reason.startswith("demo-small in float16 needs about 0.4 GB, but 0.0 GB of cuda memory are free")
    assert footprint.needed(manifest, Device.CUDA, DType.FLOAT16, Quantization.NONE) < 0.41e9


def test_requested_and_effective_read_well_beside_each_other():
    ran = results.effective("cuda", "4bit").model_copy(update={"dtype": "float16"})
    assert (in_words(AUTO), in_words(ran), differences(AUTO, ran)) == ("cuda, auto, 4bit", "cuda, float16, 4bit", [])
    requested = AUTO.model_copy(update={"dtype": DType.BFLOAT16})
    assert differences(requested, ran) == ["float16 instead of bfloat16"]


def test_the_bytes_of_a_weight_are_known_without_torch():
    assert [dtype_bytes(DType.AUTO, device) for device in Device] == [4, 2, 4]  # cpu, cuda, mps: the larger that it can be
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

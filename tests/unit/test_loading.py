"""Loading as requested or as `on_unavailable` says, with hardware and libraries hidden from the loader."""

import json
import shutil

import pytest
import tokenizers as backend
import torch
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import loading, memory, tokenizers, transformers_model
from mmlu_kit.settings import LoadSettings, OnUnavailable, fallbacks
from mmlu_kit.timing import gpu_obstacles
from mmlu_kit.user_errors import UserError

FREE = 10**11


@pytest.fixture(scope="module")
def manifest(root):
    return checkpoints.describe(root / "workflow/demo/models/demo-medium")


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(gpu_obstacles, "obstacle", lambda torch: "this machine has none")


def requested(device="cpu", quantization="none", dtype="float32"):
    return LoadSettings(device=device, dtype=dtype, quantization=quantization)


def ran(loaded):
    """Return the effective settings in the form of a request."""
    return requested(loaded.effective.device, loaded.effective.quantization, loaded.effective.dtype)


@pytest.mark.parametrize("quantization", ["none", "4bit", "8bit"])
def test_a_possible_request_is_met_without_a_reason(manifest, quantization):
    for policy in OnUnavailable:
        loaded = loading.load(manifest, requested(quantization=quantization), policy)
        assert ran(loaded) == requested(quantization=quantization) and loaded.reason is None


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_missing_device(manifest, no_gpu, monkeypatch, device):
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    why = f"device '{device}' was requested, but this machine has none"
    with pytest.raises(UserError, match=f"^{why}: use another machine, .*fallback or skip$"):
        loading.load(manifest, requested(device), OnUnavailable.FAIL)
    assert loading.load(manifest, requested(device), OnUnavailable.SKIP) == (None, None, why)
    loaded = loading.load(manifest, requested(device, "4bit"), OnUnavailable.FALLBACK)
    assert ran(loaded) == requested("cpu", "4bit") and loaded.reason == why


def test_a_machine_without_bitsandbytes(manifest, no_gpu, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "bitsandbytes", None)
    why = "quantization '4bit' was requested, but bitsandbytes cannot be used here (ModuleNotFoundError)"
    with pytest.raises(UserError) as problem:
        loading.load(manifest, requested(quantization="4bit"), OnUnavailable.FAIL)
    assert str(problem.value).startswith(f"{why}: ")
    assert loading.load(manifest, requested(quantization="4bit"), OnUnavailable.SKIP).reason == why
    loaded = loading.load(manifest, requested("cuda", "4bit"), OnUnavailable.FALLBACK)
    assert ran(loaded) == requested("cpu", "none")
    assert loaded.reason == f"device 'cuda' was requested, but this machine has none; {why}"


def test_a_device_that_bitsandbytes_does_not_support(manifest, monkeypatch):
    monkeypatch.setattr(__import__("bitsandbytes"), "supported_torch_devices", {"cuda"})
    loaded = loading.load(manifest, requested(quantization="8bit"), OnUnavailable.SKIP)
    assert loaded.reason == "quantization '8bit' was requested, but bitsandbytes does not quantize on cpu"


def test_too_little_memory_is_reported_in_numbers_before_loading(manifest, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda torch, device: 300_000_000)
    monkeypatch.setattr(transformers_model, "load_model", lambda *a, **k: pytest.fail("it was loaded all the same"))
    why = "demo-medium in bfloat16 needs about 0.4 GB, but 0.3 GB of cpu memory are free"
    with pytest.raises(UserError, match=f"^{why}: "):
        loading.load(manifest, requested(dtype="bfloat16"), OnUnavailable.FAIL)
    assert loading.load(manifest, requested(dtype="bfloat16"), OnUnavailable.SKIP).reason == why
    with pytest.raises(UserError, match=r"4bit with float32 needs about .*; demo-medium in float32 needs about "):
        loading.load(manifest, requested(quantization="4bit"), OnUnavailable.FALLBACK)


def test_too_little_memory_on_the_gpu_falls_back_to_the_cpu(manifest, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(memory, "free", lambda torch, device: 1000 if device == "cuda" else FREE)
    loaded = loading.load(manifest, requested("cuda"), OnUnavailable.FALLBACK)
    assert ran(loaded) == requested("cpu")
    assert loaded.reason == "demo-medium in float32 needs about 0.4 GB, but 0.0 GB of cuda memory are free"


def test_memory_that_runs_out_while_loading(manifest, monkeypatch):
    real = transformers_model.load_model

    def full(folder, requested):
        if requested.device == "cuda":
            raise transformers_model.DoesNotFit("/srv/Jane Doe/m: does not fit the memory of cuda")
        return real(folder, requested)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(memory, "free", lambda torch, device: FREE)
    monkeypatch.setattr(transformers_model, "load_model", full)
    assert loading.load(manifest, requested("cuda"), OnUnavailable.SKIP).reason == "…/m: does not fit the memory of cuda"
    loaded = loading.load(manifest, requested("cuda"), OnUnavailable.FALLBACK)
    assert ran(loaded) == requested("cpu") and loaded.reason == "…/m: does not fit the memory of cuda"


@pytest.mark.parametrize("flag", ["llm_int8_enable_fp32_cpu_offload", "llm_int8_has_fp16_weight"])
def test_a_library_that_does_not_quantize_is_an_error(manifest, monkeypatch, flag):
    """For example, another version of the library may have other defaults."""
    lying = transformers_model.transformers.BitsAndBytesConfig(load_in_8bit=True, **{flag: True})
    monkeypatch.setattr(transformers_model, "quantization_config", lambda quantization, dtype: lying)
    why = "the library silently loaded no quantization instead of 8bit"
    with pytest.raises(UserError, match=f"^{why}: "):
        loading.load(manifest, requested(quantization="8bit"), OnUnavailable.FAIL)
    assert loading.load(manifest, requested(quantization="8bit"), OnUnavailable.SKIP) == (None, None, why)
    loaded = loading.load(manifest, requested(quantization="8bit"), OnUnavailable.FALLBACK)
    assert ran(loaded) == requested() and loaded.reason == why


def test_fallbacks_in_order():
    assert fallbacks(requested("cuda", "4bit")) == [requested("cpu", "4bit"), requested("cpu", "none")]
    assert fallbacks(requested("cuda")) == [requested("cpu")]
    assert fallbacks(requested("cpu", "4bit")) == [requested("cpu")]
    assert fallbacks(requested()) == []


def test_a_tokenizer_that_encodes_nothing_is_refused(root, tmp_path):
    folder = shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["model"] |= {"vocab": {}, "merges": []}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(UserError, match="the tokenizer has no token for 'A': save the model's own tokenizer"):
        tokenizers.load_tokenizer(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_type": "somebodys"}, r"model type `somebodys` .*: fetch or save it again, or use another model$"),
        (
            {"model_type": "somebodys", "auto_map": {"AutoConfig": "x.Y", "AutoModelForCausalLM": "x.Z"}},
            r"it needs code of its own, which the kit never runs\): use a model of a family that transformers has$",
        ),
    ],
)
def test_a_model_of_an_unknown_family_is_one_line(root, tmp_path, changes, words):
    folder = shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=words):
        transformers_model.load_model(folder, requested())


def test_a_tokenizer_that_its_class_would_cut_otherwise_follows_its_file(root, tmp_path):
    """Of tokenizer.json transformers takes only the vocabulary for this family, and not that digits are single tokens."""
    folder = shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "model")
    described = json.loads((folder / "tokenizer.json").read_text())
    cuts = [{"type": "Digits", "individual_digits": True}, described["pre_tokenizer"]]
    described["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": cuts}
    described["normalizer"] = {"type": "Lowercase"}
    (folder / "tokenizer.json").write_text(json.dumps(described))
    text = "In 2024, THE answer\n\n  is 17."
    expected = backend.Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text, add_special_tokens=False).ids
    tokenizer = tokenizers.load_tokenizer(folder)
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == expected
    assert tokenizer.chat_template and tokenizer.eos_token


def test_a_config_that_cannot_be_used_is_named(root, tmp_path):
    folder = shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text()) | {"num_hidden_layers": "three"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"config.json cannot be used \(.*num_hidden_layers.*three"):
        tokenizers.load_tokenizer(folder)

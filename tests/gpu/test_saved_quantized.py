"""Checkpoints that were saved quantized, on a real GPU: what the CPU computes, and methods that work on CUDA only."""

import json
import shutil

import pytest
import safetensors.torch
import torch
import transformers
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import loading, transformers_model
from mmlu_kit.settings import LoadSettings, OnUnavailable, in_words

from tests.helpers import quantized_folders

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]

IDS = [[5, 6, 7, 8, 9, 10, 11]]
PER_TOKEN = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True}


@pytest.fixture(scope="module")
def demo(root):
    return root / "workflow/demo/models/demo-medium"


def load(folder, device, dtype="float32"):
    loaded = loading.load(checkpoints.describe(folder), LoadSettings(device=device, dtype=dtype), OnUnavailable.FAIL)
    with torch.inference_mode():
        return loaded, loaded.model(torch.tensor(IDS, device=device)).logits[0, -1].float().cpu()


@pytest.mark.parametrize("form", quantized_folders.FORMS)
@pytest.mark.parametrize("inputs", [None, PER_TOKEN])
def test_compressed_tensors_compute_on_the_gpu_what_they_do_on_the_cpu(demo, tmp_path, form, inputs):
    if inputs and form != "int8":
        pytest.skip("only eight-bit weights are saved with eight-bit activations")
    folder = quantized_folders.write(tmp_path / "model", demo, form, inputs)
    (cpu, expected), (gpu, logits) = load(folder, "cpu"), load(folder, "cuda")
    assert (gpu.effective.device, gpu.effective.saved) == ("cuda", cpu.effective.saved)
    torch.testing.assert_close(logits, expected, atol=5e-3, rtol=0)


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_saved_by_bitsandbytes_on_the_gpu(demo, tmp_path, bits):
    folder = shutil.copytree(demo, tmp_path / "model")
    settings = LoadSettings(device="cuda", dtype="bfloat16", quantization=f"{bits}bit")
    transformers_model.load_model(demo, settings).save_pretrained(folder)
    loaded, logits = load(folder, "cuda", "bfloat16")
    assert in_words(loaded.effective) == f"cuda, bfloat16, {bits}bit, saved as bitsandbytes {bits}-bit"
    assert logits.isfinite().all()


def test_fp8_weights_are_dequantized_on_the_gpu_as_on_the_cpu(demo, tmp_path):
    folder = shutil.copytree(demo, tmp_path / "model")
    weights = safetensors.torch.load_file(demo / "model.safetensors")
    for name in [name for name in weights if name.endswith("proj.weight")]:
        weights[f"{name}_scale_inv"] = weights[name].float().abs().amax().view(1, 1) / 448
        weights[name] = (weights[name].float() / weights[f"{name}_scale_inv"]).to(torch.float8_e4m3fn)
    safetensors.torch.save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "fp8", "weight_block_size": [4096, 4096]}
    (folder / "config.json").write_text(json.dumps(config))
    (_, expected), (loaded, logits) = load(folder, "cpu"), load(folder, "cuda")
    assert in_words(loaded.effective) == "cuda, float32, saved as fp8 8-bit, dequantized, activations not quantized"
    torch.testing.assert_close(logits, expected, atol=5e-3, rtol=0)


def test_hqq_runs_on_the_gpu(demo, tmp_path):
    pytest.importorskip("hqq", reason="hqq is not installed")
    folder = shutil.copytree(demo, tmp_path / "model")
    config = transformers.HqqConfig(nbits=4, group_size=64)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        demo, dtype=torch.bfloat16, device_map={"": "cuda"}, quantization_config=config
    )
    model.save_pretrained(folder)
    loaded, _ = load(folder, "cuda", "bfloat16")
    assert loaded.effective.quantization == "4bit"

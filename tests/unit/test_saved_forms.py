"""What is loaded is what the checkpoint holds: all of its weights, no others, and in the form in which they were saved."""

import json
import re
import shutil

import pytest
import safetensors.torch
import torch
import transformers
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import footprint, loading, memory, saved_quantization, transformers_model
from mmlu_kit.models.inspect_model import effective_configuration
from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable, Quantization, differences, in_words
from mmlu_kit.user_errors import UserError

DEMO = "workflow/demo/models/demo-medium"
IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 11]])
BLOCK = 32  # rows and columns of an FP8 block
FP8 = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [BLOCK, BLOCK]}


@pytest.fixture
def folder(root, tmp_path):
    return shutil.copytree(root / DEMO, tmp_path / "model")


@pytest.fixture(scope="module")
def demo_logits(root):
    return logits(transformers_model.load_model(root / DEMO, LoadSettings()))


def logits(model):
    with torch.inference_mode():
        return model(IDS).logits[0, -1].float()


def load(folder, **requested):
    return loading.load(checkpoints.describe(folder), LoadSettings(**requested), OnUnavailable.FAIL)


def change_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def change_weights(folder, change):
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})


def is_linear(name, weight):
    return weight.dim() == 2 and "embed" not in name and "lm_head" not in name


def fewer_layers(folder):
    change_config(folder, num_hidden_layers=2, layer_types=None)


def another_family(folder):
    change_config(folder, architectures=["LlamaForCausalLM"], model_type="llama", layer_types=None)


def lora_pairs(folder):
    pair = {f"model.layers.0.self_attn.q_proj.lora_{side}.weight": torch.zeros(4, 4) for side in "AB"}
    change_weights(folder, lambda weights: weights | pair)


def one_missing(folder):
    change_weights(folder, lambda weights: {name: w for name, w in weights.items() if name != "model.norm.weight"})


def one_of_another_shape(folder):
    change_weights(folder, lambda weights: weights | {"model.norm.weight": torch.ones(7)})


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (fewer_layers, r"the model of config.json has no model.layers.2.input_layernorm.weight, which is in the weights"),
        (another_family, r"has no model.layers.0.self_attn.k_proj.bias, which is in the weights \(9 in all\)"),
        (lora_pairs, r"has no model.layers.0.self_attn.q_proj.lora_A.weight, which is in the weights \(2 in all\)"),
        (one_missing, r"model.norm.weight is missing in the weights \(1 in all\)"),
        (one_of_another_shape, r"model.norm.weight has another shape in the weights than in config.json"),
    ],
)
def test_weights_that_are_not_the_models_are_refused(folder, spoil, words):
    spoil(folder)
    with pytest.raises(UserError, match=words):
        load(folder)


@pytest.mark.parametrize("family", ["Llama", "Qwen2", "Qwen3", "Gemma2", "Mistral", "Phi3", "OlmoE"])
def test_correct_checkpoints_report_no_weights_of_others(tmp_path, family):
    names = {"OlmoE": ("OlmoeConfig", "OlmoeForCausalLM")}
    config, kind = names.get(family, (f"{family}Config", f"{family}ForCausalLM"))
    size = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    size |= {"num_key_value_heads": 1, "pad_token_id": 0}
    getattr(transformers, kind)(getattr(transformers, config)(**size)).save_pretrained(tmp_path)
    assert transformers_model.load_model(tmp_path, LoadSettings())


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_saved_by_bitsandbytes_are_loaded_as_they_were_saved(root, folder, demo_logits, bits):
    quantized = transformers_model.load_model(root / DEMO, LoadSettings(quantization=f"{bits}bit"))
    quantized.save_pretrained(folder)
    expected = logits(quantized)
    assert (expected - demo_logits).abs().max() > 0.01
    loaded = load(folder)
    torch.testing.assert_close(logits(loaded.model), expected, atol=1e-6, rtol=0)
    assert loaded.effective.quantization == f"{bits}bit" and loaded.reason is None
    assert in_words(loaded.effective) == f"cpu, float32, {bits}bit, saved as bitsandbytes {bits}-bit"
    manifest = checkpoints.describe(folder)
    assert manifest.parameters == checkpoints.describe(root / DEMO).parameters
    estimate = footprint.needed(manifest, Device.CPU, DType.FLOAT32, Quantization.NONE) - memory.BESIDE_WEIGHTS
    assert estimate == pytest.approx(loaded.effective.weight_bytes, rel=0.1)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_weights_saved_by_bitsandbytes_are_computed_in_the_requested_format(root, folder, bits, dtype):
    """Published checkpoints were saved in bfloat16 and say so, also of what is not quantized."""
    transformers_model.load_model(root / DEMO, LoadSettings(quantization=f"{bits}bit", dtype="bfloat16")).save_pretrained(
        folder
    )
    loaded = load(folder, dtype=dtype)
    assert in_words(loaded.effective) == f"cpu, {dtype}, {bits}bit, saved as bitsandbytes {bits}-bit"
    assert {part.compute_dtype for part in loaded.effective.parts if part.quant_type} == {dtype if bits == 4 else None}
    assert logits(loaded.model).isfinite().all()


@pytest.mark.parametrize("flag", ["llm_int8_enable_fp32_cpu_offload", "llm_int8_has_fp16_weight"])
def test_flags_of_bitsandbytes_do_not_drop_the_scales(root, folder, flag):
    quantized = transformers_model.load_model(root / DEMO, LoadSettings(quantization="8bit"))
    quantized.save_pretrained(folder)
    saved = json.loads((folder / "config.json").read_text())["quantization_config"]
    change_config(folder, quantization_config=saved | {flag: True})
    torch.testing.assert_close(logits(load(folder).model), logits(quantized), atol=1e-6, rtol=0)


def without(folder, ending):
    change_weights(folder, lambda weights: {n: w for n, w in weights.items() if n != f"model.layers.0.mlp.down_proj.{ending}"})


@pytest.mark.parametrize("ending", ["weight.nested_absmax", "weight.absmax", "weight.quant_state.bitsandbytes__nf4"])
def test_missing_scales_of_4_bit_weights_are_refused(root, folder, ending):
    transformers_model.load_model(root / DEMO, LoadSettings(quantization="4bit")).save_pretrained(folder)
    without(folder, ending)
    with pytest.raises(UserError):
        load(folder)


def test_a_layer_that_was_not_to_be_quantized_but_is_has_no_scales(root, folder):
    transformers_model.load_model(root / DEMO, LoadSettings(quantization="8bit")).save_pretrained(folder)
    saved = json.loads((folder / "config.json").read_text())["quantization_config"]
    change_config(folder, quantization_config=saved | {"llm_int8_skip_modules": ["down_proj"]})
    with pytest.raises(
        UserError, match=r"down_proj.weight was saved as int8, but its scales are missing in the weights: fetch"
    ):
        load(folder)


def fp8(weights, block=BLOCK):
    """FP8 blocks with a scale for each, as published FP8 checkpoints have them; and the same weights without blocks."""
    stored, dense = {}, {}
    for name, weight in weights.items():
        stored[name] = dense[name] = weight
        if is_linear(name, weight):
            rows, columns = weight.shape
            blocks = torch.zeros(-(-rows // block) * block, -(-columns // block) * block)
            blocks[:rows, :columns] = weight.float()
            blocks = blocks.view(blocks.shape[0] // block, block, -1, block)
            scale = blocks.abs().amax((1, 3)).clamp_min(1e-9) / 448 * 1.7
            packed = (blocks / scale[:, None, :, None]).to(torch.float8_e4m3fn)
            whole = (packed.float() * scale[:, None, :, None]).flatten(2).flatten(0, 1)
            dense[name] = whole[:rows, :columns].contiguous()
            stored[name] = (
                packed.view(torch.uint8).flatten(2).flatten(0, 1)[:rows, :columns].contiguous().view(torch.float8_e4m3fn)
            )
            stored[name.replace(".weight", ".weight_scale_inv")] = scale
    return stored, dense


def test_fp8_blocks_keep_their_scales(root, folder, tmp_path, demo_logits):
    dense = shutil.copytree(root / DEMO, tmp_path / "dense")
    change_weights(dense, lambda weights: fp8(weights)[1])
    change_weights(folder, lambda weights: fp8(weights)[0])
    change_config(folder, quantization_config=FP8 | {"modules_to_not_convert": ["lm_head"]})
    loaded = load(folder)
    expected = logits(transformers_model.load_model(dense, LoadSettings()))
    torch.testing.assert_close(logits(loaded.model), expected, atol=1e-5, rtol=0)
    assert (expected - demo_logits).abs().max() > 0.01
    assert in_words(loaded.effective) == "cpu, float32, saved as fp8 8-bit, dequantized, activations not quantized"
    assert checkpoints.describe(folder).parameters == checkpoints.describe(dense).parameters


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_lies_beside_fp8_weights_is_converted_too(folder, dtype):
    change_weights(folder, lambda weights: {name: w.bfloat16() if w.dtype == torch.float32 and "scale" not in name else w
                                            for name, w in fp8(weights)[0].items()})  # fmt: skip
    change_config(folder, quantization_config=FP8)
    loaded = load(folder, dtype=dtype)
    assert {part.dtype for part in loaded.effective.parts} == {dtype}
    assert logits(loaded.model).isfinite().all()


def test_fp8_weights_are_dequantized_on_the_cpu_of_a_machine_with_a_gpu(folder, monkeypatch):
    change_weights(folder, lambda weights: fp8(weights)[0])
    change_config(folder, quantization_config=FP8)
    expected = logits(load(folder).model)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda *device: (9, 0))
    torch.testing.assert_close(logits(load(folder).model), expected, atol=0, rtol=0)


def test_missing_scales_of_fp8_weights_are_refused(folder):
    change_weights(folder, lambda weights: fp8(weights)[0])
    change_config(folder, quantization_config=FP8)
    without(folder, "weight_scale_inv")
    with pytest.raises(
        UserError, match=r"0.mlp.down_proj.weight was saved as float8_e4m3fn, but its scales are missing in the"
    ):
        load(folder)


def test_fp8_scales_of_another_name_are_refused(folder):
    change_weights(folder, lambda weights: {n.replace("_scale_inv", "_scale"): w for n, w in fp8(weights)[0].items()})
    change_config(folder, quantization_config=FP8)
    with pytest.raises(
        UserError, match=r"transformers does not read the FP8 scales in model.layers.0.mlp.down_proj.weight_scale:"
    ):
        load(folder)


def test_fp8_blocks_that_do_not_divide_a_matrix_are_refused(folder):
    """transformers would take 64 rows in two blocks of 48 for two blocks of 32."""
    change_weights(folder, lambda weights: fp8(weights, 48)[0])
    change_config(folder, quantization_config=FP8 | {"weight_block_size": [48, 48]})
    with pytest.raises(UserError, match=r"values in FP8 blocks of 48 x 48, which transformers would dequantize wrongly: use a"):
        load(folder)


# What each method says where its library or device is missing.
HINDERED = {
    **{
        method: rf"a library that its weights need is missing \({method} 4-bit needs {libraries}\)"
        for method, libraries in {
            "gptq": "optimum and gptqmodel: pip install optimum gptqmodel",
            "awq": "gptqmodel: pip install gptqmodel",
            "aqlm": "aqlm: pip install aqlm",
            "compressed-tensors": "compressed-tensors: make quantized",
            "torchao": "torchao: make quantized",
            "auto-round": "auto-round: pip install auto-round",
            "quanto": "optimum-quanto: pip install optimum-quanto",
        }.items()
    },
    **{
        method: rf"its weights were saved as {method} {bits}-bit, which works on cuda only"
        for method, bits in {"hqq": 4, "higgs": 4, "spqr": 4, "vptq": 4, "fp_quant": 4, "fbgemm_fp8": 8}.items()
    },
    "eetq": "its weights were saved as eetq 8-bit, which needs code of the hub, and the kit never runs that",
    "nvfp4": "the weights were saved as nvfp4, which transformers cannot load",
    "somebodys": "the weights were saved as somebodys, which transformers cannot load",
}


@pytest.mark.parametrize("method", HINDERED)
def test_a_missing_library_or_device_is_one_line_and_follows_the_policy(folder, monkeypatch, method):
    monkeypatch.setattr(saved_quantization, "installed", lambda library: False)
    change_config(folder, quantization_config={"quant_method": method, "bits": 4, "group_size": 128})
    why = f"^model: {HINDERED[method]}"
    for policy in (OnUnavailable.FAIL, OnUnavailable.FALLBACK):
        with pytest.raises(UserError, match=why):
            loading.load(checkpoints.describe(folder), LoadSettings(), policy)
    skipped = loading.load(checkpoints.describe(folder), LoadSettings(), OnUnavailable.SKIP)
    assert skipped.model is None and re.search(f"{why}$", skipped.reason)


@pytest.mark.parametrize("method", ["gptq", "awq", "aqlm", "torchao"])
def test_a_library_that_cannot_be_imported_is_an_obstacle_too(folder, monkeypatch, method):
    monkeypatch.setattr(saved_quantization, "installed", lambda library: True)
    change_config(folder, quantization_config={"quant_method": method, "bits": 4, "group_size": 128, "quant_type": "int4"})
    skipped = loading.load(checkpoints.describe(folder), LoadSettings(), OnUnavailable.SKIP)
    assert skipped.model is None and skipped.reason.startswith("model: ")


@pytest.mark.parametrize("policy", OnUnavailable)
def test_another_quantization_than_the_saved_one_is_refused(folder, policy):
    change_config(folder, quantization_config={"quant_method": "fp8", "weight_block_size": [32, 32]})
    with pytest.raises(
        UserError, match="quantization '4bit' was requested, but the weights were saved as fp8 8-bit: set quanti"
    ):
        loading.load(checkpoints.describe(folder), LoadSettings(quantization="4bit"), policy)


@pytest.fixture(scope="module")
def mixture(tmp_path_factory):
    """A mixture of experts, most of whose weights are experts, which transformers fuses into single tensors."""
    folder = tmp_path_factory.mktemp("mixture")
    config = transformers.Qwen3MoeConfig(
        vocab_size=300,
        hidden_size=64,
        intermediate_size=64,
        moe_intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        num_experts=8,
        num_experts_per_tok=2,
        tie_word_embeddings=True,
    )
    transformers.Qwen3MoeForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("quantization", [Quantization.FOUR_BIT, Quantization.EIGHT_BIT])
def test_experts_that_are_not_quantized_are_counted_and_estimated(mixture, quantization):
    effective = effective_configuration(transformers_model.load_model(mixture, LoadSettings(quantization=quantization)))
    linear = 2 * (64 * 64 * 2 + 64 * 32 * 2)
    experts = 2 * 8 * 3 * 64 * 96
    assert effective.quantization == f"partly {quantization} ({100 * linear / (linear + experts):.1f}% of the weights)"
    assert differences(LoadSettings(quantization=quantization), effective) == [
        f"{effective.quantization} instead of {quantization}"
    ]
    stated = type("Stated", (), {"path": mixture, "adapter": None})
    estimate = footprint.needed(stated, Device.CPU, DType.FLOAT32, quantization) - memory.BESIDE_WEIGHTS
    assert estimate == pytest.approx(effective.weight_bytes, rel=0.02)


@pytest.mark.parametrize("family", ["Ernie4_5_Moe", "HunYuanMoEV1"])
def test_gates_that_a_class_keeps_in_float32_are_no_difference(tmp_path, family):
    size = {"vocab_size": 300, "hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    size |= {"num_key_value_heads": 1, "head_dim": 16, "pad_token_id": 0}
    size |= (
        {"moe_num_experts": 4, "moe_intermediate_size": 16, "moe_k": 2}
        if "Ernie" in family
        else {"num_experts": 4, "moe_topk": 2}
    )
    config = getattr(transformers, f"{family}Config")(**size)
    getattr(transformers, f"{family}ForCausalLM")(config).save_pretrained(tmp_path)
    model = transformers_model.load_model(tmp_path, LoadSettings(dtype="bfloat16"))
    assert torch.float32 in {weight.dtype for weight in model.parameters()}, "the class keeps some in float32"
    effective = effective_configuration(model)
    assert differences(LoadSettings(dtype="bfloat16"), effective) == []
    assert "float32" in {part.dtype for part in effective.parts}


def test_other_weights_in_float32_are_a_difference(root):
    model = transformers_model.load_model(root / DEMO, LoadSettings(dtype="bfloat16"))
    model.model.norm.float()
    assert effective_configuration(model).dtype == "bfloat16+float32"

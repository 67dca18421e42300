"""What is loaded is what the checkpoint holds: all of its weights, no others, and in the form in which they were saved."""

import json
import shutil

import pytest
import safetensors.torch
import torch
import transformers
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import footprint, loading, memory, transformers_model
from mmlu_kit.models.inspect_model import effective_configuration
from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable, Quantization, differences, in_words
from mmlu_kit.user_errors import UserError

DEMO = "workflow/demo/models/demo-medium"
IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 11]])
BLOCK = 32  # rows and columns of an FP8 block


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


def fp8(weights):
    """FP8 blocks with a scale for each, as published FP8 checkpoints have them; and the same weights without blocks."""
    stored, dense = {}, {}
    for name, weight in weights.items():
        stored[name] = dense[name] = weight
        if is_linear(name, weight):
            rows, columns = weight.shape
            blocks = torch.zeros(-(-rows // BLOCK) * BLOCK, -(-columns // BLOCK) * BLOCK)
            blocks[:rows, :columns] = weight.float()
            blocks = blocks.view(blocks.shape[0] // BLOCK, BLOCK, -1, BLOCK)
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
    saved = {"quant_method": "fp8", "activation_scheme": "dynamic", "weight_block_size": [BLOCK, BLOCK]}
    change_config(folder, quantization_config=saved | {"modules_to_not_convert": ["lm_head"]})
    loaded = load(folder)
    expected = logits(transformers_model.load_model(dense, LoadSettings()))
    torch.testing.assert_close(logits(loaded.model), expected, atol=1e-5, rtol=0)
    assert (expected - demo_logits).abs().max() > 0.01
    assert in_words(loaded.effective) == "cpu, float32, saved as fp8 8-bit, dequantized"
    assert checkpoints.describe(folder).parameters == checkpoints.describe(dense).parameters


INT8 = {"targets": ["Linear"], "weights": {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "channel"}}


@pytest.mark.parametrize(
    ("saved", "words"),
    [
        (
            {"quant_method": "compressed-tensors", "format": "int-quantized", "config_groups": {"group_0": INT8}},
            "a library that its weights need is missing .*compressed-tensors",
        ),
        ({"quant_method": "gptq", "bits": 4, "group_size": 128}, "a library that its weights need is missing .*optimum"),
        ({"quant_method": "somebodys", "bits": 4}, "the weights were saved as somebodys, which transformers cannot load"),
    ],
)
def test_a_form_that_cannot_be_loaded_here_names_what_is_missing(folder, saved, words):
    change_config(folder, quantization_config=saved)
    with pytest.raises(UserError, match=words):
        load(folder)


def test_a_missing_library_follows_the_policy(folder):
    change_config(folder, quantization_config={"quant_method": "gptq", "bits": 4, "group_size": 128})
    skipped = loading.load(checkpoints.describe(folder), LoadSettings(), OnUnavailable.SKIP)
    assert skipped.model is None and "optimum" in skipped.reason


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
    stated = type("Stated", (), {"folder": str(mixture)})
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

"""Checkpoints saved by compressed-tensors compute what their values, scales and schemes say, in every number format."""

import json
import shutil

import pytest
import safetensors.torch
import torch
import transformers
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import footprint, loading, memory, transformers_model
from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable, Quantization, in_words
from mmlu_kit.user_errors import UserError

from tests.helpers import quantized_folders, scored_prompts

IDS = torch.tensor([[5, 6, 7, 8, 9, 10, 11]])
BITS = {"int8": 8, "fp8": 8, "int4": 4, "int4 with zero points": 4, "nvfp4": 4}
PER_TOKEN = {"num_bits": 8, "type": "int", "symmetric": True, "strategy": "token", "dynamic": True}


@pytest.fixture(scope="module")
def demo(root):
    return root / "workflow/demo/models/demo-medium"


@pytest.fixture
def save(demo, tmp_path):
    """Return a function that saves the demo model in a form of compressed-tensors; its dense weights lie beside it."""

    def call(form, inputs=None, **settings):
        return quantized_folders.write(tmp_path / "model", demo, form, inputs, **settings)

    return call


def load(folder, **requested):
    return loading.load(checkpoints.describe(folder), LoadSettings(**requested), OnUnavailable.FAIL)


def logits(model):
    with torch.inference_mode():
        return model(IDS).logits[0, -1].float()


def dense_model(folder, **requested):
    return transformers_model.load_model(folder.with_name("dense"), LoadSettings(**requested))


def change_config(folder, change):
    config = json.loads((folder / "config.json").read_text())
    change(config["quantization_config"])
    (folder / "config.json").write_text(json.dumps(config))


def change_weights(folder, change):
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file(change(weights), folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("form", BITS)
def test_quantized_weights_compute_what_they_stand_for(save, demo, form):
    folder = save(form)
    loaded = load(folder)
    expected = logits(dense_model(folder))
    torch.testing.assert_close(logits(loaded.model), expected, atol=1e-4, rtol=0)
    assert (expected - logits(transformers_model.load_model(demo, LoadSettings()))).abs().max() > 0.01
    assert in_words(loaded.effective) == f"cpu, float32, saved as compressed-tensors {BITS[form]}-bit, dequantized"
    assert loaded.reason is None
    manifest = checkpoints.describe(folder)
    assert manifest.parameters == checkpoints.describe(demo).parameters
    estimate = footprint.needed(manifest, Device.CPU, DType.FLOAT32, Quantization.NONE) - memory.BESIDE_WEIGHTS
    assert estimate == pytest.approx(loaded.effective.weight_bytes, rel=0.1)


@pytest.mark.parametrize("form", BITS)
def test_they_run_in_bfloat16_too(save, form):
    folder = save(form)
    loaded = load(folder, dtype="bfloat16")
    expected = logits(dense_model(folder, dtype="bfloat16"))
    assert (logits(loaded.model) - expected).abs().max() < 0.05 * expected.abs().max()
    assert in_words(loaded.effective).startswith("cpu, bfloat16, saved as compressed-tensors")


def per_token(module, inputs):
    """Quantize each token's activations to eight bits, by hand."""
    (values,) = inputs
    scale = values.abs().amax(-1, keepdim=True) / 127.5
    return ((values / scale).round().clamp(-128, 127) * scale,)


def test_activations_are_quantized_where_the_scheme_says_so(save):
    folder = save("int8", PER_TOKEN)
    loaded, dense = load(folder), dense_model(folder)
    whole = logits(dense)
    for name, module in dense.named_modules():
        if name.endswith("proj"):
            module.register_forward_pre_hook(per_token)
    expected = logits(dense)
    torch.testing.assert_close(logits(loaded.model), expected, atol=1e-4, rtol=0)
    assert (expected - whole).abs().max() > 0.01
    words = "cpu, float32, saved as compressed-tensors 8-bit, dequantized, activations in int8"
    assert in_words(loaded.effective) == words


def test_a_scale_of_activations_that_is_missing_is_an_error(save):
    static = {**PER_TOKEN, "strategy": "tensor", "dynamic": False}
    with pytest.raises(UserError, match=r"input_scale is missing in the weights \(21 in all\)"):
        load(save("int8", static))


@pytest.mark.parametrize("form", ["int8", "int4", "fp8"])
@pytest.mark.parametrize("status", ["frozen", "initialized", None])
def test_weights_that_are_stored_quantized_are_read_so_whatever_their_status_says(save, form, status):
    folder = save(form)
    change_config(folder, lambda settings: settings.pop("quantization_status") if not status else settings.update(
        quantization_status=status))  # fmt: skip
    torch.testing.assert_close(logits(load(folder).model), logits(dense_model(folder)), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("form", "words"), [("int8", "pack-quantized"), ("int4", "int-quantized")])
@pytest.mark.parametrize("everywhere", [False, True])
def test_a_format_that_the_weights_do_not_have_is_not_believed(save, form, words, everywhere):
    folder = save(form, format=words)
    if everywhere:
        change_config(folder, lambda settings: settings["config_groups"]["group_0"].update(format=words))
    torch.testing.assert_close(logits(load(folder).model), logits(dense_model(folder)), atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("form", "change", "words"),
    [
        ("int8", {"num_bits": 4, "strategy": "group", "group_size": 16}, "weight_scale has another shape in the weights"),
        ("int4", {"num_bits": 8}, "weight_packed has another shape in the weights than in config.json"),
        ("int4", {"group_size": 32}, "weight_scale has another shape in the weights than in config.json"),
        ("int4 with zero points", {"symmetric": True}, "has no model.layers.0.mlp.down_proj.weight_zero_point"),
    ],
)
def test_a_scheme_that_the_weights_do_not_have_is_refused(save, form, change, words):
    folder = save(form)
    change_config(folder, lambda settings: settings["config_groups"]["group_0"]["weights"].update(change))
    with pytest.raises(UserError, match=words):
        load(folder)


@pytest.mark.parametrize("form", BITS)
@pytest.mark.parametrize("tied", [False, True])
def test_a_quantized_head_is_not_the_embedding_whatever_the_config_says(demo, tmp_path, form, tied):
    untied = shutil.copytree(demo, tmp_path / "untied")
    change_weights(untied, lambda weights: weights | {"lm_head.weight": weights["model.embed_tokens.weight"] * 2})
    config = json.loads((untied / "config.json").read_text())
    (untied / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    folder = quantized_folders.write(tmp_path / "model", untied, form, ignore=[])
    expected = logits(dense_model(folder))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": tied}))
    torch.testing.assert_close(logits(load(folder).model), expected, atol=2e-4, rtol=0)


def test_an_order_of_groups_that_is_no_longer_read_is_refused(save):
    folder = save("int4")
    order = {"model.layers.0.mlp.down_proj.weight_g_idx": torch.zeros(16, dtype=torch.int32)}
    change_weights(folder, lambda weights: weights | order)
    with pytest.raises(UserError, match=r"down_proj.weight_g_idx orders its groups, which compressed-tensors no longer reads"):
        load(folder)


@pytest.mark.parametrize("form", BITS)
def test_a_missing_scale_is_refused(save, form):
    folder = save(form)
    change_weights(folder, lambda weights: {n: w for n, w in weights.items() if n != "model.layers.1.mlp.up_proj.weight_scale"})
    with pytest.raises(UserError):
        load(folder)


def test_torchao_keeps_its_weights_quantized_and_their_number_format(demo, tmp_path):
    torchao = pytest.importorskip("torchao.quantization", reason="torchao is not installed (make quantized)")
    folder = shutil.copytree(demo, tmp_path / "model")
    quantization = transformers.TorchAoConfig(torchao.Int8WeightOnlyConfig(version=2))
    options = {"dtype": torch.float32, "device_map": {"": "cpu"}, "quantization_config": quantization}
    model = transformers.AutoModelForCausalLM.from_pretrained(demo, **options)
    model.save_pretrained(folder)
    loaded = load(folder)
    torch.testing.assert_close(logits(loaded.model), logits(model), atol=1e-6, rtol=0)
    assert in_words(loaded.effective) == "cpu, float32, 8bit, saved as torchao 8-bit"
    with pytest.raises(UserError, match="its quantized weights compute in float32 and in nothing else: set dtype to float32"):
        load(folder, dtype="bfloat16")


@pytest.fixture(scope="module")
def mixture(demo, tmp_path_factory):
    """A mixture of experts, which transformers fuses into single tensors."""
    folder = tmp_path_factory.mktemp("mixture")
    size = {"vocab_size": 300, "hidden_size": 64, "intermediate_size": 64, "moe_intermediate_size": 96, "num_hidden_layers": 2}
    size |= {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "num_experts": 4, "num_experts_per_tok": 2}
    torch.manual_seed(0)
    transformers.Qwen3MoeForCausalLM(transformers.Qwen3MoeConfig(**size, pad_token_id=0)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(demo / name, folder)
    return folder


@pytest.mark.parametrize(("form", "inputs"), [("int4", None), ("fp8", None), ("fp8", {**PER_TOKEN, "type": "float"})])
def test_experts_are_dequantized_and_their_activations_are_not_quantized(mixture, tmp_path, form, inputs):
    ignore = ["lm_head", "re:.*mlp.gate$"]
    folder = quantized_folders.write(tmp_path / "model", mixture, form, inputs, ignore=ignore)
    loaded = load(folder)
    if not inputs:
        torch.testing.assert_close(logits(loaded.model), logits(dense_model(folder)), atol=1e-4, rtol=0)
    words = ", activations in fp8 but not in experts" if inputs else ""
    assert in_words(loaded.effective) == f"cpu, float32, saved as compressed-tensors {BITS[form]}-bit, dequantized{words}"


@pytest.mark.parametrize("form", ["int8", "nvfp4", "int4 with zero points"])
def test_experts_in_a_form_that_transformers_cannot_fuse_are_refused(mixture, tmp_path, form):
    folder = quantized_folders.write(tmp_path / "model", mixture, form, ignore=["lm_head", "re:.*mlp.gate$"])
    with pytest.raises(
        UserError, match=r"transformers cannot convert the saved weights to those of its model\): fetch it again"
    ):
        load(folder)


@pytest.mark.parametrize("inputs", [None, PER_TOKEN])
def test_packed_scores_are_those_of_its_own_attention(save, inputs):
    model = load(save("int8", inputs)).model
    prompts = scored_prompts.make_prompts((1, 3, 9, 20, 50), 12)
    results, used = scored_prompts.score(model, prompts, 768)
    assert used.packed == len(prompts) or used.reason
    assert len(results) == len(prompts)


def test_one_scale_for_a_whole_batch_goes_alone(save):
    model = load(save("int8", {**PER_TOKEN, "strategy": "tensor"})).model
    _, used = scored_prompts.score(model, scored_prompts.make_prompts((3, 9), 12), 768)
    assert (used.packed, used.reason) == (0, "its activations have one scale for all that is in the batch")


def test_a_quantized_cache_goes_alone_and_is_named(save):
    cache = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "tensor", "dynamic": False}
    folder = save("int8", kv_cache_scheme=cache)
    scales = {f"model.layers.{n}.self_attn.{kind}_scale": torch.tensor([0.02]) for n in range(3) for kind in "kv"}
    change_weights(folder, lambda weights: weights | scales)
    loaded = load(folder)
    assert in_words(loaded.effective).endswith("8-bit, dequantized, KV cache in fp8")
    _, used = scored_prompts.score(loaded.model, scored_prompts.make_prompts((3, 9), 12), 768)
    assert (used.packed, used.reason) == (0, "its KV cache is quantized")

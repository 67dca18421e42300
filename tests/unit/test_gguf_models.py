"""Models from GGUF files compute what the models that were converted compute; whatever a file holds beyond that is refused."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import math

import gguf
import numpy
import pytest
import torch
import transformers
from gguf import GGMLQuantizationType as Type
from mmlu_kit.inputs import checkpoints, gguf_files
from mmlu_kit.models import loading, transformers_model
from mmlu_kit.settings import DType, LoadSettings, OnUnavailable, Quantization
from mmlu_kit.user_errors import UserError

from tests.helpers.gguf_files import write_model

SIZES = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
    "pad_token_id": None,
    "bos_token_id": 318,
    "eos_token_id": 319,
}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "norm_topk_prob": True}
GRANITE = {
    "attention_multiplier": 0.3,
    "embedding_multiplier": 12.0,
    "residual_multiplier": 0.22,
    "logits_scaling": 8.0,
}


def tiny(model_type, **changes):
    """Return a model with random weights, those of norms such that adding 1 to them rounds nothing."""
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(model_type, **{**SIZES, **changes})
    model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            weight.copy_(torch.randn_like(weight) * 0.1)
            if "norm" in name:
                weight.copy_((weight * 1024).round() / 1024 + (0 if "gemma" in model_type or model_type == "nemotron" else 1))
    return model


def rope(kind, **values):
    return {"rope_type": kind, "rope_theta": 10_000.0, **values}


def load(path, dtype=DType.FLOAT32):
    return transformers_model.load_model(path, LoadSettings(dtype=dtype))


def logits(model, length=100):
    with torch.no_grad():
        return model(torch.arange(length)[None] % 320).logits


@pytest.fixture(scope="module")
def llama():
    return tiny("llama", tie_word_embeddings=True)


@pytest.mark.parametrize(
    ("model_type", "changes"),
    [
        ("llama", {"tie_word_embeddings": True, "rope_parameters": rope("default") | {"rope_theta": 100_000.0}}),
        ("llama", {"head_dim": 32, "attention_bias": True, "mlp_bias": True, "rms_norm_eps": 1e-5}),
        ("qwen2", {}),
        ("qwen3", {"head_dim": 32}),
        ("qwen3_moe", {"head_dim": 32, **EXPERTS}),
        ("gemma", {"head_dim": 32}),
        ("gemma2", {"head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 40, "final_logit_softcapping": 3.0}),
        ("gemma3_text", {"num_hidden_layers": 7, "head_dim": 32, "query_pre_attn_scalar": 32, "sliding_window": 40}),
        ("phi3", {"sliding_window": 40, "original_max_position_embeddings": 512}),
        ("phi3", {"original_max_position_embeddings": 512, "rope_parameters": rope("default", partial_rotary_factor=0.5)}),
        ("smollm3", {"num_hidden_layers": 5}),
        ("granite", GRANITE),
        ("olmo2", {}),
        ("qwen2_moe", {**EXPERTS, "norm_topk_prob": False, "shared_expert_intermediate_size": 48}),
        ("olmoe", {"num_experts": 4, "num_experts_per_tok": 2}),
        ("starcoder2", {"use_bias": True}),
        ("stablelm", {"rope_parameters": rope("default", partial_rotary_factor=0.25), "use_qkv_bias": True}),
        ("stablelm", {"rope_parameters": rope("default", partial_rotary_factor=1.0), "use_parallel_residual": True}),
        ("cohere", {"use_qk_norm": True, "logit_scale": 0.25}),
        ("cohere2", {"num_hidden_layers": 5, "sliding_window": 40, "logit_scale": 0.25}),
        ("nemotron", {"rope_parameters": rope("default", partial_rotary_factor=0.5)}),
        ("arcee", {}),
    ],
)
def test_it_computes_what_the_converted_model_computes(tmp_path, model_type, changes):
    model = tiny(model_type, **changes)
    loaded = load(write_model(tmp_path / "m.gguf", model))
    assert type(loaded) is type(model)
    assert torch.equal(logits(loaded), logits(model))
    assert loaded.config.rope_parameters == model.config.rope_parameters


LLAMA3 = rope("llama3", factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192)
YARN = rope("yarn", factor=4.0, original_max_position_embeddings=128)
PHI = {"short_factor": [1.0, 1.1, 1.3, 1.5, 1.7, 1.9, 2.1, 2.3], "long_factor": [1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]}


def scaled(model_type, parameters, **changes):
    return tiny(model_type, rope_parameters=parameters, **changes)


def test_the_scaling_of_llama_3_is_told_by_its_factors(tmp_path):
    model = scaled("llama", LLAMA3, max_position_embeddings=131_072)
    plain = tiny("llama")
    factors = plain.model.rotary_emb.inv_freq / model.model.rotary_emb.inv_freq
    path = write_model(tmp_path / "m.gguf", model, extra={"rope_freqs.weight": factors.numpy()})
    assert len(set(factors.tolist())) == 3  # none, some and all of the factor
    loaded = load(path)
    assert loaded.config.rope_parameters == LLAMA3 and torch.equal(logits(loaded), logits(model))
    assert checkpoints.describe(path).parameters == sum(weight.numel() for weight in model.parameters())
    linear = {"llama.rope.scaling.factor": 4.0}
    twice = write_model(tmp_path / "t.gguf", model, metadata=linear, extra={"rope_freqs.weight": factors.numpy()})
    with pytest.raises(UserError, match=r"rope.scaling.type is linear, and the file has factors for each frequency"):
        load(twice)
    strange = write_model(tmp_path / "s.gguf", model, extra={"rope_freqs.weight": factors.numpy() * 1.01})
    with pytest.raises(UserError, match=r"rope_freqs.weight holds factors of rotary positions that are not those of Llama 3"):
        load(strange)


@pytest.mark.parametrize("model_type", ["llama", "qwen2", "olmo2"])
def test_yarn(tmp_path, model_type):
    keys = {"scaling.type": "yarn", "scaling.factor": 4.0, "scaling.original_context_length": 128}
    model = scaled(model_type, YARN)
    loaded = load(write_model(tmp_path / "m.gguf", model, metadata={f"{model_type}.rope.{key}": keys[key] for key in keys}))
    assert torch.equal(logits(loaded), logits(model)) and not torch.equal(logits(loaded), logits(tiny(model_type)))


@pytest.mark.parametrize("keys", [{"factor": 4.0}, {"factor": 4.0, "type": "linear"}, {"factor": 0.0}, {"type": "linear"}])
def test_a_factor_alone_scales_linearly_and_a_factor_of_0_is_none(tmp_path, keys):
    factor = keys.get("factor")
    model = scaled("llama", rope("linear", factor=factor) if factor else rope("default"))
    path = write_model(tmp_path / "m.gguf", model, metadata={f"llama.rope.scaling.{key}": keys[key] for key in keys})
    assert torch.equal(logits(load(path)), logits(model))


def test_linear_scaling_of_gemma_3_holds_for_the_layers_without_a_window(tmp_path):
    parameters = {"full_attention": rope("linear", factor=8.0) | {"rope_theta": 1e6}, "sliding_attention": rope("default")}
    model = scaled("gemma3_text", parameters, num_hidden_layers=6, head_dim=32, query_pre_attn_scalar=32, sliding_window=40)
    keys = {"gemma3.rope.scaling.type": "linear", "gemma3.rope.scaling.factor": 8.0}
    assert torch.equal(logits(load(write_model(tmp_path / "m.gguf", model, metadata=keys))), logits(model))


@pytest.mark.parametrize("length", [100, 300])  # within and beyond the original context
def test_the_long_contexts_of_phi(tmp_path, length):
    model = scaled("phi3", rope("longrope", original_max_position_embeddings=128, **PHI), original_max_position_embeddings=128)
    factors = {f"rope_factors_{name}.weight": numpy.array(PHI[f"{name}_factor"]) for name in ("short", "long")}
    attention = math.sqrt(1 + math.log(4) / math.log(128))
    path = write_model(tmp_path / "m.gguf", model, metadata={"phi3.rope.scaling.attn_factor": attention}, extra=factors)
    assert torch.equal(logits(load(path), length), logits(model, length))


@pytest.mark.parametrize("dtype", [DType.BFLOAT16, DType.FLOAT16])
def test_other_number_formats_are_those_of_the_same_weights(tmp_path, llama, dtype):
    loaded = load(write_model(tmp_path / "m.gguf", llama), dtype)
    expected = llama.state_dict()
    assert all(torch.equal(weight, expected[name].to(weight.dtype)) for name, weight in loaded.state_dict().items())
    assert loaded.dtype == transformers_model.torch_dtype(dtype)


def test_the_package_dequantizes_all_types_that_are_read_and_no_others():
    readable = set()
    for kind in Type:
        size = gguf.GGML_QUANT_SIZES[kind][1]
        try:
            gguf.quants.dequantize(numpy.zeros((1, 4 * size), numpy.uint8), kind)
            readable.add(kind.name)
        except NotImplementedError:
            pass
    assert readable == gguf_files.READABLE


@pytest.mark.parametrize("kind", sorted(gguf_files.READABLE - {"F32"}))
def test_weights_are_dequantized_as_the_package_does_it(tmp_path, kind):
    kind = Type[kind]
    block, size = gguf.GGML_QUANT_SIZES[kind]
    data = numpy.random.default_rng(1).integers(0, 60, (64, 256 // block * size), dtype=numpy.uint8)
    extra = {"blk.1.ffn_down.weight": data}
    path = write_model(tmp_path / "m.gguf", tiny("llama", intermediate_size=256), {"blk.1.ffn_down": kind}, extra=extra)
    weight = load(path).model.layers[1].mlp.down_proj.weight.detach().numpy()
    assert numpy.array_equal(weight, gguf.quants.dequantize(data, kind), equal_nan=True) and numpy.any(weight)


def test_ran_as_names_the_types_with_their_share(tmp_path, llama):
    path = write_model(tmp_path / "m.gguf", llama, {"ffn": Type.Q8_0, "attn_q": Type.F16})
    manifest = checkpoints.describe(path)
    loaded = loading.load(manifest, LoadSettings(), OnUnavailable.FAIL)
    assert loaded.effective.saved == (
        "GGUF Q8_0 (9 tensors, 48.9%), F32 (17 tensors, 40.2%), F16 (3 tensors, 10.9%), dequantized"
    )
    assert (loaded.effective.quantization, loaded.effective.dtype) == ("none", "float32")
    assert (manifest.folder, manifest.gguf, list(manifest.files)) == (str(tmp_path), "m.gguf", ["m.gguf"])
    assert manifest.parameters == sum(weight.numel() for weight in llama.parameters())
    assert manifest.checkpoint_bytes == path.stat().st_size


def test_bitsandbytes_is_not_applied_to_dequantized_weights(tmp_path, llama):
    manifest = checkpoints.describe(write_model(tmp_path / "m.gguf", llama))
    with pytest.raises(UserError, match=r"but the weights were saved as GGUF F32 \(.*\): set quantization to none"):
        loading.load(manifest, LoadSettings(quantization=Quantization.FOUR_BIT), OnUnavailable.FAIL)


def test_files_beside_it_play_no_part(tmp_path, llama):
    path = write_model(tmp_path / "m.gguf", llama)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "adapter_config.json", "model.safetensors"):
        (tmp_path / name).write_text("not read")
    assert list(checkpoints.describe(path).files) == ["m.gguf"]
    assert torch.equal(logits(load(path)), logits(llama))


def test_a_manifest_leads_to_its_file_and_notices_a_change(tmp_path, llama):
    path = write_model(tmp_path / "m.gguf", llama)
    checkpoints.describe(path).write(tmp_path / "manifest.json")
    checkpoints.check_model(tmp_path / "manifest.json")
    assert checkpoints.verified_manifest(tmp_path / "manifest.json") == checkpoints.describe(path)
    data = bytearray(path.read_bytes())
    data[-8] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(UserError, match=r"m.gguf was changed after .*manifest.json was written"):
        checkpoints.verified_manifest(tmp_path / "manifest.json")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"general.architecture": "rwkv7"}, "does not read GGUF files of the architecture 'rwkv7' .it reads llama, qwen2,"),
        ({"general.architecture": "clip"}, "does not read GGUF files of the architecture 'clip'"),
        (
            {"llama.attention.clamp_kqv": 8.0},
            "llama.attention.clamp_kqv is 8.0, and the kit does not know what follows from it",
        ),
        ({"llama.expert_count": 8}, "llama.expert_count is 8, and the kit does not know"),
        ({"llama.expert_count": 0}, None),
        ({"llama.attention.sliding_window": 16}, "llama.attention.sliding_window is 16, and the kit"),
        ({"llama.rope.scaling.type": "longrope"}, "the scaling of rotary positions 'longrope' is not known"),
        ({"llama.rope.scaling.attn_factor": 1.2}, "rope.scaling.attn_factor is 1.2, and the kit does not know its effect"),
        ({"llama.rope.dimension_count": 8}, "llama.rope.dimension_count differs from the size of a head, 16"),
        ({"llama.attention.value_length": 8}, "llama.attention.value_length differs from attention.key_length, 16"),
        ({"llama.attention.head_count": [4, 4, 2]}, "llama.attention.head_count differs from layer to layer"),
        ({"llama.attention.head_count": [4, 4, 4]}, None),
        ({"llama.attention.head_count": 0}, "llama.attention.head_count is 0"),
        ({"llama.attention.layer_norm_rms_epsilon": math.nan}, "llama.attention.layer_norm_rms_epsilon is nan"),
        ({"llama.attention.layer_norm_rms_epsilon": None}, "llama.attention.layer_norm_rms_epsilon is missing"),
        ({"llama.attention.layer_norm_rms_epsilon": 0.0}, "llama.attention.layer_norm_rms_epsilon is 0.0"),
        ({"llama.rope.freq_base": 0.0}, "llama.rope.freq_base is 0.0"),
        ({"llama.rope.freq_base": -1e4}, "llama.rope.freq_base is -10000.0"),
        ({"llama.rope.scaling.factor": -2.0}, "llama.rope.scaling.factor is -2.0"),
        ({"llama.rope.scaling.type": "yarn", "llama.rope.scaling.factor": 0.5}, "llama.rope.scaling.factor is 0.5"),
        ({"llama.context_length": "many"}, "llama.context_length is no whole number"),
        ({"llama.context_length": True}, "llama.context_length is no whole number"),
        ({"llama.attention.head_count": 7, "llama.attention.key_length": None}, "llama.attention.value_length differs from"),
        ({"llama.attention.head_count_kv": 0}, "llama.attention.head_count_kv is 0"),
        ({"llama.attention.layer_norm_rms_epsilon": "x"}, "llama.attention.layer_norm_rms_epsilon is no number"),
        ({"llama.rope.scaling.type": 7}, "llama.rope.scaling.type is no text"),
        ({"general.architecture": [1]}, "does not read GGUF files of the architecture '.1.'"),
        ({"llama.block_count": 1_000_000_000}, "its header declares 1,000,000,000 layers, and its tensors have 3"),
        (
            {"llama.embedding_length": 1_000_000},
            "its header declares 1,000,000 numbers in an embedding, and its tensors have 64",
        ),
        ({"llama.feed_forward_length": 1_000_000}, "has the shape .96, 64., and its header declares .1000000, 64."),
        ({"tokenizer.chat_template": 7}, "tokenizer.chat_template is no text"),
        ({"tokenizer.chat_template.tool_use": ["x"]}, "tokenizer.chat_template.tool_use is no text"),
        ({"split.count": 3}, "m.gguf is only a part of a model: join the parts with `llama-gguf-split --merge`"),
        ({"general.type": "adapter"}, "holds a model's adapter, not its weights"),
        ({"general.type": "mmproj"}, "holds a model's mmproj, not its weights"),
    ],
)
def test_what_the_kit_does_not_know_of_a_model_is_refused(tmp_path, llama, changes, words):
    path = write_model(tmp_path / "m.gguf", llama, metadata=changes)
    if words is None:
        assert torch.equal(logits(load(path)), logits(llama))
        return
    with pytest.raises(UserError, match=words) as error:
        load(path)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


def test_a_dimension_of_1_may_be_left_out(tmp_path):
    model = tiny("qwen2_moe", **EXPERTS | {"norm_topk_prob": False}, shared_expert_intermediate_size=48)
    gates = {
        f"blk.{number}.ffn_gate_inp_shexp.weight": layer.mlp.shared_expert_gate.weight.detach().numpy()[0]
        for number, layer in enumerate(model.model.layers)
    }
    assert torch.equal(logits(load(write_model(tmp_path / "m.gguf", model, extra=gates))), logits(model))


def test_more_experts_than_there_are(tmp_path):
    path = write_model(tmp_path / "m.gguf", tiny("qwen3_moe", **EXPERTS), metadata={"qwen3moe.expert_used_count": 5})
    with pytest.raises(UserError, match=r"qwen3moe.expert_used_count is 5, more than there are experts"):
        load(path)


def test_missing_and_further_tensors_are_named(tmp_path, llama):
    path = write_model(tmp_path / "a.gguf", llama, without=["blk.1.ffn_norm.weight"])
    with pytest.raises(UserError, match=r"a.gguf: blk.1.ffn_norm.weight is missing in the weights: fetch the file again"):
        load(path)
    path = write_model(tmp_path / "b.gguf", llama, extra={"blk.1.attn_q_norm.weight": numpy.ones(16)})
    with pytest.raises(
        UserError, match=r"b.gguf: the kit does not know what blk.1.attn_q_norm.weight is for .1 such tensors.:"
    ):
        load(path)
    path = write_model(tmp_path / "c.gguf", llama, without=["token_embd.weight"])
    with pytest.raises(UserError, match=r"token_embd.weight or tokenizer.ggml.tokens is missing, so this is no whole model"):
        load(path)
    path = write_model(tmp_path / "d.gguf", llama, extra={"token_embd.weight": numpy.ones((319, 64))})
    with pytest.raises(UserError, match=r"token_embd.weight has 319 rows, and the vocabulary 320 tokens"):
        load(path)

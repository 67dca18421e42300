"""Tiny models of many families with random weights, made by transformers' own config classes.

A name is a model type of transformers, and what is special about it after a space: 'llama yarn'.
"""

import dataclasses
from typing import Any

import torch
import transformers

VOCABULARY, CONTEXT, WINDOW = 199, 256, 16

# One thing has several names in the families; each config gets those that it declares.
COMMON: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "ffn_dim": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": CONTEXT,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
EXPERTS: dict[str, Any] = {
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts"), 4),
    **dict.fromkeys(("num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_k"), 2),
    **dict.fromkeys(
        (
            "moe_intermediate_size",
            "shared_expert_intermediate_size",
            "moe_shared_expert_intermediate_size",
            "expert_ffn_hidden_size",
        ),
        16,
    ),
    **dict.fromkeys(("n_group", "topk_group", "num_expert_group", "n_shared_experts", "first_k_dense_replace"), 1),
}
# Compressed keys and values (DeepSeek): some dimensions of a head are rotated, the others are not.
LATENT: dict[str, Any] = {
    **{"num_key_value_heads": 4, "head_dim": 4, "kv_lora_rank": 8, "q_lora_rank": 8},
    **{"qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "v_head_dim": 8},
}
INDEXED: dict[str, Any] = {**LATENT, "index_n_heads": 2, "index_head_dim": 8, "index_topk": 16}
MAMBA: dict[str, Any] = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_chunk_size": 16, "mamba_n_groups": 1}
HEADS = {"head_dim": 8}
LINEAR: dict[str, Any] = {
    **{"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8},
    "layer_types": ["linear_attention", "full_attention"],
}
PER_LAYER = {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": VOCABULARY}
# Models that also read pictures: prompts have none.
PICTURES = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28}
SLIDING = {"sliding_window": WINDOW, "layer_types": ["sliding_attention", "full_attention"]}


def rope(kind: str, **fields: Any) -> dict[str, Any]:
    """Config fields for a kind of rotary positions; prompts are shorter and longer than its original context of 64."""
    original = {} if kind in ("linear", "default") else {"original_max_position_embeddings": 64}
    return {"rope_parameters": {"rope_type": kind, "rope_theta": 10000.0, **original, **fields}}


LONGROPE = rope("longrope", factor=4.0, short_factor=[1.0, 1.1, 1.2, 1.3], long_factor=[2.0, 3.0, 4.0, 5.0])

PLAIN = """
    apertus arcee biogpt bitnet bloom cwm diffllama doge ernie4_5 falcon falcon_mamba flint glm gpt-sw3 gpt2 gpt_bigcode
    gpt_neox gpt_neox_japanese granite hyperclovax internlm3 iquestcoder jais2 llama mamba minimax mistral modernbert-decoder
    nanochat nemotron olmo olmo2 openai-gpt opt persimmon phi phi3 qwen2 rwkv seed_oss smollm3 stablelm starcoder2 vaultgemma
    xglm
""".split()
WITH_HEADS = "exaone4 gemma glm4 helium hunyuan_v1_dense ministral3 qwen3".split()
WITH_EXPERTS = """
    afmoe aria_text deepseek_v4 dots1 ernie4_5_moe exaone_moe flex_olmo glm4_moe granitemoe granitemoe_swa granitemoeshared
    hunyuan_v1_moe hy_v3 kolibri1 laguna llama4_text mellum mimo_v2_flash minimax_m2 mixtral olmoe phimoe qwen2_moe qwen3_moe
    solar_open
""".split()
WITH_LATENT = "axk1 deepseek_v2 deepseek_v3 glm4_moe_lite youtu".split()
WITH_INDEX = "axk2 deepseek_v32 glm_moe_dsa hy_v4".split()
WITH_WINDOW = "gemma2 gemma3_text gemma4_unified_text granite_swa ministral olmo3".split()
# Families that have a window only on request, or one that is wider than all prompts.
SMALL_WINDOW = """
    afmoe beam cwm dots1 exaone4 exaone_moe flint kolibri1 laguna mellum mimo_v2_flash ministral3 phi4_multimodal phimoe
    qwen2_moe qwen3 qwen3_moe smollm3 vaultgemma
""".split()
WITH_LINEAR = "olmo_hybrid qwen3_5_moe_text qwen3_5_text qwen3_next".split()

FAMILIES: dict[str, dict[str, Any]] = {
    **{name: {} for name in PLAIN},
    **{name: HEADS for name in WITH_HEADS},
    **{name: {**EXPERTS, **HEADS} for name in WITH_EXPERTS},
    **{name: {**EXPERTS, **LATENT} for name in WITH_LATENT},
    **{name: {**EXPERTS, **INDEXED} for name in WITH_INDEX},
    **{name: {**SLIDING, **HEADS} for name in WITH_WINDOW},
    **{f"{name} small window": {**SLIDING, **HEADS, **EXPERTS, "use_sliding_window": True} for name in SMALL_WINDOW},
    **{name: {**LINEAR, **EXPERTS, **HEADS} for name in WITH_LINEAR},
    "bailing_hybrid": {**EXPERTS, **LATENT, "layer_types": ["linear_attention", "full_attention"]},
    "bamba": {**MAMBA, "attn_layer_indices": [1]},
    "bert": {"is_decoder": True},
    "codegen": {"rotary_dim": 4},
    "cohere": {"logit_scale": 1.0},
    "cohere2": {**SLIDING, "logit_scale": 1.0},
    "cohere2 without a window": {"layer_types": ["full_attention"] * 2, "logit_scale": 1.0},
    "cohere2_moe": {**SLIDING, **EXPERTS, **HEADS, "logit_scale": 1.0},
    "ctrl": {"dff": 64},
    "falcon alibi": {"alibi": True},
    "falcon new": {"new_decoder_architecture": True, "num_kv_heads": 2},
    "falcon_h1": {**MAMBA, **HEADS, "mamba_d_ssm": 64},
    "gemma2 low cap": {**SLIDING, **HEADS, "attn_logit_softcapping": 1.0},
    "gemma2 uncapped": {**SLIDING, **HEADS, "attn_logit_softcapping": None},
    "gemma3": {"text_config": {**COMMON, **SLIDING, **HEADS}, "vision_config": PICTURES},
    "gemma3n_text": {
        **{**HEADS, "num_hidden_layers": 4, "num_kv_shared_layers": 2, "sliding_window": WINDOW, "intermediate_size": [64] * 4},
        **{"layer_types": ["sliding_attention", "full_attention"] * 2, "activation_sparsity_pattern": [0.5, 0.0, 0.0, 0.0]},
        **{**PER_LAYER, "laurel_rank": 4},
    },
    "gemma4": {"text_config": {**COMMON, **SLIDING, **HEADS, **PER_LAYER}, "vision_config": PICTURES, "audio_config": None},
    "gemma4_text": {**SLIDING, **HEADS, **PER_LAYER},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]], "window_size": WINDOW},
    "gpt_neox sequential": {"use_parallel_residual": False},
    "gpt_oss": {**SLIDING, **HEADS, **EXPERTS},
    "gptj": {"rotary_dim": 4},
    "granitemoehybrid": {**MAMBA, **EXPERTS, "layer_types": ["mamba", "attention"]},
    "hrm_text": HEADS,
    "jamba": {**EXPERTS, "attn_layer_period": 2, "attn_layer_offset": 1},
    "jetmoe": {**EXPERTS, "kv_channels": 8},
    "kimi_linear": {
        **{**LATENT, **EXPERTS, "layer_types": ["linear_attention", "full_attention"]},
        **{"linear_head_dim": 8, "linear_num_heads": 4},
    },
    "lfm2": {"layer_types": ["conv", "full_attention"]},
    "lfm2_moe": {**EXPERTS, "layer_types": ["conv", "full_attention"]},
    "lfm3": {**HEADS, "layer_types": ["conv", "full_attention"]},
    "llama biased": {"attention_bias": True, "mlp_bias": True},
    "llama dynamic": {**rope("dynamic", factor=4.0), "max_position_embeddings": 64},
    "llama linear": rope("linear", factor=4.0),
    "llama llama3": rope("llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0),
    "llama longrope": LONGROPE,
    "llama yarn": rope("yarn", factor=4.0),
    "mamba2": {"num_heads": 8, "head_dim": 8, "n_groups": 1, "state_size": 8, "chunk_size": 16},
    "longcat_flash": {**EXPERTS, **LATENT, "num_layers": 2, "ffn_hidden_size": 64, "zero_expert_num": 2},
    "minicpm3": LATENT,
    "minimax_m3_vl_text": {**EXPERTS, **HEADS},
    "minimax_m3_vl_text sparse": {
        **{**EXPERTS, **HEADS, "layer_types": ["minimax_m3_sparse", "full_attention"]},
        **{"index_n_heads": 2, "index_head_dim": 8, "index_block_size": 8, "index_topk_blocks": 2},
    },
    "mistral large window": {"sliding_window": 200},
    "mistral small window": {"sliding_window": WINDOW},
    "mixtral small window": {**EXPERTS, "sliding_window": WINDOW},
    "mpt": {"max_seq_len": CONTEXT},
    "nemotron_h": {
        **{**MAMBA, **EXPERTS, **HEADS, "layers_block_type": ["mamba", "attention"]},
        **{"mamba_num_heads": 8, "mamba_head_dim": 8, "ssm_state_size": 8, "n_groups": 1, "chunk_size": 16},
    },
    "olmo clipped": {"clip_qkv": 0.5},
    "opt projected": {"word_embed_proj_dim": 16},
    "persimmon normed": {"qk_layernorm": True},
    "phi3 longrope": {**LONGROPE, "original_max_position_embeddings": 64},
    "phi3 small window": {"sliding_window": WINDOW},
    "qwen3_5": {"text_config": {**COMMON, **LINEAR, **HEADS}, "vision_config": {**PICTURES, "depth": 1}},
    "llama4": {"text_config": {**COMMON, **EXPERTS, **HEADS}, "vision_config": PICTURES},
    "llama4_text chunks": {**EXPERTS, **HEADS, "attention_chunk_size": WINDOW},
    "qwen2 small window": {"use_sliding_window": True, "sliding_window": WINDOW, "max_window_layers": 1},
    "qwen2 unused window": {"use_sliding_window": False, "sliding_window": WINDOW},
    "recurrent_gemma": {"block_types": ["recurrent", "attention"], "attention_window_size": WINDOW},
    "roformer": {"is_decoder": True},
    "stablelm parallel": {"use_parallel_residual": True, "qk_layernorm": True},
    "starcoder2 small window": {"sliding_window": WINDOW},
    "xlstm": {"num_heads": 4},
    "zamba2": {
        **{"layers_block_type": ["linear_attention", "hybrid"], "n_mamba_heads": 8, "mamba_d_state": 8, "chunk_size": 16},
        **{"use_mamba_kernels": False, "num_key_value_heads": 4, "adapter_rank": 4},
    },
    "zaya": {**EXPERTS, **HEADS, "num_experts_per_tok": 1, "router_hidden_size": 16},
}


# Parts of a checkpoint that are no parameters.
LEARNED_BUFFERS = ("e_score_correction_bias", "balancing_biases", "layer_scalar")
# The longest prompt in tokens. Recurrent models have no limit, nor has BLOOM, whose bias grows with the distance.
CONTEXTS: dict[str, int | None] = {
    **dict.fromkeys(FAMILIES, CONTEXT),
    **dict.fromkeys(("bloom", "falcon_mamba", "mamba", "mamba2", "recurrent_gemma", "xlstm")),
    "llama dynamic": 64,
}


def config(name: str, **changes: Any) -> Any:
    """The tiny config of a family, changed; LookupError, with the reason, for a family that this transformers lacks."""
    kind = name.split()[0]
    if kind not in transformers.CONFIG_MAPPING:
        raise LookupError(f"transformers {transformers.__version__} has no {kind}")
    made = transformers.CONFIG_MAPPING[kind]
    declared = {field.name for field in dataclasses.fields(made)} | set(made.attribute_map)
    # A config would keep the other fields, and look as if its family had them.
    fields = {field: value for field, value in {**COMMON, **FAMILIES[name], **changes}.items() if field in declared}
    return transformers.AutoConfig.for_model(kind, **fields)


def skeleton(name: str) -> torch.nn.Module:
    """A family's model without weights, on the meta device."""
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config(name))


def model(name: str, **changes: Any) -> torch.nn.Module:
    """A family's model with a changed config, in evaluation mode and float32, the same on each call."""
    torch.manual_seed(0)
    made = transformers.AutoModelForCausalLM.from_config(config(name, **changes)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            noise = torch.randn(parameter.shape)
            # Matrices keep the scale of their input; norms, biases, gates and sinks leave the value that they begin with.
            parameter.copy_(noise * 1.5 / parameter.shape[-1] ** 0.5 if parameter.dim() > 1 else parameter + 0.3 * noise)
        for buffer in [buffer for key, buffer in made.named_buffers() if key.endswith(LEARNED_BUFFERS)]:
            buffer.add_(0.3 * torch.randn(buffer.shape))
    return made

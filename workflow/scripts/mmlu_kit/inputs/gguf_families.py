"""The model that a GGUF file's metadata describes, as a configuration of transformers.

Every key of the architecture must be understood, and every key that the configuration needs must be there: transformers' own
reader drops what it does not know, such as the scaling of rotary positions, and takes its defaults. Source of keys and of what
llama.cpp computes without one: conversion/*.py and src/models/*.cpp of llama.cpp.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmlu_kit.inputs import gguf_rotary
from mmlu_kit.inputs.gguf_headers import Header
from mmlu_kit.inputs.gguf_keys import ADVICE, Keys
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_COUNTS = {
    "context_length": "max_position_embeddings",
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
}
_RMS_EPSILON = {"attention.layer_norm_rms_epsilon": "rms_norm_eps"}
_LOGITS = {"logit_scale": "logit_scale"}
_WINDOW = {"attention.sliding_window": "sliding_window"}
_CHOSEN = {"expert_count": "num_experts", "expert_used_count": "num_experts_per_tok"}
_EXPERTS = {**_CHOSEN, "expert_feed_forward_length": "moe_intermediate_size"}


def _epsilon(name: str) -> dict[str, str]:
    """The epsilon of norms that subtract the mean, by its name in the configuration."""
    return {"attention.layer_norm_epsilon": name}


class Family(NamedTuple):
    """An architecture of llama.cpp.

    `counts` and `numbers` name the configuration's entries by the keys that it has beside those of all, `epsilon` that of its
    norms, `bias` the one for biases of queries and keys; `fixed` are entries that llama.cpp does not write. `interleaved` is
    whether the halves of each head are interleaved in the rows of queries and keys, `partial` whether only a part of a head
    may be rotated, `offset` what was added to the weights of norms.
    """

    model_type: str
    counts: Mapping[str, str] = {}
    numbers: Mapping[str, str] = {}
    fixed: Mapping[str, Any] = {}
    epsilon: Mapping[str, str] = _RMS_EPSILON
    bias: str = "attention_bias"
    interleaved: bool = False
    partial: bool = False
    offset: float = 0.0


FAMILIES = {
    "llama": Family("llama", interleaved=True),
    "qwen2": Family("qwen2"),
    "qwen3": Family("qwen3"),
    "qwen3moe": Family("qwen3_moe", _EXPERTS, fixed={"norm_topk_prob": True}),
    "gemma": Family("gemma", offset=1.0),
    "gemma2": Family(
        "gemma2",
        _WINDOW,
        {name: name for name in ("attn_logit_softcapping", "final_logit_softcapping")},
        offset=1.0,
    ),
    "gemma3": Family("gemma3_text", _WINDOW, offset=1.0),
    "phi3": Family("phi3", partial=True),
    "smollm3": Family("smollm3", interleaved=True),
    "granite": Family(
        "granite",
        numbers={
            "attention.scale": "attention_multiplier",
            "embedding_scale": "embedding_multiplier",
            "residual_scale": "residual_multiplier",
            "logit_scale": "logits_scaling",
        },
        interleaved=True,
    ),
    "olmo2": Family("olmo2"),
    "qwen2moe": Family(
        "qwen2_moe",
        {**_EXPERTS, "expert_shared_feed_forward_length": "shared_expert_intermediate_size"},
        fixed={"norm_topk_prob": False},
    ),
    "olmoe": Family("olmoe", _CHOSEN, fixed={"norm_topk_prob": False}),
    "starcoder2": Family("starcoder2", epsilon=_epsilon("norm_epsilon"), bias="use_bias"),
    "stablelm": Family("stablelm", epsilon=_epsilon("layer_norm_eps"), bias="use_qkv_bias", partial=True),
    "command-r": Family("cohere", numbers=_LOGITS, epsilon=_epsilon("layer_norm_eps")),
    "cohere2": Family("cohere2", _WINDOW, _LOGITS, epsilon=_epsilon("layer_norm_eps")),
    "nemotron": Family("nemotron", epsilon=_epsilon("norm_eps"), partial=True, offset=1.0),
    "arcee": Family("arcee", interleaved=True),
}
# The models for which llama.cpp divides attention scores by the root of the width for each head, told by their layers.
_SCALED_BY_WIDTH = {"gemma2": 46, "gemma3": 62}


def family(where: str, header: Header) -> Family:
    """The architecture of a file; one that the kit does not read raises UserError."""
    name = header.metadata.get("general.architecture")
    if not isinstance(name, str) or name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UserError(
            f"{where}: the kit does not read GGUF files of the architecture '{printable(name)[:40]}' (it reads {known}): "
            f"{ADVICE}"
        )
    return FAMILIES[name]


def config(path: Path, header: Header) -> dict[str, Any]:
    """The entries of transformers' configuration of a file's model; UserError names a key that is missing or not understood."""
    where = printable(path)
    kind, keys, tensors = family(where, header), Keys(where, header.metadata), header.tensors
    entries: dict[str, Any] = {name: keys.count(key) for key, name in {**_COUNTS, **kind.counts}.items()}
    entries |= {name: keys.number(key) for key, name in {**kind.epsilon, **kind.numbers}.items()}
    if entries.get("num_experts_per_tok", 0) > entries.get("num_experts", 0):
        keys.refuse("expert_used_count", f"is {entries['num_experts_per_tok']}, more than there are experts")
    heads = entries["num_attention_heads"]
    size = _head_size(keys, entries["hidden_size"], heads)
    rotated = keys.count("rope.dimension_count", size)
    if rotated != size and not kind.partial:
        keys.refuse("rope.dimension_count", f"differs from the size of a head, {size}")
    entries |= {
        **kind.fixed,
        "model_type": kind.model_type,
        "num_key_value_heads": keys.count("attention.head_count_kv", heads),
        "head_dim": size,
        "tie_word_embeddings": "output.weight" not in tensors,
        kind.bias: "blk.0.attn_q.bias" in tensors,
        "mlp_bias": "blk.0.ffn_up.bias" in tensors,
        "vocab_size": _vocabulary(keys, header),
    }
    if kind.model_type.startswith("gemma"):
        by_width = entries["num_hidden_layers"] == _SCALED_BY_WIDTH.get(keys.architecture)
        entries["query_pre_attn_scalar"] = entries["hidden_size"] // heads if by_width else size
    if kind.model_type == "stablelm":
        entries["use_parallel_residual"] = "blk.0.ffn_norm.weight" not in tensors
    if kind.model_type == "cohere":
        entries["use_qk_norm"] = "blk.0.attn_q_norm.weight" in tensors
    if kind.model_type == "phi3":
        entries["sliding_window"] = keys.count("attention.sliding_window", 0, least=0) or None  # 0 is written for none
    entries |= gguf_rotary.entries(path, header, keys, kind.model_type, rotated)
    if kind.partial:
        entries["rope_parameters"]["partial_rotary_factor"] = rotated / size
    keys.check_all_read()
    _check_sizes(where, entries, header)
    return entries


def _head_size(keys: Keys, width: int, heads: int) -> int:
    """The size of a head of queries, keys and values."""
    if heads > width:
        keys.refuse("attention.head_count", f"is {heads}")
    size = keys.count("attention.key_length", width // heads)
    if keys.count("attention.value_length", size) != size:
        keys.refuse("attention.value_length", f"differs from attention.key_length, {size}")
    return size


def _vocabulary(keys: Keys, header: Header) -> int:
    """The number of rows of the embedding, which is that of the tokens."""
    embedding, tokens = header.tensors.get("token_embd.weight"), header.metadata.get("tokenizer.ggml.tokens")
    if embedding is None or not isinstance(tokens, list):
        raise UserError(
            f"{keys.where}: token_embd.weight or tokenizer.ggml.tokens is missing, so this is no whole model: "
            "use the file that holds the model"
        )
    if embedding.shape[0] != len(tokens):
        raise UserError(
            f"{keys.where}: token_embd.weight has {embedding.shape[0]:,} rows, and the vocabulary {len(tokens):,} tokens: "
            "fetch or copy it again"
        )
    return len(tokens)


def _check_sizes(where: str, entries: Mapping[str, Any], header: Header) -> None:
    """Check that the tensors are those of a model of this depth and width, before torch builds one."""
    layers = {name.split(".")[1] for name in header.tensors if name.startswith("blk.")}
    width = header.tensors["token_embd.weight"].shape[-1]
    for name, declared, actual in (
        ("layers", entries["num_hidden_layers"], len(layers)),
        ("numbers in an embedding", entries["hidden_size"], width),
    ):
        if declared != actual:
            raise UserError(
                f"{where}: its header declares {declared:,} {name}, and its tensors have {actual:,}: fetch it again"
            )

"""The model that a GGUF file's metadata describes, as a configuration of transformers.

Every key of the architecture must be understood, and every key that the configuration needs must be there: transformers' own
reader drops what it does not know, such as the scaling of rotary positions, and takes its defaults. Source of keys and of what
llama.cpp computes without one: conversion/*.py and src/models/*.cpp of llama.cpp.
"""

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmlu_kit.inputs import gguf_rotary
from mmlu_kit.inputs.gguf_headers import Header
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_KEYS = {
    "context_length": "max_position_embeddings",
    "block_count": "num_hidden_layers",
    "embedding_length": "hidden_size",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.layer_norm_rms_epsilon": "rms_norm_eps",
}
_HEADS = ("attention.head_count_kv", "attention.key_length", "attention.value_length", "rope.dimension_count")
# Keys that change nothing where they have these values.
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "attention.causal": (True,),
    "expert_count": (0,),
    "expert_used_count": (0,),
    "tensor_data_layout": ("Meta AI original pth",),
}
_WINDOW = {"attention.sliding_window": "sliding_window"}
_EXPERTS = {
    "expert_count": "num_experts",
    "expert_used_count": "num_experts_per_tok",
    "expert_feed_forward_length": "moe_intermediate_size",
}


class Family(NamedTuple):
    """An architecture of llama.cpp.

    `keys` name the configuration's entries by the keys that it has beside those of all, `fixed` are entries that llama.cpp does
    not write. `interleaved` is whether the halves of each head are interleaved in the rows of queries and keys, `offset` what
    was added to the weights of norms.
    """

    model_type: str
    keys: Mapping[str, str] = {}
    fixed: Mapping[str, Any] = {}
    interleaved: bool = False
    offset: float = 0.0


FAMILIES = {
    "llama": Family("llama", interleaved=True),
    "qwen2": Family("qwen2"),
    "qwen3": Family("qwen3"),
    "qwen3moe": Family("qwen3_moe", _EXPERTS, {"norm_topk_prob": True}),
    "gemma": Family("gemma", offset=1.0),
    "gemma2": Family(
        "gemma2",
        {
            **_WINDOW,
            "attn_logit_softcapping": "attn_logit_softcapping",
            "final_logit_softcapping": "final_logit_softcapping",
        },
        offset=1.0,
    ),
    "gemma3": Family("gemma3_text", _WINDOW, offset=1.0),
    "phi3": Family("phi3", {"attention.sliding_window": "sliding_window"}),
    "smollm3": Family("smollm3", interleaved=True),
    "granite": Family(
        "granite",
        {
            "attention.scale": "attention_multiplier",
            "embedding_scale": "embedding_multiplier",
            "residual_scale": "residual_multiplier",
            "logit_scale": "logits_scaling",
        },
        interleaved=True,
    ),
    "olmo2": Family("olmo2"),
}
# The models for which llama.cpp divides attention scores by the root of the width for each head, told by their layers.
_SCALED_BY_WIDTH = {"gemma2": 46, "gemma3": 62}


def family(where: str, header: Header) -> Family:
    """The architecture of a file; one that the kit does not read raises UserError."""
    name = header.metadata.get("general.architecture")
    if name not in FAMILIES:
        known = ", ".join(FAMILIES)
        raise UserError(
            f"{where}: the kit does not read GGUF files of the architecture '{printable(name)[:40]}' (it reads {known}): "
            "use the folder of the model's safetensors weights"
        )
    return FAMILIES[name]


def config(path: Path, header: Header) -> dict[str, Any]:
    """The entries of transformers' configuration of a file's model; UserError names a key that is missing or not understood."""
    where = printable(path)
    kind, keys = family(where, header), _Keys(where, header)
    tensors = header.tensors
    entries: dict[str, Any] = {name: keys.number(key) for key, name in {**_KEYS, **kind.keys}.items()}
    heads = keys.number("attention.head_count")
    size = _head_size(keys, entries["hidden_size"], heads)
    rotated = keys.number("rope.dimension_count", size)
    if rotated != size and kind.model_type != "phi3":
        keys.refuse("rope.dimension_count", f"differs from the size of a head, {size}")
    entries |= {
        **kind.fixed,
        "model_type": kind.model_type,
        "num_key_value_heads": keys.number("attention.head_count_kv", heads),
        "head_dim": size,
        "tie_word_embeddings": "output.weight" not in tensors,
        "attention_bias": "blk.0.attn_q.bias" in tensors,
        "mlp_bias": "blk.0.ffn_gate.bias" in tensors,
        "vocab_size": _vocabulary(keys, header),
    }
    if kind.model_type.startswith("gemma"):
        by_width = entries["num_hidden_layers"] == _SCALED_BY_WIDTH.get(keys.architecture)
        entries["query_pre_attn_scalar"] = entries["hidden_size"] // heads if by_width else size
    if kind.model_type == "phi3":
        entries["sliding_window"] = entries["sliding_window"] or None  # llama.cpp writes 0 for none
    entries |= gguf_rotary.entries(path, header, keys.number, kind.model_type, rotated, size)
    keys.check_all_read()
    _check_sizes(where, entries, header)
    return entries


class _Keys:
    """A file's keys of its architecture, each of which has to be read."""

    def __init__(self, where: str, header: Header) -> None:
        self.where = where
        self.metadata = header.metadata
        self.architecture = str(header.metadata.get("general.architecture"))
        self.read = {"vocab_size"}

    def refuse(self, key: str, problem: str) -> None:
        """Raise UserError: a key cannot be used."""
        advice = "use the folder of the model's safetensors weights"
        raise UserError(f"{self.where}: {printable(f'{self.architecture}.{key}')[:80]} {problem}: {advice}")

    def number(self, key: str, default: Any = None) -> Any:
        """The value of a key, which is a number or, where the default is one, a text."""
        self.read.add(key)
        value = self.metadata.get(f"{self.architecture}.{key}", default)
        if isinstance(value, list) and value and len({*map(str, value)}) == 1:
            value = value[0]  # the same in every layer
        if value is None:
            self.refuse(key, "is missing")
        if isinstance(default, str) is not isinstance(value, str) or not isinstance(value, str | int | float):
            self.refuse(key, "differs from layer to layer" if isinstance(value, list) else "has a value of another kind")
        if isinstance(value, float):
            if not math.isfinite(value):
                self.refuse(key, f"is {value}")
            return _shortest(value)
        return value

    def check_all_read(self) -> None:
        """Check that the model depends on no key that was not read."""
        prefix = f"{self.architecture}."
        for key, value in self.metadata.items():
            name = key.removeprefix(prefix)
            if name != key and name not in self.read and value not in _HARMLESS.get(name, ()):
                self.refuse(name, f"is {printable(value)[:40]}, and the kit does not know what follows from it")


def _shortest(value: float) -> float:
    """The number with the fewest digits that has this value in float32, as the configuration had it before it was converted."""
    rounded = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next((number for number in rounded if struct.pack("<f", number) == struct.pack("<f", value)), value)


def _head_size(keys: _Keys, width: int, heads: int) -> int:
    """The size of a head of queries, keys and values."""
    if not 0 < heads <= width:
        keys.refuse("attention.head_count", f"is {heads}")
    size: int = keys.number("attention.key_length", width // heads)
    if keys.number("attention.value_length", size) != size:
        keys.refuse("attention.value_length", f"differs from attention.key_length, {size}")
    return size


def _vocabulary(keys: _Keys, header: Header) -> int:
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

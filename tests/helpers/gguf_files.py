"""Tiny GGUF files: models of transformers as llama.cpp converts them, and files with any header."""

import struct
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy
from gguf import GGMLQuantizationType as Type

ARCHITECTURES = {"gemma3_text": "gemma3", "qwen3_moe": "qwen3moe", "qwen2_moe": "qwen2moe", "cohere": "command-r"}
_INTERLEAVED = ("llama", "smollm3", "granite", "arcee")
_ADDED_ONE = ("gemma", "nemotron")  # to the weights of norms
# Names of tensors that llama.cpp makes of several.
_GATE, _UP, _DOWN = "ffn_gate_exps.weight", "ffn_up_exps.weight", "ffn_down_exps.weight"


def vocabulary(size: int = 320, **changes: Any) -> dict[str, Any]:
    """Return the metadata of a byte-level tokenizer with `size` tokens: the bytes, some merges, and special ones at the end."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    merges = ["Ġ A", "Ġ B", "Ġ C", "Ġ D", "t h", "th e", "Ġ the", "1 2", "12 3", "Ċ Ċ"]
    tokens = [*bytes_to_unicode().values(), *(merge.replace(" ", "") for merge in merges)]
    tokens += [f"<|{number}|>" for number in range(size - len(tokens))]
    return {
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3 if token.startswith("<|") else 1 for token in tokens],
        "tokenizer.ggml.merges": merges,
        "tokenizer.ggml.eos_token_id": size - 1,
        "tokenizer.ggml.bos_token_id": size - 2,
        **{key.replace("__", "."): value for key, value in changes.items()},
    }


def write_model(
    path: Path,
    model: Any,
    kinds: Mapping[str, Type] | None = None,
    metadata: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> Path:
    """Write a model of transformers as a GGUF file; return `path`.

    Its weights are F32 or, where a name contains a key of `kinds`, of another type. `metadata` changes keys, and None takes
    one out; `without` takes tensors out, and `extra` adds some, in bytes if they are already quantized.
    """
    architecture = ARCHITECTURES.get(model.config.model_type, model.config.model_type)
    keys = {**_keys(model.config, architecture), **vocabulary(model.config.vocab_size), **(metadata or {})}
    tensors = {**_tensors(model, architecture), **(extra or {})}
    return write(path, architecture, keys, {name: value for name, value in tensors.items() if name not in without}, kinds or {})


def write(
    path: Path, architecture: str, metadata: Mapping[str, Any], tensors: Mapping[str, Any], kinds: Mapping[str, Type]
) -> Path:
    """Write a GGUF file with this metadata, None meaning that a key is not there, and these tensors."""
    writer = gguf.GGUFWriter(path, architecture)
    for key, value in metadata.items():
        if value is not None:
            _add(writer, key, value)
    for name, value in tensors.items():
        kind = next((kind for part, kind in kinds.items() if part in name and value.ndim > 1), Type.F32)
        data = value if value.dtype == numpy.uint8 else gguf.quants.quantize(value.astype(numpy.float32), kind)
        writer.add_tensor(name, data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: gguf.GGUFWriter, key: str, value: Any) -> None:
    if isinstance(value, list):
        writer.add_array(key, value)
    elif isinstance(value, bool):
        writer.add_bool(key, value)
    elif isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, float):
        writer.add_float32(key, value)
    else:
        writer.add_uint32(key, value)


def _keys(config: Any, architecture: str) -> dict[str, Any]:
    """The metadata that llama.cpp writes of a configuration, but for rotary scaling."""
    size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    keys = {
        "context_length": config.max_position_embeddings,
        "block_count": config.num_hidden_layers,
        "embedding_length": config.hidden_size,
        "feed_forward_length": config.intermediate_size,
        "attention.head_count": config.num_attention_heads,
        "attention.head_count_kv": config.num_key_value_heads,
        "attention.key_length": size,
        "attention.value_length": size,
        "rope.dimension_count": int(size * rope.get("partial_rotary_factor", 1.0)),
        "rope.freq_base": float(rope["rope_theta"]),
    }
    further = {
        "attention.sliding_window": "sliding_window",
        "attn_logit_softcapping": "attn_logit_softcapping",
        "final_logit_softcapping": "final_logit_softcapping",
        "attention.layer_norm_rms_epsilon": "rms_norm_eps",
        "attention.scale": "attention_multiplier",
        "embedding_scale": "embedding_multiplier",
        "residual_scale": "residual_multiplier",
        "expert_shared_feed_forward_length": "shared_expert_intermediate_size",
        "use_parallel_residual": "use_parallel_residual",
        "expert_count": "num_experts",
        "expert_used_count": "num_experts_per_tok",
        "expert_feed_forward_length": "moe_intermediate_size",
    }
    keys |= {key: value for key, name in further.items() if (value := getattr(config, name, None))}
    several = {
        "attention.layer_norm_epsilon": ("norm_epsilon", "layer_norm_eps", "norm_eps"),
        "logit_scale": ("logits_scaling", "logit_scale"),
    }
    keys |= {key: value for key, names in several.items() for name in names if (value := getattr(config, name, None))}
    if architecture == "phi3":
        keys["attention.sliding_window"] = config.sliding_window or 0
        keys["rope.scaling.original_context_length"] = config.original_max_position_embeddings
    return {f"{architecture}.{key}": value for key, value in keys.items()}


def _tensors(model: Any, architecture: str) -> dict[str, Any]:
    """A model's weights with the names and in the order of llama.cpp."""
    config = model.config
    key = next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = gguf.get_tensor_name_map(key, config.num_hidden_layers)
    tensors = {}
    for name, weight in model.named_parameters():
        values = weight.detach().float().numpy()
        if "experts." in name:
            block = f"blk.{name.split('.')[2]}"
            if name.endswith("down_proj"):
                tensors[f"{block}.{_DOWN}"] = values
            else:
                tensors[f"{block}.{_GATE}"], tensors[f"{block}.{_UP}"] = numpy.split(values, 2, axis=1)
            continue
        if architecture in _INTERLEAVED and ("q_proj" in name or "k_proj" in name):
            heads = config.num_attention_heads if "q_proj" in name else config.num_key_value_heads
            values = values.reshape(heads, 2, -1, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)
        if architecture.startswith(_ADDED_ONE) and name.endswith("norm.weight"):
            values = values + 1
        tensors[names.get_name(name, try_suffixes=(".weight", ".bias"))] = values
    return tensors


def header(*parts: int | bytes | str, magic: bytes = b"GGUF") -> bytes:
    """Return the start of a file of version 3 by hand. Numbers take 8 bytes, texts have their length in front."""
    return magic + struct.pack("<I", 3) + b"".join(map(_packed, parts))


def _packed(part: int | bytes | str) -> bytes:
    if isinstance(part, int):
        return struct.pack("<Q", part)
    return part if isinstance(part, bytes) else struct.pack("<Q", len(part.encode())) + part.encode()

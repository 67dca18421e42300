"""The rotary positions of a GGUF file's model, as entries of transformers' configuration."""

import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmlu_kit.inputs.gguf_headers import Header
from mmlu_kit.inputs.gguf_keys import ADVICE, Keys
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

# Tensors that are no weights: factors for each frequency, of Llama 3.1 and later, and of Phi's long contexts.
LLAMA3 = "rope_freqs.weight"
SHORT, LONG = "rope_factors_short.weight", "rope_factors_long.weight"
TENSORS = (LLAMA3, SHORT, LONG)
MOST_BYTES = 16_384
_BASE = 10_000.0
_GEMMA3_LOCAL_BASE = 10_000.0


def entries(path: Path, header: Header, keys: Keys, model_type: str, rotated: int) -> dict[str, Any]:
    """The entries for rotary positions; ones that cannot be told exactly raise UserError.

    Of the numbers of a head, the first `rotated` are rotated.
    """
    parameters: dict[str, Any] = {"rope_type": "default", "rope_theta": keys.number("rope.freq_base", _BASE, above=1.0)}
    context = keys.count("context_length")
    original = keys.count("rope.scaling.original_context_length", context)
    # Like llama.cpp, which scales linearly where there is a factor alone, and takes a factor of 0 for none.
    kind, factor = keys.text("rope.scaling.type", "linear"), keys.number("rope.scaling.factor", 1.0, zero=1.0)
    if factor < 1:
        keys.refuse("rope.scaling.factor", f"is {factor}")
    attention = keys.number("rope.scaling.attn_factor", 1.0)
    where = printable(path)
    if LLAMA3 in header.tensors:
        parameters |= _llama3(where, _floats(path, header, LLAMA3), parameters["rope_theta"], rotated)
    elif SHORT in header.tensors and LONG in header.tensors and model_type == "phi3":
        factors = {"short_factor": _floats(path, header, SHORT), "long_factor": _floats(path, header, LONG)}
        parameters |= {"rope_type": "longrope", "original_max_position_embeddings": original, **factors}
        if not _close(attention, _longrope_attention(context / original, original)):
            parameters["attention_factor"] = attention
        kind, attention = "none" if kind == "longrope" else kind, 1.0
    if parameters["rope_type"] != "default" and kind != "none" and (kind, factor) != ("linear", 1.0):
        keys.refuse("rope.scaling.type", f"is {printable(kind)[:40]}, and the file has factors for each frequency")
    if kind == "linear" and factor != 1.0:
        parameters |= {"rope_type": "linear", "factor": factor}
    elif kind == "yarn":
        fast, slow = (keys.number(f"rope.scaling.yarn_beta_{end}", usual) for end, usual in (("fast", 32.0), ("slow", 1.0)))
        parameters |= {"rope_type": "yarn", "factor": factor, "beta_fast": fast, "beta_slow": slow}
        parameters["original_max_position_embeddings"] = original
    elif kind not in ("none", "linear"):
        raise UserError(f"{where}: the scaling of rotary positions '{printable(kind)[:40]}' is not known: {ADVICE}")
    if attention != 1.0:
        raise UserError(f"{where}: rope.scaling.attn_factor is {attention}, and the kit does not know its effect: {ADVICE}")
    if model_type == "phi3":
        return {"rope_parameters": parameters, "original_max_position_embeddings": original}
    if model_type == "gemma3_text":
        local = {"rope_type": "default", "rope_theta": keys.number("rope.freq_base_swa", _GEMMA3_LOCAL_BASE, above=1.0)}
        return {"rope_parameters": {"full_attention": parameters, "sliding_attention": local}}
    return {"rope_parameters": parameters}


def _llama3(where: str, factors: list[float], base: float, rotated: int) -> dict[str, Any]:
    """The scaling of Llama 3.1 and later, told by the factors that follow from it."""
    values = {
        "rope_type": "llama3",
        "factor": max(factors),
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    expected = [_llama3_factor(values, 2 * math.pi * base ** (2 * i / rotated)) for i in range(rotated // 2)]
    if len(factors) != len(expected) or not all(map(_close, factors, expected)):
        raise UserError(f"{where}: {LLAMA3} holds factors of rotary positions that are not those of Llama 3: {ADVICE}")
    return values


def _llama3_factor(values: Mapping[str, Any], wavelength: float) -> float:
    """The factor of a frequency: 1 for short waves, `factor` for long ones, in between a mixture."""
    turns = values["original_max_position_embeddings"] / wavelength
    low, high, factor = values["low_freq_factor"], values["high_freq_factor"], values["factor"]
    if turns > high:
        return 1.0
    if turns < low:
        return float(factor)
    smooth = (turns - low) / (high - low)
    return float(1 / ((1 - smooth) / factor + smooth))


def _longrope_attention(factor: float, original: int) -> float:
    """The factor of attention that transformers computes for Phi's long contexts, with more digits than the file has."""
    return math.sqrt(1 + math.log(factor) / math.log(original)) if factor > 1 and original > 1 else 1.0


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-4)


def _floats(path: Path, header: Header, name: str) -> list[float]:
    """A small tensor of float32 numbers."""
    tensor = header.tensors[name]
    if tensor.type != "F32" or tensor.bytes > MOST_BYTES:
        raise UserError(f"{printable(path)}: {name} is no short list of F32 numbers: fetch or copy it again")
    with path.open("rb") as stream:
        stream.seek(tensor.begin)
        return list(struct.unpack(f"<{tensor.parameters}f", stream.read(tensor.bytes)))

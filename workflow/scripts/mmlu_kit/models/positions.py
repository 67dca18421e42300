"""How far a model's positions reach: its context length, and lengths at which the model itself computes differently."""

from typing import Any

import torch

from mmlu_kit.inputs.model_configs import CONTEXT_NAMES

# Rotary embeddings whose frequencies depend on the longest position in a forward pass.
_LENGTH_DEPENDENT = ("longrope", "dynamic")


def context_length(model: torch.nn.Module) -> int | None:
    """The model's context length in tokens, None if its configuration does not give one."""
    config = model.config.get_text_config()
    lengths = (getattr(config, name, None) for name in CONTEXT_NAMES)
    return next((length for length in lengths if isinstance(length, int) and length > 0), None)


def rope_switch(model: torch.nn.Module) -> int | None:
    """The longest input, in tokens, whose rotary frequencies do not depend on its length; None if none do."""
    config = model.config.get_text_config()
    switches = [
        rope.get("original_max_position_embeddings")
        or getattr(config, "original_max_position_embeddings", None)
        or config.max_position_embeddings
        for rope in _ropes(config)
        if any(kind in str(rope.get("rope_type")) for kind in _LENGTH_DEPENDENT)
    ]
    return min(switches, default=None)


def reset_rope(model: torch.nn.Module) -> None:
    """Forget the frequencies that a longer input left behind.

    transformers keeps dynamic frequencies until a short input comes, so an input's result would depend on the one before it.
    """
    if rope_switch(model) is None:
        return
    for module in model.modules():
        for name in [name for name in vars(module) if name.endswith("max_seq_len_cached")]:
            prefix = name.removesuffix("max_seq_len_cached")
            if getattr(module, name) > module.original_max_seq_len:
                original = getattr(module, f"{prefix}original_inv_freq").clone()
                module.register_buffer(f"{prefix}inv_freq", original.to(model.device), persistent=False)
                setattr(module, name, module.original_max_seq_len)


def window(model: torch.nn.Module) -> int | None:
    """The smallest attention window or chunk of the model's layers, in tokens; None if every layer attends to everything."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ())
    sizes = []
    if "sliding_attention" in kinds or not kinds:
        enabled = getattr(config, "use_sliding_window", True)
        sizes.append(getattr(config, "sliding_window", None) if enabled or kinds else None)
    if "chunked_attention" in kinds or not kinds:
        sizes.append(getattr(config, "attention_chunk_size", None))
    return min((size for size in sizes if size), default=None)


def _ropes(config: Any) -> list[dict[str, Any]]:
    """The parameters of the model's rotary embeddings: one set, or one for each kind of layer."""
    parameters = getattr(config, "rope_parameters", None) or {}
    by_layer = [value for value in parameters.values() if isinstance(value, dict)]
    return by_layer or ([parameters] if parameters else [])

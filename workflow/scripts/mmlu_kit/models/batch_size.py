"""How many tokens suit one forward pass of a model on its device."""

from typing import Any

import torch

from mmlu_kit.settings import TokensPerBatch

# Tokens of one prompt: the output layer computes only the last one's logits.
_PROMPT = 60
# On an Intel Xeon with AMX, 768 tokens take a tenth longer for a model of 0.5B in float32, and a third longer for one of 135M
# in bfloat16; more than 1536 gain little. With AVX2 alone all are as fast (benchmarks/measured/intel-xeon-amx-formats.md).
ON_CPU = 1536


def tokens_per_batch(model: torch.nn.Module, requested: TokensPerBatch) -> int:
    """How many tokens to compute in one forward pass: the requested number, or for 'auto' one that suits the device.

    On CUDA a batch may take 60 % of the memory that the weights leave. This counts total memory and not free memory, so that
    a resumed run plans the same batches. A batch that does not fit is halved later.
    """
    if requested != "auto":
        return requested
    if model.device.type != "cuda":
        return ON_CPU
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    available = torch.cuda.get_device_properties(model.device).total_memory - weights
    return max(512, min(65536, int(0.6 * available / bytes_per_token(model)) // 512 * 512))


def copied_prefix(model: torch.nn.Module, start: int) -> int:
    """How many tokens of a forward pass take the memory of one copy of the cache of `start` tokens.

    0 on a CPU, where speed limits batches and not memory. Recurrent layers are counted as if they kept keys and values,
    which are larger than their state for all but short prefixes.
    """
    if model.device.type != "cuda":
        return 0
    return -(-start * _cache_bytes(model) // bytes_per_token(model))


def bytes_per_token(model: torch.nn.Module) -> int:
    """The memory that one token of a forward pass needs at the same time, in bytes.

    One layer's activations, every layer's keys and values, and a share of the float32 logits of its prompt's last token.
    Families call their sizes by different names, and some have one size for each layer; then the largest counts.
    """
    config = model.config.get_text_config()
    hidden = _largest(config, "hidden_size", "n_embd", "d_model")
    intermediate = _largest(config, "intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", "d_inner") or 4 * hidden
    vocabulary = model.get_input_embeddings().weight.shape[0]
    activations = _number_bytes(model) * (8 * hidden + 3 * intermediate)
    return activations + _cache_bytes(model) + 2 * 4 * vocabulary // _PROMPT


def _cache_bytes(model: torch.nn.Module) -> int:
    """The memory of one token's keys and values in every layer, in bytes."""
    config = model.config.get_text_config()
    hidden = _largest(config, "hidden_size", "n_embd", "d_model")
    heads = _largest(config, "num_attention_heads", "n_head", "n_heads") or 1
    head = _largest(config, "head_dim", "kv_channels") or -(-hidden // heads)
    key_value_heads = _largest(config, "num_key_value_heads", "num_kv_heads") or heads
    layers = _largest(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers") or 1
    return 2 * _number_bytes(model) * layers * key_value_heads * head


def _number_bytes(model: torch.nn.Module) -> int:
    """The size of one number of an activation."""
    return next(model.parameters()).element_size() if model.dtype.is_floating_point else 2


def _largest(config: Any, *names: str) -> int:
    """The largest value of the first of these fields that the configuration or one of its layers has, 0 if it has none."""
    layers = list(getattr(config, "per_layer_config", None) or [config])
    for name in names:
        values = [getattr(layer, name, None) for layer in layers]
        sizes = [size for value in values for size in (value if isinstance(value, list | tuple) else [value])]
        largest = max((size for size in sizes if isinstance(size, int)), default=0)
        if largest:
            return largest
    return 0

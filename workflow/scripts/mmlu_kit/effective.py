"""What a loaded model really is, counted module by module: device, number format, quantization.

Never from a library's flags: with `llm_int8_enable_fp32_cpu_offload` and a device map on the CPU, or with
`llm_int8_has_fp16_weight`, transformers 5.23 leaves every weight as it was while `is_loaded_in_8bit` says True.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch

# What 4 bits mean here; fp4, the library's default, is another number format and goes by its own name.
FOUR_BIT = "nf4"


def effective_configuration(model: torch.nn.Module) -> dict[str, Any]:
    """`device, dtype, quantization` as the modules themselves are, and `parts`, each kind of tensor counted.

    `quantization` is 'none', '8bit', '4bit' (nf4), the name of another 4-bit type, or 'partly …' where some of the linear
    layers before the output are quantized and some are not. A part has `module, dtype, quant_type, compute_dtype, device,
    tensors, bytes`; bytes include what a quantized weight needs beside it (its scales).
    """
    counts, sizes = Counter(), Counter()
    devices, formats, layers = set(), set(), Counter()
    output = model.get_output_embeddings()
    for module, name, weight in _weights(model):
        quant_type = _quant_type(module, weight) if name == "weight" else None
        compute = _name(module.compute_dtype) if quant_type and getattr(module, "compute_dtype", None) else None
        part = (type(module).__name__, _name(weight.dtype), quant_type, compute, weight.device.type)
        counts[part] += 1
        sizes[part] += weight.numel() * weight.element_size() + _scale_bytes(weight)
        devices.add(weight.device.type)
        if quant_type is None:
            formats.add(_name(weight.dtype))
        elif compute:
            formats.add(compute)
        if isinstance(module, torch.nn.Linear) and name == "weight" and module is not output:
            layers[quant_type or "none"] += 1
    names = ("module", "dtype", "quant_type", "compute_dtype", "device")
    return {
        "device": "+".join(sorted(devices)),
        "dtype": "+".join(sorted(formats)),
        "quantization": _whole(layers),
        "parts": [
            {**dict(zip(names, part, strict=True)), "tensors": counts[part], "bytes": sizes[part]}
            for part in sorted(counts, key=str)
        ],
    }


def _weights(model: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, str, torch.Tensor]]:
    """(module, name in it, tensor) of every parameter, a tied one once."""
    seen = set()
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            if id(weight) not in seen:
                seen.add(id(weight))
                yield module, name, weight


def _quant_type(module: torch.nn.Module, weight: torch.Tensor) -> str | None:
    """'8bit', 'nf4', 'fp4' for a quantized weight, None for one that is as it was stored."""
    state = getattr(weight, "quant_state", None)
    if state is not None:
        return str(state.quant_type)
    return "8bit" if weight.dtype == torch.int8 else None


def _whole(layers: Counter) -> str:
    """One word for all linear layers."""
    kinds = [{FOUR_BIT: "4bit"}.get(kind, kind) for kind in sorted(layers)]
    if len(kinds) < 2:
        return kinds[0] if kinds else "none"
    return "partly " + "+".join(kind for kind in kinds if kind != "none")


def _scale_bytes(weight: torch.Tensor) -> int:
    """Bytes of the scales that bitsandbytes keeps beside a quantized weight."""
    state = getattr(weight, "quant_state", None)
    nested = getattr(state, "state2", None)
    scales = [getattr(weight, "SCB", None), getattr(state, "absmax", None), getattr(nested, "absmax", None)]
    return sum(scale.numel() * scale.element_size() for scale in scales if scale is not None)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

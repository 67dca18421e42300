"""What the layers of a loaded model are, by the tensors that they hold and not by a library's flags.

bitsandbytes and torchao keep quantized weights as their own kinds of tensors, GPTQ's and AWQ's libraries in buffers, and
compressed-tensors leaves dequantized weights in layers that still quantize what goes in.
"""

from collections.abc import Iterator
from typing import Any

import torch

from mmlu_kit.models import number_formats

# Buffers and parameters that hold a layer's packed values, in the libraries that transformers loads.
_VALUES = frozenset(("weight", "qweight", "weight_packed", "W_q", "codes"))
_SCALES = ("scale", "scales", "scale_inv", "zero_point", "zeros", "absmax", "SCB")


def weights(model: torch.nn.Module) -> Iterator[tuple[str, torch.nn.Module, str, torch.Tensor]]:
    """Yield (full name, module, name in it, tensor) of every parameter, and of linear layers' buffers; tied ones once."""
    seen = set()
    for path, module in model.named_modules():
        for name, weight in _tensors(module).items():
            if id(weight) not in seen:
                seen.add(id(weight))
                yield f"{path}.{name}", module, name, weight


def is_scale(module: torch.nn.Module, name: str) -> bool:
    """Whether a tensor of a layer belongs to its quantized weights or activations, as scales and zero points do."""
    if hasattr(module, "quantization_scheme"):
        return name.endswith(_SCALES)
    return "bias" not in name and any(quant_type(module, other, weight) for other, weight in _tensors(module).items())


def is_number(module: torch.nn.Module, name: str, weight: torch.Tensor) -> bool:
    """Whether a tensor holds weights that are computed with as they are, in a format of at least two bytes."""
    return weight.is_floating_point() and weight.element_size() > 1 and not _inner(weight) and not is_scale(module, name)


def quant_type(module: torch.nn.Module, name: str, weight: torch.Tensor) -> str | None:
    """'8bit', 'nf4', 'fp4', 'fp8' or such as '4bit' for a quantized weight, None for any other tensor."""
    state = getattr(weight, "quant_state", None)
    if state is not None:
        return str(state.quant_type)
    if inner := _inner(weight):
        # The values are more than their scales.
        values = max(inner, key=lambda tensor: tensor.numel() * tensor.element_size())
        return "fp8" if values.is_floating_point() else f"{_bits(values, weight.numel())}bit"
    if weight.is_floating_point():
        return "fp8" if weight.element_size() == 1 and not name.endswith(_SCALES) else None
    size = _features(module)
    if name in _VALUES and size:
        return f"{_bits(weight, size)}bit"
    return "8bit" if weight.dtype == torch.int8 and not name.endswith(_SCALES) else None


def parameters(module: torch.nn.Module, weight: torch.Tensor) -> int:
    """The number of parameters that a tensor stands for, which may be packed into fewer numbers."""
    state = getattr(weight, "quant_state", None)
    if state is not None:
        return int(state.shape.numel())
    return (not weight.is_floating_point() and _features(module)) or weight.numel()


def stored_bytes(weight: torch.Tensor) -> int:
    """The size of a tensor in memory, with the scales that a library keeps inside or beside it."""
    if inner := _inner(weight):
        return sum(tensor.numel() * tensor.element_size() for tensor in inner)
    state = getattr(weight, "quant_state", None)
    nested = getattr(state, "state2", None)
    scales = [getattr(weight, "SCB", None), getattr(state, "absmax", None), getattr(nested, "absmax", None)]
    return sum(tensor.numel() * tensor.element_size() for tensor in (weight, *scales) if tensor is not None)


def activations(model: torch.nn.Module) -> list[str]:
    """What a model quantizes while it computes, by compressed-tensors' schemes: 'activations in int8', 'KV cache in fp8'.

    Fused experts are dequantized and have no scheme.
    """
    inputs: set[str] = set()
    caches: set[str] = set()
    for module, arguments in _schemes(model):
        formats = caches if hasattr(module, "kv_cache") else inputs
        formats.add(f"{str(arguments.type).replace('float', 'fp')}{arguments.num_bits}")
    fused = any(is_fused(module, weight) for _, module, _, weight in weights(model))
    experts = " but not in experts" if fused else ""
    words = [f"activations in {'+'.join(sorted(inputs))}{experts}"] if inputs else []
    return words + ([f"KV cache in {'+'.join(sorted(caches))}"] if caches else [])


def is_fused(module: torch.nn.Module, weight: torch.Tensor) -> bool:
    """Whether a tensor holds the matrices of several experts."""
    return weight.dim() == 3 and not isinstance(module, torch.nn.Conv1d)


def why_alone(model: torch.nn.Module) -> str | None:
    """Why the layers of a model compute something else for a prompt if others are computed with it; None if they do not."""
    if number_formats.has_8bit_layers(model):
        # They choose outlier columns from all tokens of a call.
        return "bitsandbytes' 8-bit products depend on what else is in the batch"
    for module, arguments in _schemes(model):
        if hasattr(module, "kv_cache"):
            return "its KV cache is quantized"
        if arguments.dynamic and arguments.strategy == "tensor":
            return "its activations have one scale for all that is in the batch"
    return None


def _schemes(model: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, Any]]:
    """Yield each layer that quantizes its inputs with how it does so."""
    for module in model.modules():
        arguments = getattr(getattr(module, "quantization_scheme", None), "input_activations", None)
        if arguments is not None and getattr(module, "quantization_enabled", True):
            yield module, arguments


def _tensors(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """A module's own parameters by their names, and its buffers if it is a linear layer."""
    buffers = module.named_buffers(recurse=False) if hasattr(module, "in_features") else []
    return {**dict(module.named_parameters(recurse=False)), **dict(buffers)}


def _inner(weight: torch.Tensor) -> list[torch.Tensor]:
    """The tensors inside a library's own kind of tensor; none in torch's."""
    if not hasattr(weight, "__tensor_flatten__"):
        return []
    tensors = [getattr(weight, name) for name in weight.__tensor_flatten__()[0]]
    return [part for tensor in tensors for part in (_inner(tensor) or [tensor])]


def _features(module: torch.nn.Module) -> int:
    """The number of weights of a linear layer, 0 for any other."""
    rows, columns = getattr(module, "out_features", None), getattr(module, "in_features", None)
    return rows * columns if isinstance(rows, int) and isinstance(columns, int) else 0


def _bits(values: torch.Tensor, size: int) -> int:
    """The number of bits that a packed tensor has for each of `size` weights."""
    return max(1, round(8 * values.numel() * values.element_size() / size))

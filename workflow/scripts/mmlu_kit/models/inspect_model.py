"""The effective device, number format and quantization of a loaded model, counted module by module.

A library's flags are not trusted: with `llm_int8_enable_fp32_cpu_offload` and a device map on the CPU, or with
`llm_int8_has_fp16_weight`, transformers 5.23 quantizes nothing although `is_loaded_in_8bit` is True.
"""

from collections import Counter
from collections.abc import Iterator

import torch

from mmlu_kit.settings import COMPRESSIONS, Effective, Quantization, WeightGroup


def effective_configuration(model: torch.nn.Module) -> Effective:
    """Return the device, number format and quantization of the model's modules, with a count of each kind of tensor.

    `quantization` is 'none', '8bit', '4bit' (nf4), the name of another 4-bit type, or 'partly …' if only some of the linear
    layers before the output are quantized.
    """
    tensors: Counter[tuple[str, str, str | None, str | None, str]] = Counter()
    sizes: Counter[tuple[str, str, str | None, str | None, str]] = Counter()
    devices: set[str] = set()
    dtypes: set[str] = set()
    layers: Counter[str] = Counter()
    output = model.get_output_embeddings()
    for module, name, weight in _weights(model):
        quant_type = _quant_type(weight) if name == "weight" else None
        compute = _name(module.compute_dtype) if quant_type and getattr(module, "compute_dtype", None) else None
        kind = (type(module).__name__, _name(weight.dtype), quant_type, compute, weight.device.type)
        tensors[kind] += 1
        sizes[kind] += weight.numel() * weight.element_size() + _scale_bytes(weight)
        devices.add(weight.device.type)
        if quant_type is None:
            dtypes.add(_name(weight.dtype))
        elif compute:
            dtypes.add(compute)
        if isinstance(module, torch.nn.Linear) and name == "weight" and module is not output:
            layers[quant_type or Quantization.NONE] += 1
    parts = [
        WeightGroup(
            module=module,
            dtype=dtype,
            quant_type=quant_type,
            compute_dtype=compute_dtype,
            device=device,
            tensors=tensors[kind],
            bytes=sizes[kind],
        )
        for kind in sorted(tensors, key=str)
        for module, dtype, quant_type, compute_dtype, device in [kind]
    ]
    return Effective(
        device="+".join(sorted(devices)), dtype="+".join(sorted(dtypes)), quantization=_overall(layers), parts=parts
    )


def _weights(model: torch.nn.Module) -> Iterator[tuple[torch.nn.Module, str, torch.Tensor]]:
    """Yield (module, name in it, tensor) of every parameter; tied ones only once."""
    seen = set()
    for module in model.modules():
        for name, weight in module.named_parameters(recurse=False):
            if id(weight) not in seen:
                seen.add(id(weight))
                yield module, name, weight


def _quant_type(weight: torch.Tensor) -> str | None:
    """'8bit', 'nf4' or 'fp4' for a quantized weight, None for any other."""
    state = getattr(weight, "quant_state", None)
    if state is not None:
        return str(state.quant_type)
    return "8bit" if weight.dtype == torch.int8 else None


def _overall(layers: Counter[str]) -> str:
    """One word for the quantization of all linear layers."""
    words = {compression.loaded_as: str(quantization) for quantization, compression in COMPRESSIONS.items()}
    kinds = [words.get(kind, str(kind)) for kind in sorted(layers)]
    if len(kinds) < 2:
        return kinds[0] if kinds else str(Quantization.NONE)
    return "partly " + "+".join(kind for kind in kinds if kind != Quantization.NONE)


def _scale_bytes(weight: torch.Tensor) -> int:
    """The size of the scales that bitsandbytes stores with a quantized weight, in bytes."""
    state = getattr(weight, "quant_state", None)
    nested = getattr(state, "state2", None)
    scales = [getattr(weight, "SCB", None), getattr(state, "absmax", None), getattr(nested, "absmax", None)]
    return sum(scale.numel() * scale.element_size() for scale in scales if scale is not None)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

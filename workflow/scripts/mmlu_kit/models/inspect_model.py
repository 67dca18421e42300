"""The effective device, number format and quantization of a loaded model, counted module by module.

A library's flags are not trusted: with `llm_int8_enable_fp32_cpu_offload` and a device map on the CPU, or with
`llm_int8_has_fp16_weight`, transformers 5.23 quantizes nothing although `is_loaded_in_8bit` is True.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import torch
import transformers

from mmlu_kit import formatting
from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.models import adapters, blueprints, quantized_layers
from mmlu_kit.settings import COMPRESSIONS, Effective, Quantization, WeightGroup

# A kind of tensor: module, number format, quantization, number format of computing, device.
Kind = tuple[str, str, str | None, str | None, str]


def effective_configuration(
    model: torch.nn.Module, saved: SavedQuantization | None = None, adapter: str | None = None
) -> Effective:
    """Return the device, number format and quantization of the model's modules, with a count of each kind of tensor.

    `saved` is the quantization that the checkpoint was saved with, `adapter` says how an adapter was applied. Weights of an
    adapter beside the model's are counted as parts alone. Weights that the model's class itself keeps in float32, such
    as the gates of a mixture of experts, are counted as parts and are no difference in number format.
    """
    tensors: Counter[Kind] = Counter()
    sizes: Counter[Kind] = Counter()
    devices: set[str] = set()
    names_by_dtype: dict[torch.dtype, list[str]] = {}
    parameters: Counter[str] = Counter()
    output = model.get_output_embeddings()
    for path, module, name, weight in quantized_layers.weights(model):
        quant_type = quantized_layers.quant_type(module, name, weight)
        compute = getattr(module, "compute_dtype", None) if quant_type else None
        part_of_adapter = adapters.is_part(path)
        label = type(module).__name__ + " of the adapter" * part_of_adapter
        kind = (label, _name(weight.dtype), quant_type, compute and _name(compute), weight.device.type)
        tensors[kind] += 1
        sizes[kind] += quantized_layers.stored_bytes(weight)
        devices.add(weight.device.type)
        if part_of_adapter:
            continue
        if quant_type is None and weight.is_floating_point() and not quantized_layers.is_scale(module, name):
            names_by_dtype.setdefault(weight.dtype, []).append(adapters.base_name(path))
        elif compute:
            names_by_dtype.setdefault(compute, [])
        if module is not output and (quant_type or _is_layer(module, name, weight)):
            parameters[quant_type or Quantization.NONE] += quantized_layers.parameters(module, weight)
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
    quantization = _overall(parameters)
    return Effective(
        device="+".join(sorted(devices)),
        dtype="+".join(_dtypes(model, names_by_dtype)),
        quantization=quantization,
        saved=_saved_words(model, saved, quantization) if saved else None,
        adapter=adapter,
        parts=parts,
    )


def _dtypes(model: torch.nn.Module, names_by_dtype: Mapping[torch.dtype, Sequence[str]]) -> list[str]:
    """The number formats, without a float32 of weights that the model's class keeps in it."""
    others = [dtype for dtype in names_by_dtype if dtype != torch.float32]
    names = {_name(dtype) for dtype in names_by_dtype}
    if len(others) == 1 and torch.float32 in names_by_dtype:
        by_design = blueprints.float32_by_design(model, others[0])
        if by_design.issuperset(names_by_dtype[torch.float32]):
            names.remove("float32")
    return sorted(names)


def _is_layer(module: torch.nn.Module, name: str, weight: torch.Tensor) -> bool:
    """Whether a tensor is the weight of a linear layer, or of experts that are fused into one tensor."""
    if name == "weight" and isinstance(module, torch.nn.Linear | transformers.pytorch_utils.Conv1D):
        return True
    return quantized_layers.is_fused(module, weight)


def _overall(parameters: Counter[str]) -> str:
    """One word for the quantization of all layers, or 'partly' with the share; `parameters` counts them by kind."""
    words = {compression.loaded_as: str(quantization) for quantization, compression in COMPRESSIONS.items()}
    kinds = [kind for kind in sorted(parameters) if kind != Quantization.NONE]
    if not kinds:
        return str(Quantization.NONE)
    word = "+".join(words.get(kind, kind) for kind in kinds)
    unquantized, whole = parameters[Quantization.NONE], parameters.total()
    return f"partly {word} ({formatting.percent((whole - unquantized) / whole)} of the weights)" if unquantized else word


def _saved_words(model: torch.nn.Module, saved: SavedQuantization, quantization: str) -> str:
    """What the checkpoint was saved as, whether it was dequantized when it was loaded, and what is done with activations."""
    words = [str(saved), *(["dequantized"] if quantization == Quantization.NONE else [])]
    words += quantized_layers.activations(model)
    if saved.activations and not any(word.startswith("activations") for word in words):
        words.append("activations not quantized")
    return ", ".join(words)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")

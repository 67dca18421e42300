"""What is done with a checkpoint's quantized weights once transformers has loaded them, and checks that nothing was lost.

transformers 5.23 leaves compressed-tensors' weights packed until the first forward pass, does not convert the unquantized
weights beside quantized ones to the requested number format, and does not miss the scales of some methods.
"""

import torch
import transformers

from mmlu_kit.models import blueprints, quantized_layers
from mmlu_kit.user_errors import UserError

_PLAIN = (torch.nn.Linear, torch.nn.Embedding, transformers.pytorch_utils.Conv1D)
_FP4_GROUP = 16  # weights with one scale in NVFP4


def finish(where: str, model: torch.nn.Module, dtype: torch.dtype) -> None:
    """Dequantize what cannot stay quantized, in place, and convert all unquantized weights to `dtype`.

    Weights that their class keeps in float32 stay in it. A weight that was loaded without its scales raises UserError.
    """
    if hasattr(model, "ct_decompress_hook"):
        _decompress(model, dtype)
    for name, weight in model.named_parameters():
        _check_scales(where, model, name, weight)
        if hasattr(weight, "__tensor_flatten__") and weight.dtype != dtype:
            saved = str(weight.dtype).removeprefix("torch.")
            raise UserError(f"{where}: its quantized weights compute in {saved} and in nothing else: set dtype to {saved}")
    others = {
        path: weight
        for path, module, name, weight in quantized_layers.weights(model)
        if weight.dtype != dtype and quantized_layers.is_number(module, name, weight)
    }
    if others:
        by_design = blueprints.float32_by_design(model, dtype)
        for name, weight in others.items():
            weight.data = weight.data.to(torch.float32 if name in by_design else dtype)


def _decompress(model: torch.nn.Module, dtype: torch.dtype) -> None:
    """Dequantize compressed-tensors' weights layer by layer; inputs remain quantized if their schemes say so."""
    from compressed_tensors.compressors import decompress_module
    from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8

    for module in model.modules():
        exact = None
        if hasattr(module, "weight_packed") and hasattr(module, "weight_global_scale"):
            # NVFP4, which the library rounds to bfloat16.
            rows, columns = module.weight_packed.shape
            scales = (module.weight_scale.float() / module.weight_global_scale).repeat_interleave(_FP4_GROUP, dim=-1)
            exact = unpack_fp4_from_uint8(module.weight_packed, rows, 2 * columns, torch.float32) * scales
        decompress_module(module)
        if exact is not None:
            module.weight.data = exact.to(dtype)
    model.hf_quantizer.compressor.remove_decompression_hook(model)


def _check_scales(where: str, model: torch.nn.Module, name: str, weight: torch.Tensor) -> None:
    """Check that a quantized weight has its scales; one without raises UserError."""
    path, _, last = name.rpartition(".")
    plain = type(model.get_submodule(path)) in _PLAIN and last == "weight" and not hasattr(weight, "__tensor_flatten__")
    state = getattr(weight, "quant_state", None)
    if plain and not (weight.is_floating_point() and weight.element_size() > 1):
        dtype = str(weight.dtype).removeprefix("torch.")
    elif state is not None and state.absmax.dtype == torch.uint8 and not state.nested:
        dtype = str(state.quant_type)
    else:
        return
    raise UserError(f"{where}: {name} was saved as {dtype}, but its scales are missing in the weights: fetch or save it again")

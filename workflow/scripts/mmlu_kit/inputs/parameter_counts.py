"""The number of parameters that a checkpoint's tensors hold, also when several are packed into one stored number."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.inputs.safetensors_headers import BITS, Tensor

_WIDE = ("F64", "F32", "F16", "BF16")
_ONE_A_BYTE = ("I8", "F8_E4M3", "F8_E5M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ")
_MAYBE_PACKED = ("U8", "I8", "U16", "I16", "U32", "I32")  # positions are I64
_SCALES = "F8_E8M0"  # powers of two, used for nothing else
_USUAL_BITS = 4


class PackedForm(NamedTuple):
    """How a library names a quantized weight's tensors: the ending of the values' name, and those of the tensors beside them.

    The first of `beside` must be there. `bits` is the size of a value, None if config.json or the number format gives it.
    """

    values: str
    beside: tuple[str, ...]
    bits: int | None = None


_PACKED_FORMS = (
    *(
        PackedForm(
            ".weight",
            (
                f".weight.quant_state.bitsandbytes__{kind}",
                *(f".weight.{name}" for name in ("absmax", "quant_map", "nested_absmax", "nested_quant_map")),
            ),
            bits=4,
        )
        for kind in ("nf4", "fp4")
    ),
    PackedForm(".weight", (".SCB", ".weight_format"), bits=8),  # bitsandbytes, 8 bits
    PackedForm("_packed", ("_scale", "_shape", "_zero_point", "_global_scale", "_g_idx")),  # compressed-tensors
    PackedForm("", ("_scale", "_zero_point", "_scale_2", "_global_scale", "_g_idx")),  # compressed-tensors, FP8, NVFP4, BitNet
    PackedForm("", ("_scale_inv",)),  # FP8 with a scale for each block
    PackedForm("", ("_scales",)),  # EETQ
    PackedForm("_blocks", ("_scales",), bits=4),  # MXFP4
    PackedForm(".qweight", (".scales", ".qzeros", ".g_idx")),  # GPTQ, AWQ
    PackedForm(".weight", (".scales", ".biases")),  # MLX
    PackedForm(".W_q", (".scale", ".zero", ".shape", ".nbits", ".group_size", ".axis", ".packing", ".meta")),  # HQQ
    *(PackedForm(data, ("._scale", "._shift")) for data in ("._data", "._data._data")),  # quanto
    *(PackedForm(f"{mark}qdata", (f"{mark}scale", f"{mark}zero_point", f"{mark}zero")) for mark in ("_", ":")),  # torchao
)
# Scales of activations and of the KV cache in quantized checkpoints.
_SCALES_OF_ACTIVATIONS = tuple(
    f".{name}"
    for name in (
        *("input_scale", "input_scale_ub", "input_global_scale", "input_zero_point", "activation_scale", "output_scale"),
        *("q_scale", "k_scale", "v_scale", "prob_output_scale"),
    )
)


def parameters(path: Path, tensors: Mapping[str, Tensor], quantization: SavedQuantization | None) -> dict[str, int]:
    """The number of parameters in each tensor of a safetensors file; 0 in what only describes others, as scales do.

    `quantization` is what config.json declares. Integers in a format that is not known count as one parameter each.
    """
    forms = {}
    describing = set()
    for name in tensors:
        for form in _PACKED_FORMS:
            stem = name.removesuffix(form.beside[0])
            values = stem + form.values
            if stem != name and values in tensors and (form.bits or tensors[values].dtype not in _WIDE):
                forms[values] = form
                describing |= {stem + ending for ending in form.beside}
    quantized = quantization is not None or bool(forms)
    bits = quantization.bits if quantization else None
    counts = {}
    for name, tensor in tensors.items():
        if name in describing or tensor.dtype == _SCALES or (quantized and name.endswith(_SCALES_OF_ACTIVATIONS)):
            counts[name] = 0
        elif name in forms:
            counts[name] = _packed(path, tensors, name, forms[name], bits)
        elif tensor.dtype.startswith(("F", "BF")) or (quantized and tensor.dtype in _MAYBE_PACKED and len(tensor.shape) >= 2):
            counts[name] = tensor.bits // BITS[tensor.dtype]
        else:
            counts[name] = 0
    return counts


def _packed(path: Path, tensors: Mapping[str, Tensor], name: str, form: PackedForm, bits: int | None) -> int:
    """The number of values that a quantized weight's tensor holds."""
    tensor = tensors[name]
    stem = name.removesuffix(form.values)
    if (shape := tensors.get(stem + "_shape")) and (count := _declared(path, shape)) and count <= tensor.bits:
        return count
    if tensor.dtype in _ONE_A_BYTE and form.bits is None:
        return tensor.bits // 8
    zeros, scales = tensors.get(stem + ".qzeros"), tensors.get(stem + ".scales")
    if zeros and scales and scales.bits:
        # One zero point, packed as the values are, for each scale; layers of one model may differ.
        ratio = zeros.bits * BITS[scales.dtype] / scales.bits
        bits = int(ratio) if ratio in (2, 3, 4, 8) else bits
    return tensor.bits // (form.bits or bits or _USUAL_BITS)


def _declared(path: Path, shape: Tensor) -> int | None:
    """The size of a matrix by its shape, which compressed-tensors stores as a tensor of two numbers."""
    if (shape.dtype, shape.shape) != ("I64", (2,)):
        return None
    with path.open("rb") as stream:
        stream.seek(shape.begin)
        rows, columns = (int.from_bytes(stream.read(8), "little", signed=True) for _ in range(2))
    return rows * columns if rows > 0 and columns > 0 else None

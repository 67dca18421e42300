"""Number formats on a device: which one `auto` is, and what to use where a model's output is not finite."""

import torch

from mmlu_kit.models import cpu_formats
from mmlu_kit.settings import Device, DType

# NVIDIA's GPUs compute in bfloat16 from Ampere on; torch's is_bf16_supported() counts emulation on older ones too.
_BFLOAT16_CAPABILITY = (8, 0)


def resolve(dtype: DType, device: Device) -> DType:
    """The number format that `auto` is on a device, which must be there; any other is returned as it is."""
    if dtype != DType.AUTO:
        return dtype
    if device == Device.CPU:
        return cpu_formats.auto()
    if device != Device.CUDA:
        return DType.FLOAT32
    return DType.BFLOAT16 if torch.cuda.get_device_capability() >= _BFLOAT16_CAPABILITY else DType.FLOAT16


def has_8bit_layers(model: torch.nn.Module) -> bool:
    """Whether layers of a model are bitsandbytes' in 8 bits, which compute in float16 whatever the model's dtype is."""
    return any(type(module).__name__ == "Linear8bitLt" for module in model.modules())


def not_finite(model: torch.nn.Module) -> str:
    """Say that a model's output is not finite, and what fits in place of its number format."""
    if has_8bit_layers(model):
        larger = "float32, or bfloat16 on a GPU of compute capability 8.0 or newer"
        advice = f"8-bit layers compute in float16, which overflows: use the model unquantized or in 4bit, with dtype {larger}"
    elif model.dtype == torch.float16:
        advice = "float16 overflows: set dtype to float32, or to bfloat16 on a GPU of compute capability 8.0 or newer"
    elif model.dtype == torch.bfloat16:
        advice = "set dtype to float32 or, if that changes nothing, fetch the weights again"
    else:
        advice = "fetch the weights again, or use another model"
    return f"the model's output is not finite: {advice}"

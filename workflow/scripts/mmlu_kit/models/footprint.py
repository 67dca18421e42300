"""The memory that a model needs, estimated before it is loaded."""

from pathlib import Path

from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.models import blueprints
from mmlu_kit.models.memory import BESIDE_WEIGHTS, weight_bytes
from mmlu_kit.settings import DTYPE_BYTES, Device, DType, Quantization


def needed(manifest: Manifest, device: Device, dtype: DType, quantization: Quantization) -> int:
    """Bytes that a manifest's model needs on its device: its weights as loaded, and BESIDE_WEIGHTS."""
    if quantization != Quantization.NONE:
        linear, others = blueprints.compressible(Path(manifest.folder), dtype, quantization)
        weights = linear * weight_bytes(dtype, quantization) + others * DTYPE_BYTES[dtype]
    elif manifest.quantization and _stays_quantized(manifest.quantization, device):
        weights = manifest.checkpoint_bytes
    else:
        weights = manifest.parameters * DTYPE_BYTES[dtype]
    return round(weights) + BESIDE_WEIGHTS


def _stays_quantized(saved: SavedQuantization, device: Device) -> bool:
    """Whether transformers computes with a checkpoint's quantized weights; it dequantizes some of them when it loads them."""
    return saved.method not in ("compressed-tensors", "fp8", "mxfp4") or (
        device == Device.CUDA and saved.method != "compressed-tensors"
    )

"""The memory that a model needs, estimated before it is loaded."""

from mmlu_kit.inputs import loaded_weights
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.loaded_weights import BESIDE_WEIGHTS
from mmlu_kit.models import blueprints
from mmlu_kit.models.memory import weight_bytes
from mmlu_kit.settings import Device, DType, Quantization, dtype_bytes


def needed(manifest: Manifest, device: Device, dtype: DType, quantization: Quantization) -> int:
    """Bytes that a manifest's model needs on its device: its weights as loaded, its adapter, and BESIDE_WEIGHTS."""
    beside = BESIDE_WEIGHTS + loaded_weights.of_adapter(manifest)
    if quantization == Quantization.NONE:
        return loaded_weights.as_saved(manifest, device, dtype) + beside
    linear, others = blueprints.compressible(manifest.path, dtype, quantization)
    weights = linear * weight_bytes(dtype, quantization) + others * dtype_bytes(dtype, device)
    return round(weights) + beside

"""The memory that a model's weights take once they are loaded, counted from the headers of its weight files."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from mmlu_kit.inputs import gguf_files, safetensors_headers
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.inputs.parameter_counts import parameters
from mmlu_kit.settings import COMPRESSIONS, Device, DType, Quantization, dtype_bytes
from mmlu_kit.user_errors import UserError

# Memory needed in addition to the weights once torch is imported: tokenizer, activations of a batch, copies for quantization.
# Measured on a CPU by lowering a control group's limit until a model of 0.5 billion parameters no longer ran: up to 0.5 GB
# in 4 and 8 bits, 0.2 GB in float32, less in bfloat16, whose checkpoint is memory-mapped. A batch had 768 tokens then;
# one of 1536 takes 0.07 GB more in float32.
BESIDE_WEIGHTS = 400_000_000
_EMBEDDING = re.compile("embed|wte|wpe")  # in names of GPT-2's family the last two
_EXPERTS = ".experts."
# Methods whose weights are dequantized when they are loaded, on every device.
DEQUANTIZED = frozenset(("compressed-tensors", "fp8", gguf_files.METHOD, "metal", "mxfp4", "mxfp8"))
_NUMBERS = ("F64", "F32", "F16", "BF16")  # formats that are converted to the requested one


class Weight(NamedTuple):
    """A tensor of a weight file: how many parameters it holds, its bytes in the file, its rows if it is a matrix."""

    parameters: int
    stored_bytes: int
    rows: int
    converted: bool


def as_saved(manifest: Manifest, device: Device, dtype: DType) -> int:
    """Bytes of a model's weights loaded as they were saved: in `dtype`, and those that stay quantized as in their file."""
    size = dtype_bytes(dtype, device)
    if manifest.quantization is None or manifest.quantization.method in DEQUANTIZED:
        return manifest.parameters * size
    weights = _weights(manifest).values()
    return sum(weight.parameters * size if weight.converted else weight.stored_bytes for weight in weights)


def compressed(manifest: Manifest, device: Device, dtype: DType, quantization: Quantization) -> int:
    """Bytes of a model's weights with linear layers compressed by bitsandbytes, and all others in `dtype`."""
    linear = sum(weight.parameters for weight in _compressible(manifest).values())
    others = manifest.parameters - linear
    return round(linear * COMPRESSIONS[quantization].bytes) + others * dtype_bytes(dtype, device)


def of_adapter(manifest: Manifest) -> int:
    """Bytes of a model's adapter, whose weights peft computes in float32; 0 without one."""
    return 4 * manifest.adapter.parameters if manifest.adapter else 0


def largest_compressible(manifest: Manifest) -> int:
    """The number of parameters of the largest matrix that bitsandbytes compresses."""
    return max((weight.parameters for weight in _compressible(manifest).values()), default=0)


def largest(manifest: Manifest) -> int:
    """The number of parameters of the largest tensor."""
    return max(weight.parameters for weight in _weights(manifest).values())


def largest_fused(manifest: Manifest) -> int:
    """The number of parameters of the experts of one layer, which become fused tensors when they are loaded; 0 without any.

    transformers.core_model_loading.MergeModulelist and Concatenate make them from copies of matrices, of the largest layer.
    """
    layers: Counter[str] = Counter()
    for name, weight in _weights(manifest).items():
        if weight.rows and _EXPERTS in name:
            layers[name.partition(_EXPERTS)[0]] += weight.parameters
    return max(layers.values(), default=0)


def _compressible(manifest: Manifest) -> Mapping[str, Weight]:
    """The matrices of linear layers; all but embeddings, the output layer and experts.

    The output layer has as many rows as the embedding. Experts are fused into tensors with three dimensions when they are
    loaded, which bitsandbytes does not compress.
    """
    weights = _weights(manifest)
    vocabulary = max((weight.rows for name, weight in weights.items() if _EMBEDDING.search(name)), default=0)
    return {
        name: weight
        for name, weight in weights.items()
        if weight.rows not in (0, vocabulary) and not _EMBEDDING.search(name) and _EXPERTS not in name
    }


def _weights(manifest: Manifest) -> Mapping[str, Weight]:
    """The tensors of a model's weight files. Of files that cannot be read here all parameters count as one tensor.

    Then no estimate is too small, and the job that loads the model reports what is wrong.
    """
    weights: dict[str, Weight] = {}
    try:
        for name, entry in manifest.files.items():
            if manifest.gguf:
                weights |= _of_gguf(manifest.path)
            elif name.endswith(".safetensors"):
                weights |= _of_file(Path(manifest.folder, name), entry.sha256, manifest.quantization)
    except (OSError, UserError):
        weights = {}
    return weights or {"": Weight(manifest.parameters, manifest.checkpoint_bytes, rows=0, converted=True)}


@lru_cache(maxsize=1024)
def _of_file(path: Path, sha256: str, quantization: SavedQuantization | None) -> Mapping[str, Weight]:
    """The tensors of one weight file; its hash is an argument so that a changed file is read again."""
    tensors = safetensors_headers.header(path)
    counts = parameters(path, tensors, quantization)
    return {
        name: Weight(
            parameters=counts[name],
            stored_bytes=tensor.bits // 8,
            rows=tensor.shape[0] if len(tensor.shape) == 2 else 0,
            converted=counts[name] > 0 and tensor.dtype in _NUMBERS,
        )
        for name, tensor in tensors.items()
    }


def _of_gguf(path: Path) -> Mapping[str, Weight]:
    """The tensors of a GGUF file, each of which is dequantized; its embedding has a name of its own."""
    return {
        name: Weight(tensor.parameters, tensor.bytes, tensor.shape[0] if len(tensor.shape) == 2 else 0, converted=True)
        for name, tensor in gguf_files.read(path).header.tensors.items()
    }

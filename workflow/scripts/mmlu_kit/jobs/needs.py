"""What the job of a model asks of a cluster: memory of the machine (not of its GPU), minutes, and GPUs."""

from mmlu_kit.config import ModelEntry
from mmlu_kit.inputs import loaded_weights
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.results import stability
from mmlu_kit.settings import DTYPE_BYTES, Device, DType, LoadSettings, OnUnavailable, Quantization, dtype_bytes, fallbacks
from mmlu_kit.study import Setup

# A job's processes without weights: torch and transformers 0.6 GB, the processes of Snakemake in the same job 0.4 GB, and up to
# 1 GB for the activations of a batch, or of one long prompt.
PROCESS_BYTES = 2_000_000_000
# bitsandbytes quantizes a matrix on the CPU through copies of it; 14 bytes a parameter were measured.
QUANTIZING_BYTES = 16
# CUDA's libraries, context and pinned buffers: an assumption that has not been measured.
CUDA_BYTES = 2_000_000_000
# The weights themselves are only passed on: transformers.core_model_loading.convert_and_load_state_dict_in_model moves tensor
# after tensor from the mapped file to the GPU. One with another number format is converted first (ATen/native/cuda/Copy.cu),
# and several threads do so at once: embeddings and output layer, by far the largest, follow each other.
TENSORS_ON_THE_WAY = 2


def memory_mb(manifest: Manifest, model: ModelEntry | Setup) -> int:
    """Megabytes of the machine's memory that the job of a model needs.

    A mapped file counts only if its weights are used where they are mapped: other pages are dropped under a control group's
    limit. A cluster that counts all mapped pages of a process (JobAcctGatherParams=OverMemoryKill) may need more.
    """
    attempts = [model, *(fallbacks(model) if model.on_unavailable == OnUnavailable.FALLBACK else [])]
    return _mb(max(_bytes(manifest, attempt) for attempt in attempts))


def stability_mb(manifest: Manifest, device: Device) -> int:
    """Megabytes that measure_stability needs, which loads one number format after the other."""
    return _mb(max(_bytes(manifest, LoadSettings(device=device, dtype=dtype)) for dtype in stability.DTYPES))


def minutes(manifest: Manifest, device: Device, subjects: int = 1, max_new_tokens: int = 1) -> int:
    """A job's time limit, in minutes: on CPUs several times what two cores took, on GPUs a tenth of it."""
    billions = manifest.parameters / 1e9
    # A subject has some 250 questions. Each token of a reply after the first reads all weights once more.
    on_cpu = 10 + 1.5 * (max_new_tokens - 1)
    return round(20 + subjects * billions * (on_cpu / 10 if gpus(device) else on_cpu))


def stability_minutes(manifest: Manifest, device: Device, subjects: int) -> int:
    """measure_stability's time limit, in minutes: it scores the subjects in every combination of its settings."""
    runs = len(stability.DTYPES) * len(stability.Batching) * len(stability.THREADS)
    return minutes(manifest, device, runs * subjects)


def gpus(device: Device) -> int:
    """The number of GPUs that a job on a device needs."""
    return int(device == Device.CUDA)


def _bytes(manifest: Manifest, settings: LoadSettings) -> int:
    """Bytes of the machine's memory that a process needs to load a model and compute with it."""
    device, dtype, quantization = settings.device, settings.dtype, settings.quantization
    if device == Device.CUDA:
        # Weights of a GGUF file are in float32 until they are converted.
        number_bytes = DTYPE_BYTES[DType.FLOAT32] if manifest.gguf else dtype_bytes(dtype, device)
        tensor = loaded_weights.largest(manifest) * number_bytes
        return PROCESS_BYTES + CUDA_BYTES + TENSORS_ON_THE_WAY * tensor
    beside = (
        PROCESS_BYTES
        + loaded_weights.of_adapter(manifest)
        + loaded_weights.largest_fused(manifest) * dtype_bytes(dtype, device)
    )
    if quantization == Quantization.NONE:
        return beside + loaded_weights.as_saved(manifest, device, dtype)
    copies = QUANTIZING_BYTES * loaded_weights.largest_compressible(manifest)
    return beside + loaded_weights.compressed(manifest, device, dtype, quantization) + copies


def _mb(size: int) -> int:
    return -(-size // 10**6)

"""Load a model as requested or, if this machine cannot, do what `on_unavailable` says; never silently.

`fail` raises UserError, `fallback` loads what is possible and records the reason, `skip` loads nothing and records the reason.
The job decides this and not Snakemake, which on a cluster may run on a login node without a GPU.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import torch

from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.models import adapters, dequantization, footprint, memory, number_formats, saved_quantization, transformers_model
from mmlu_kit.models.inspect_model import effective_configuration
from mmlu_kit.private_names import in_text
from mmlu_kit.settings import (
    SETTINGS,
    Device,
    DType,
    Effective,
    LoadSettings,
    OnUnavailable,
    Quantization,
    differences,
    fallbacks,
)
from mmlu_kit.timing import gpu_obstacles
from mmlu_kit.user_errors import UserError


class Loaded(NamedTuple):
    """A model and its effective configuration, both None if it was skipped; `reason` says why it is not as requested,
    without names of folders, as it is recorded.
    """

    model: torch.nn.Module | None
    effective: Effective | None
    reason: str | None


def load(manifest: Manifest, requested: LoadSettings, on_unavailable: OnUnavailable) -> Loaded:
    """Load a manifest's model as requested, or do what `on_unavailable` says; an unmet request with `fail` raises UserError.

    A checkpoint that was saved quantized is loaded as it was saved; a request to quantize it otherwise raises UserError. The
    dtype `auto` is resolved for each device that is tried.
    """
    if manifest.quantization and requested.quantization != Quantization.NONE:
        raise UserError(
            f"{manifest.path}: quantization '{requested.quantization}' was requested, but the weights were saved as "
            f"{manifest.quantization}: set quantization to none, which loads them as they were saved"
        )
    reasons = []
    for attempt in [requested, *(fallbacks(requested) if on_unavailable == OnUnavailable.FALLBACK else [])]:
        obstacle = device_obstacle(attempt.device)
        if not obstacle:
            attempt = attempt.model_copy(update={"dtype": number_formats.resolve(attempt.dtype, attempt.device)})
            obstacle = obstacle_to(manifest, attempt)
        if not obstacle:
            try:
                model = transformers_model.load_model(manifest.path, attempt)
                if manifest.quantization:
                    dequantization.finish(str(manifest.path), model, transformers_model.torch_dtype(attempt.dtype))
                applied = _apply(model, manifest, attempt)
            except (transformers_model.DoesNotFit, transformers_model.LibraryMissing) as error:
                obstacle = str(error)
            else:
                effective = effective_configuration(model, manifest.quantization, applied)
                changes = differences(attempt, effective, ("device", "dtype") if manifest.quantization else SETTINGS)
                if not changes or on_unavailable == OnUnavailable.FALLBACK:
                    reasons += [f"the library silently loaded {change}" for change in changes]
                    return Loaded(model, effective, in_text("; ".join(reasons), Path.cwd()) or None)
                obstacle = f"the library silently loaded {', '.join(changes)}"
        reasons.append(obstacle)
    reason = "; ".join(reasons)
    if on_unavailable == OnUnavailable.SKIP:
        return Loaded(None, None, in_text(reason, Path.cwd()))
    advice = "use another machine, change the model's entry in config, or set on_unavailable to fallback or skip"
    raise UserError(f"{reason}: {advice}")


def _apply(model: torch.nn.Module, manifest: Manifest, requested: LoadSettings) -> str | None:
    """Apply a manifest's adapter to its loaded model and return how, in words; None without an adapter."""
    if manifest.adapter is None:
        return None
    unquantized = requested.quantization == Quantization.NONE and manifest.quantization is None
    return adapters.apply(model, manifest.adapter, merge=unquantized and requested.dtype == DType.FLOAT32)


def device_obstacle(device: Device) -> str | None:
    """Why a model cannot run on a device here, None if no obstacle is known."""
    if device == Device.CUDA:
        problem = gpu_obstacles.obstacle(torch)
    else:
        problem = None if getattr(torch, device).is_available() else "this machine has none"
    return f"device '{device}' was requested, but {problem}" if problem else None


def obstacle_to(manifest: Manifest, requested: LoadSettings) -> str | None:
    """Why a model cannot be loaded with these settings, on a device without obstacle; None if no reason is known."""
    device, dtype, quantization = requested.device, requested.dtype, requested.quantization
    saved = manifest.quantization if manifest.quantization and manifest.quantization.method == "bitsandbytes" else None
    if saved or quantization != Quantization.NONE:
        obstacle = quantization_obstacle(device)
        if obstacle:
            what = f"its weights were saved as {saved}" if saved else f"quantization '{quantization}' was requested"
            return f"{what}, but {obstacle}"
    if manifest.quantization and (obstacle := saved_quantization.obstacle(manifest.path, manifest.quantization, device)):
        return f"{manifest.path.name}: {obstacle}"
    needed, free = footprint.needed(manifest, device, dtype, quantization), memory.free(torch, device)
    if needed > free:
        kind = dtype if quantization == Quantization.NONE else f"{quantization} with {dtype}"
        name = manifest.path.name
        return f"{name} in {kind} needs about {needed / 1e9:.1f} GB, but {free / 1e9:.1f} GB of {device} memory are free"
    return None


def quantization_obstacle(device: Device) -> str | None:
    """Why bitsandbytes cannot quantize on a device, None if it supports the device."""
    # It warns for each layer computed in float16, and about a missing optional package.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        import bitsandbytes
    except (ImportError, OSError, RuntimeError) as error:
        return f"bitsandbytes cannot be used here ({type(error).__name__})"
    if device not in bitsandbytes.supported_torch_devices:
        return f"bitsandbytes does not quantize on {device}"
    return None

"""Loading a model as requested, or, where this machine cannot, as `on_unavailable` says; never in silence.

`fail` ends with one line, `fallback` loads what is possible and keeps the reason, `skip` loads nothing and keeps the reason.
The job decides this, as a cluster's login node, where jobs are made, has no GPU to look at.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import torch

from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.models import memory, transformers_model
from mmlu_kit.models.inspect_model import effective_configuration
from mmlu_kit.settings import Device, Effective, LoadSettings, OnUnavailable, Quantization, differences
from mmlu_kit.user_errors import UserError


class Loaded(NamedTuple):
    """A model and its effective configuration, both None where it was skipped; `reason` is why it is not as requested."""

    model: torch.nn.Module | None
    effective: Effective | None
    reason: str | None


def load(manifest: Manifest, requested: LoadSettings, on_unavailable: OnUnavailable) -> Loaded:
    """The model of a manifest, loaded as requested or as `on_unavailable` says."""
    reasons = []
    for attempt in [requested, *(fallbacks(requested) if on_unavailable == OnUnavailable.FALLBACK else [])]:
        obstacle = obstacle_to(manifest, attempt)
        if not obstacle:
            try:
                model = transformers_model.load_model(Path(manifest.folder), attempt)
            except transformers_model.DoesNotFit as error:
                obstacle = str(error)
            else:
                effective = effective_configuration(model)
                differs = differences(attempt, effective)
                if not differs or on_unavailable == OnUnavailable.FALLBACK:
                    reasons += [f"the library silently loaded {difference}" for difference in differs]
                    return Loaded(model, effective, "; ".join(reasons) or None)
                obstacle = f"the library silently loaded {', '.join(differs)}"
        reasons.append(obstacle)
    reason = "; ".join(reasons)
    if on_unavailable == OnUnavailable.SKIP:
        return Loaded(None, None, reason)
    raise UserError(f"{reason}: run where it can be done, set other values in config, or on_unavailable to fallback or skip")


def fallbacks(requested: LoadSettings) -> list[LoadSettings]:
    """What to try, in order, where a request cannot be met: the same on the CPU, then there without quantization."""
    on_cpu = requested.model_copy(update={"device": Device.CPU})
    attempts = [on_cpu, on_cpu.model_copy(update={"quantization": Quantization.NONE})]
    return [attempt for number, attempt in enumerate(attempts) if attempt not in [requested, *attempts[:number]]]


def obstacle_to(manifest: Manifest, requested: LoadSettings) -> str | None:
    """Why this machine cannot load a model with these settings, None where no reason is known."""
    device, dtype, quantization = requested.device, requested.dtype, requested.quantization
    if not transformers_model.available(device):
        return f"device '{device}' was asked for and this machine has none"
    if quantization != Quantization.NONE:
        lacking = bitsandbytes_lacks(device)
        if lacking:
            return f"quantization '{quantization}' was asked for and {lacking}"
    needed, free = memory.needed(manifest, dtype, quantization), memory.free(torch, device)
    if needed > free:
        kind = dtype if quantization == Quantization.NONE else f"{quantization} with {dtype}"
        name = Path(manifest.folder).name
        return f"{name} in {kind} needs about {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB of {device} memory are free"
    return None


def bitsandbytes_lacks(device: Device) -> str | None:
    """Why bitsandbytes cannot quantize on a device; None where it says that it can."""
    # It logs for each layer that it computes in float16, and that an optional package is missing.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        import bitsandbytes
    except (ImportError, OSError, RuntimeError) as error:
        return f"bitsandbytes cannot be used here ({type(error).__name__})"
    if device not in bitsandbytes.supported_torch_devices:
        return f"bitsandbytes does not quantize on {device}"
    return None

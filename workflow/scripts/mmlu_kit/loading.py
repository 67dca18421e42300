"""Loading a model as it was asked for, or, where this machine cannot, as `on_unavailable` says; never in silence.

`fail` ends with one line, `fallback` loads what is possible and keeps the reason, `skip` loads nothing and keeps the reason.
This is decided inside the job: where jobs are made, on a cluster's login node, there is no GPU to ask about.
"""

import logging
from pathlib import Path
from typing import NamedTuple

import torch

from . import configurations, memory, models
from .effective import effective_configuration
from .problems import Problem

ON_UNAVAILABLE = ("fail", "fallback", "skip")


class Loaded(NamedTuple):
    """A model and its effective configuration, both None where it was skipped, and why it is not as asked, else None."""

    model: torch.nn.Module | None
    effective: dict | None
    reason: str | None


def load(manifest: dict, asked: dict, on_unavailable: str) -> Loaded:
    """The model of a manifest with the `device, dtype, quantization` of `asked`."""
    reasons = []
    for settings in [asked, *(fallbacks(asked) if on_unavailable == "fallback" else [])]:
        obstacle = what_is_in_the_way(manifest, settings)
        if not obstacle:
            try:
                model = models.load_model(Path(manifest["folder"]), **settings)
            except models.DoesNotFit as error:
                obstacle = str(error)
            else:
                effective = effective_configuration(model)
                differs = configurations.differences(settings, effective)
                if not differs or on_unavailable == "fallback":
                    reasons += [f"the library loaded {difference} without a word" for difference in differs]
                    return Loaded(model, effective, "; ".join(reasons) or None)
                obstacle = f"the library loaded {', '.join(differs)} without a word"
        reasons.append(obstacle)
    reason = "; ".join(reasons)
    if on_unavailable == "skip":
        return Loaded(None, None, reason)
    raise Problem(f"{reason}: run where it can be done, set other values in config, or on_unavailable to fallback or skip")


def fallbacks(asked: dict) -> list[dict]:
    """What to try, in order, where `asked` cannot be done: the same on the CPU, then there without quantization."""
    on_cpu = {**asked, "device": "cpu"}
    tried = [on_cpu, {**on_cpu, "quantization": "none"}]
    return [settings for number, settings in enumerate(tried) if settings not in [asked, *tried[:number]]]


def what_is_in_the_way(manifest: dict, settings: dict) -> str | None:
    """Why this machine cannot load a model with these settings, None where nothing is known to be in the way."""
    device, quantization = settings["device"], settings["quantization"]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there[device]:
        return f"device '{device}' was asked for and this machine has none"
    if quantization != "none":
        lacking = bitsandbytes_lacks(device)
        if lacking:
            return f"quantization '{quantization}' was asked for and {lacking}"
    needed, free = memory.needed(manifest, settings["dtype"], quantization), memory.free(torch, device)
    if needed > free:
        kind = settings["dtype"] if quantization == "none" else f"{quantization} with {settings['dtype']}"
        name = Path(manifest["folder"]).name
        return f"{name} in {kind} needs about {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB of {device} memory are free"
    return None


def bitsandbytes_lacks(device: str) -> str | None:
    """Why bitsandbytes cannot quantize on a device, as far as it says itself; None where it can."""
    # It tells of each layer that it computes in float16, and of an optional package that it does without.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        import bitsandbytes
    except (ImportError, OSError, RuntimeError) as error:
        return f"bitsandbytes cannot be used here ({type(error).__name__})"
    if device not in bitsandbytes.supported_torch_devices:
        return f"bitsandbytes does not quantize on {device}"
    return None

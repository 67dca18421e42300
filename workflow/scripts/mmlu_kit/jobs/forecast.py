"""What each model and timing setup of a study needs, beside this machine, and whether it will run, fall back or be skipped.

Nothing is loaded, so this tells what is known beforehand; each job decides for itself when it loads its model.
"""

import importlib.util
import platform
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from mmlu_kit import formatting
from mmlu_kit.config import ModelEntry
from mmlu_kit.inputs import loaded_weights
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.loaded_weights import BESIDE_WEIGHTS
from mmlu_kit.models import memory
from mmlu_kit.settings import COMPRESSIONS, Device, LoadSettings, OnUnavailable, Quantization, fallbacks
from mmlu_kit.study import Setup, Study
from mmlu_kit.timing import gpu
from mmlu_kit.timing.gpu import Gpu
from mmlu_kit.timing.machine import cores_usable

DEVICE_NAMES = {Device.CUDA: "NVIDIA GPU", Device.MPS: "Apple GPU", Device.CPU: "processor"}


@dataclass(frozen=True)
class Here:
    """This machine as far as it can be seen without torch; cores are those that may be used."""

    total_bytes: int
    free_bytes: int
    gpus: list[Gpu]
    metal: bool
    bitsandbytes: bool
    cores: int

    def in_words(self) -> str:
        """Its memory and GPUs in one line."""
        gpus = [f"{name} with {formatting.size(free)} of {formatting.size(total)} free" for name, total, free in self.gpus]
        seen = ", ".join(gpus) or ("an Apple GPU" if self.metal else "no GPU is seen")
        return f"{formatting.size(self.free_bytes)} of {formatting.size(self.total_bytes)} of memory are free; {seen}"

    def has(self, device: Device) -> bool:
        """Whether the machine has such a device."""
        return device == Device.CPU or (self.metal if device == Device.MPS else bool(self.gpus))

    def free_on(self, device: Device) -> int:
        """Bytes that are free on one of its devices; models run on the first GPU."""
        return self.gpus[0].free_bytes if device == Device.CUDA else self.free_bytes


@dataclass(frozen=True)
class Forecast:
    """What one model or timing setup needs: `needed` bytes on its device, None if its size is not known yet.

    `obstacle` says why it cannot run here as it is configured, None if nothing is known. `runs_as` is what runs then, None if
    nothing does; `ends` is whether that is an error, and `advice` what to do about it.
    """

    name: str
    settings: LoadSettings
    needed: int | None
    runs_as: LoadSettings | None
    obstacle: str | None = None
    ends: bool = False
    advice: str = "use another machine, change the entry in config, or set its on_unavailable to fallback or skip"


def here() -> Here:
    """Return this machine."""
    return Here(
        total_bytes=psutil.virtual_memory().total,
        free_bytes=memory.free_here(),
        gpus=gpu.visible(),
        metal=platform.system() == "Darwin" and platform.machine() == "arm64",
        bitsandbytes=importlib.util.find_spec("bitsandbytes") is not None,
        cores=cores_usable() or 1,
    )


def forecasts(study: Study, manifests: Mapping[str, Manifest | None], machine: Here | None) -> dict[str, Forecast]:
    """Return what is known of every model that is run and of every timing setup, by name, in the study's order.

    Without a machine, only what stands in the way on every machine is known.
    """
    setups = study.timing_setups
    entries: list[tuple[str, str, ModelEntry | Setup]] = [(name, name, entry) for name, entry in study.run.items()]
    entries += [(setup.name, setups.model, setup) for setup in setups.setups] if setups else []
    return {
        name: forecast(name, manifests[model], load_settings(entry), entry.on_unavailable, machine)
        for name, model, entry in entries
    }


def forecast(
    name: str, manifest: Manifest | None, settings: LoadSettings, on_unavailable: OnUnavailable, machine: Here | None
) -> Forecast:
    """Return what a model with these settings needs, and what stands in its way on a machine."""
    if manifest and manifest.quantization and settings.quantization != Quantization.NONE:
        saved = f"the weights were saved as {manifest.quantization}, so quantization has to be none"
        return Forecast(name, settings, None, None, saved, ends=True, advice="change the entry in config")
    needed = None if manifest is None else needed_bytes(manifest, settings)
    obstacle = _obstacle(needed, settings, machine) if machine else None
    if machine is None or obstacle is None:
        return Forecast(name, settings, needed, settings)
    for other in fallbacks(settings) if on_unavailable == OnUnavailable.FALLBACK else []:
        if not _obstacle(None if manifest is None else needed_bytes(manifest, other), other, machine):
            return Forecast(name, settings, needed, other, obstacle)
    return Forecast(name, settings, needed, None, obstacle, ends=on_unavailable != OnUnavailable.SKIP)


def load_settings(entry: LoadSettings) -> LoadSettings:
    """Return how a model or setup is loaded, without its other settings."""
    return LoadSettings(**{name: getattr(entry, name) for name in LoadSettings.model_fields})


def needed_bytes(manifest: Manifest, settings: LoadSettings) -> int:
    """Return the bytes that a model needs on its device: its weights as loaded, its adapter, and room for computing.

    Where the tensors of its files are not known yet it is the least that they can need.
    """
    device, dtype, quantization = settings.device, settings.dtype, settings.quantization
    beside = BESIDE_WEIGHTS + loaded_weights.of_adapter(manifest)
    if quantization in COMPRESSIONS:
        least = round(manifest.parameters * COMPRESSIONS[quantization].bytes)
        return beside + (loaded_weights.compressed(manifest, device, dtype, quantization) if manifest.files else least)
    saved = manifest.quantization
    if saved and not manifest.files and saved.method not in loaded_weights.DEQUANTIZED:
        return beside + manifest.checkpoint_bytes
    return beside + loaded_weights.as_saved(manifest, device, dtype)


def _obstacle(needed: int | None, settings: LoadSettings, machine: Here) -> str | None:
    """Return why a machine cannot load a model of this size with these settings, None if nothing is known."""
    if not machine.has(settings.device):
        return f"no {DEVICE_NAMES[settings.device]} is seen on this machine"
    if settings.quantization != Quantization.NONE and not machine.bitsandbytes:
        return "bitsandbytes is not installed"
    if needed is not None and needed > machine.free_on(settings.device):
        free = formatting.size(machine.free_on(settings.device))
        return f"needs at least {formatting.size(needed)}, but {free} of {settings.device} memory are free"
    return None

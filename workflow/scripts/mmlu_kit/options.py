"""Options that several programs share: how a model is loaded."""

import argparse
from collections.abc import Iterable

from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable, Quantization


def add_loading(parser: argparse.ArgumentParser, from_config: bool = False, may_skip: bool = True) -> None:
    """Add `--device, --dtype, --quantization, --on-unavailable`, with defaults, or None where config may say it."""
    default = "default: config's, else {}" if from_config else "default: {}"

    def add(name: str, choices: Iterable[str], usual: str, what: str) -> None:
        text = f"{what} ({default.format(usual)})"
        parser.add_argument(name, choices=list(map(str, choices)), default=None if from_config else str(usual), help=text)

    add("--device", Device, Device.CPU, "where the model runs")
    add("--dtype", DType, DType.FLOAT32, "number format")
    add("--quantization", Quantization, Quantization.NONE, "by bitsandbytes")
    ways = [way for way in OnUnavailable if may_skip or way != OnUnavailable.SKIP]
    what = (
        "fail, run on the CPU or unquantized, or write why it was not run"
        if may_skip
        else "fail, or run on the CPU or unquantized"
    )
    add("--on-unavailable", ways, OnUnavailable.FAIL, f"where this machine cannot do that: {what}")


def load_settings(args: argparse.Namespace, config: LoadSettings | None = None) -> LoadSettings:
    """What `add_loading`'s options ask for; `config` has what they leave open."""
    defaults = config or LoadSettings()
    return LoadSettings(**{name: getattr(args, name) or getattr(defaults, name) for name in LoadSettings.model_fields})

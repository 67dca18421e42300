"""Options that several programs share: how a model is loaded, and data given as JSON."""

import argparse
from collections.abc import Iterable
from typing import TypeVar

from pydantic import ValidationError

from mmlu_kit.data import Data
from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable, Quantization
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain_json

AnyData = TypeVar("AnyData", bound=Data)


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


def from_json(kind: type[AnyData], text: str, option: str) -> AnyData:
    """The data that an option gives as JSON text; anything else raises UserError naming the option and the key."""
    try:
        return kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise UserError(f"{option}: {explain_json(error, text)}") from None

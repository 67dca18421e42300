"""Options that several programs share: how a model is loaded, and data given as JSON."""

import argparse
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import ValidationError

from mmlu_kit.data import Data
from mmlu_kit.settings import (
    MOST_EXAMPLES,
    Device,
    DType,
    LoadSettings,
    OnUnavailable,
    Preset,
    Quantization,
    Requested,
    TokensPerBatch,
)
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


def add_prompt(parser: argparse.ArgumentParser, from_config: bool = False) -> None:
    """Add `--preset, --examples, --fewer-examples, --max-new-tokens, --tokens-per-batch`, with defaults as `add_loading`."""
    default = "default: config's, else {}" if from_config else "default: {}"

    def add(name: str, usual: str | int, what: str, **options: Any) -> None:
        options["default"] = None if from_config else usual
        parser.add_argument(name, help=f"{what} ({default.format(usual)})", **options)

    add("--preset", str(Preset.LM_EVAL), "the prompt's form", choices=list(map(str, Preset)))
    add("--examples", 0, "few-shot examples, num_fewshot", type=int, choices=range(MOST_EXAMPLES + 1))
    what = "show fewer examples where a prompt would exceed the model's context"
    parser.add_argument("--fewer-examples", action="store_true", default=None if from_config else False, help=what)
    add("--max-new-tokens", 1, "tokens the model may write as its answer", type=int, metavar="N")
    add("--tokens-per-batch", "auto", "tokens computed at a time", type=_batch_size, metavar="N")


def _batch_size(text: str) -> TokensPerBatch:
    """'auto' or a number from 1."""
    if text == "auto":
        return "auto"
    if int(text) < 1:
        raise ValueError
    return int(text)


def load_settings(args: argparse.Namespace, config: LoadSettings | None = None) -> LoadSettings:
    """What `add_loading`'s options ask for; `config` has what they leave open."""
    defaults = config or LoadSettings()
    return LoadSettings(**{name: getattr(args, name) or getattr(defaults, name) for name in LoadSettings.model_fields})


def requested(args: argparse.Namespace, config: Requested | None = None) -> Requested:
    """What the options of `add_loading` and `add_prompt` ask for; `config` has what they leave open."""
    defaults = config or Requested()
    values = {name: getattr(args, name) for name in Requested.model_fields}
    return Requested(**{name: getattr(defaults, name) if value is None else value for name, value in values.items()})


def from_json(kind: type[AnyData], text: str, option: str) -> AnyData:
    """The data that an option gives as JSON text; anything else raises UserError naming the option and the key."""
    try:
        return kind.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise UserError(f"{option}: {explain_json(error, text)}") from None

"""Options that several programs share: how a model is loaded and prompted, and values given as JSON."""

import argparse
import json
import re
from collections.abc import Iterable
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from mmlu_kit.data import AnyData
from mmlu_kit.settings import (
    MAX_EXAMPLES,
    Device,
    DType,
    LoadSettings,
    OnUnavailable,
    Orders,
    Preset,
    PromptSettings,
    Quantization,
    Requested,
    Score,
    TokensPerBatch,
)
from mmlu_kit.template_arguments import TemplateArguments
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain, explain_json

AnySettings = TypeVar("AnySettings", bound=PromptSettings)


def add_loading(parser: argparse.ArgumentParser, from_config: bool = False, may_skip: bool = True) -> None:
    """Add `--device, --dtype, --quantization, --on-unavailable`.

    With `from_config` they default to None, and config decides; without `may_skip` the model cannot be skipped.
    """
    default = "default: config's, else {}" if from_config else "default: {}"

    def add(name: str, choices: Iterable[str], value: str, description: str) -> None:
        text = f"{description} ({default.format(value)})"
        parser.add_argument(name, choices=list(map(str, choices)), default=None if from_config else str(value), help=text)

    add("--device", Device, Device.CPU, "where the model runs")
    add(
        "--dtype",
        DType,
        DType.FLOAT32,
        "number format; auto: bfloat16 where the device multiplies it, else float16 on cuda, float32 on cpu and mps",
    )
    add("--quantization", Quantization, Quantization.NONE, "quantization by bitsandbytes")
    policies = [policy for policy in OnUnavailable if may_skip or policy != OnUnavailable.SKIP]
    description = (
        "fail, run on the CPU or unquantized, or write why the model was not run"
        if may_skip
        else "fail, or run on the CPU or unquantized"
    )
    add("--on-unavailable", policies, OnUnavailable.FAIL, f"what to do if this machine cannot do that: {description}")


def add_prompt(parser: argparse.ArgumentParser, from_config: bool = False) -> None:
    """Add an option for each of PromptSettings; defaults are as in `add_loading`."""
    default = "default: config's, else {}" if from_config else "default: {}"

    def add(name: str, value: str | int, description: str, **options: Any) -> None:
        options["default"] = None if from_config else value
        parser.add_argument(name, help=f"{description} ({default.format(value)})", **options)

    add("--preset", str(Preset.LM_EVAL), "prompt preset", choices=list(map(str, Preset)))
    text = f"rank the choices of a cloze preset by this ({default.format(Score.CHARACTER)})"
    parser.add_argument("--score", choices=list(map(str, Score)), help=text)
    text = f"score each choice of a cloze preset without the question too, for pmi ({default.format('yes')})"
    unconditional = None if from_config else True
    parser.add_argument("--unconditional", action=argparse.BooleanOptionalAction, default=unconditional, help=text)
    add("--orders", str(Orders.GIVEN), "show the choices as given, or in every rotation", choices=list(map(str, Orders)))
    add("--examples", 0, "few-shot examples (num_fewshot)", type=int, choices=range(MAX_EXAMPLES + 1))
    text = "use fewer examples if a prompt would exceed the model's context"
    parser.add_argument("--fewer-examples", action="store_true", default=None if from_config else False, help=text)
    add("--max-new-tokens", 1, "longest answer, in tokens", type=int, metavar="N")
    add_template_arguments(parser, from_config)


def add_batches(parser: argparse.ArgumentParser, from_config: bool = False) -> None:
    """Add `--tokens-per-batch`; the default is as in `add_loading`."""
    default = "default: config's, else auto" if from_config else "default: auto"
    text = f"tokens in one forward pass ({default})"
    parser.add_argument("--tokens-per-batch", type=_batch_size, metavar="N", default=None if from_config else "auto", help=text)


def prompt_options(settings: PromptSettings) -> list[str]:
    """Return the options of `add_prompt` for these settings; those with their default are left out."""
    chosen: list[str] = []
    for name, value in settings.plain().items():
        option = name.replace("_", "-")
        if value == PromptSettings().plain()[name]:
            continue
        if isinstance(value, bool):
            chosen.append(f"--{option}" if value else f"--no-{option}")
        else:
            chosen += [f"--{option}", json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value)]
    return chosen


def add_template_arguments(parser: argparse.ArgumentParser, from_config: bool = False) -> None:
    """Add `--template-arguments`; the default is as in `add_loading`."""
    text = "arguments for the model's chat template, as JSON, such as '{\"enable_thinking\": false}'"
    default = "default: config's, else none" if from_config else "default: none"
    parser.add_argument("--template-arguments", metavar="JSON", help=f"{text} ({default})")


def template_arguments(args: argparse.Namespace, config: TemplateArguments = MappingProxyType({})) -> TemplateArguments:
    """The arguments of `add_template_arguments`' option, or `config` if it is not given; an invalid one raises UserError."""
    if args.template_arguments is None:
        return dict(config)  # which can be sent to another process
    try:
        return TypeAdapter(TemplateArguments).validate_json(args.template_arguments, strict=True)
    except ValidationError as error:
        raise UserError(f"--template-arguments: {explain_json(error, args.template_arguments)}") from None


def _batch_size(text: str) -> TokensPerBatch:
    """Parse 'auto' or a positive number."""
    return "auto" if text == "auto" else positive(text)


def positive(text: str) -> int:
    """Parse a positive number: the `type` of an option."""
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text):
        raise argparse.ArgumentTypeError(f"needs a whole number from 1, not '{text[:80]}'")
    return int(text)


def load_settings(args: argparse.Namespace, config: LoadSettings | None = None) -> LoadSettings:
    """The load settings of `add_loading`'s options; options that are not given are taken from `config`."""
    defaults = config or LoadSettings()
    return LoadSettings(**{name: getattr(args, name) or getattr(defaults, name) for name in LoadSettings.model_fields})


def requested(args: argparse.Namespace, config: Requested | None = None) -> Requested:
    """The settings of `add_loading`'s, `add_prompt`'s and `add_batches`' options, or those of `config` that are not given.

    Settings that contradict each other raise UserError.
    """
    return _settings(args, config or Requested())


def prompt_settings(args: argparse.Namespace) -> PromptSettings:
    """The settings of `add_prompt`'s options; settings that contradict each other raise UserError."""
    return _settings(args, PromptSettings())


def _settings(args: argparse.Namespace, defaults: AnySettings) -> AnySettings:
    values = {name: getattr(args, name) for name in type(defaults).model_fields}
    values["template_arguments"] = template_arguments(args, defaults.template_arguments)
    values = {name: getattr(defaults, name) if value is None else value for name, value in values.items()}
    try:
        return type(defaults)(**values)
    except ValidationError as error:
        raise UserError(explain(error, values)) from None


def from_json(kind: type[AnyData], text: str, option: str) -> AnyData:
    """Parse an option's JSON text; invalid data raises UserError naming the option and the key."""
    try:
        return kind.model_validate_json(text.encode(), strict=True)
    except UnicodeEncodeError:
        raise UserError(f"{option}: not UTF-8 text: give the file or folder that it names a name in UTF-8") from None
    except ValidationError as error:
        raise UserError(f"{option}: {explain_json(error, text)}") from None

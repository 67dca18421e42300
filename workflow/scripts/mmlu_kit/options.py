"""Options that several programs have in common: how a model is loaded."""

import argparse


def add_loading(parser: argparse.ArgumentParser, from_config: bool = False, may_skip: bool = True) -> None:
    """Add `--device, --dtype, --quantization, --on-unavailable`, with defaults, or None where config may say it."""
    default = "default: config's, else {}" if from_config else "default: {}"

    def add(name: str, choices: tuple[str, ...], usual: str, what: str) -> None:
        text = f"{what} ({default.format(usual)})"
        parser.add_argument(name, choices=choices, default=None if from_config else usual, help=text)

    add("--device", ("cpu", "cuda", "mps"), "cpu", "where the model runs")
    add("--dtype", ("float32", "bfloat16", "float16"), "float32", "number format")
    add("--quantization", ("none", "4bit", "8bit"), "none", "by bitsandbytes")
    ways = ("fail", "fallback", "skip") if may_skip else ("fail", "fallback")
    what = "fail, run on the CPU or unquantized, or note why not" if may_skip else "fail, or run on the CPU or unquantized"
    add("--on-unavailable", ways, "fail", f"where this machine cannot do that: {what}")

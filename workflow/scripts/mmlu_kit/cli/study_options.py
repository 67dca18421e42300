"""The options of subcommands that are about a study: its name, its parts, and config files."""

import argparse
from pathlib import Path
from typing import Any

from mmlu_kit import config


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--study`, `--only` and `--configfile`, the arguments of `read`."""
    add = parser.add_argument
    add("--study", help="the study's name (default: the one in config)")
    add("--only", nargs="*", metavar="PART", help="only these parts of the study, as in config")
    add(
        "--configfile", type=Path, nargs="*", default=[], metavar="FILE", help="files that extend config.yaml, as for snakemake"
    )


def read(args: argparse.Namespace) -> dict[str, Any]:
    """Return the config that the arguments name, as Snakemake would pass it on."""
    only = args.only[0] if args.only and len(args.only) == 1 else args.only
    chosen = {key: value for key, value in (("study", args.study), ("only", only)) if value}
    return config.read([Path("config.yaml"), *args.configfile]) | chosen

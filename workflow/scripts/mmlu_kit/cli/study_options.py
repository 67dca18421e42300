"""The options of subcommands that are about a study: its name, its parts, and config files."""

import argparse
import os
from pathlib import Path
from typing import Any

from mmlu_kit import config_files, study
from mmlu_kit.inputs import whole_subjects
from mmlu_kit.jobs.places import Kit
from mmlu_kit.sources import PROJECT
from mmlu_kit.study import Study

KIT = Kit(PROJECT)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--study`, `--only`, `--limit` and `--configfile`, the arguments of `read`."""
    add = parser.add_argument
    add("--study", help="the study's name (default: the one in config)")
    add("--only", nargs="*", metavar="PART", help="only these parts of the study, as in config")
    add("--limit", type=int, metavar="N", help="only the first so many questions of each subject, as in config")
    text = "files that extend config.yaml, as for snakemake"
    add("--configfile", "--config", type=Path, nargs="*", default=[], metavar="FILE", help=text)


def read(args: argparse.Namespace) -> dict[str, Any]:
    """Return the config that the arguments name, as Snakemake reads it in the same working directory."""
    chosen = {key: value for key in ("study", "only", "limit") if (value := getattr(args, key, None)) not in (None, [])}
    beside = Path("config.yaml")
    # A link to nothing is an error that its reader explains.
    paths = [PROJECT / beside, *([beside] if os.path.lexists(beside) else []), *args.configfile]
    return config_files.read(paths) | chosen


def resolve(settings: dict[str, Any]) -> Study:
    """Return the study of such a config, with the paths of its files from the working directory."""
    return whole_subjects.only(study.resolve(settings, KIT.locate))

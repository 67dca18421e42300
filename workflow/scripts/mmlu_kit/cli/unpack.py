"""Unpack results that other machines packed into a study's results; the next run uses them instead of computing its own."""

import argparse
import glob
import os
import shlex
from pathlib import Path

from mmlu_kit.cli import study_options
from mmlu_kit.results import archives
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError

EXAMPLE = "mmlu-kit unpack colab.zip --results results/writeup"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "archives",
        nargs="+",
        metavar="FILE",
        help=".zip files by `mmlu-kit pack`; several may be in one argument, as in a shell",
    )
    add("--results", type=Path, required=True, help="the study's results: results/<study>")
    add("--name", help="what the report calls the machine (default: the file's name)")
    text = "files that extend config.yaml, as for snakemake, if they define the study or its models"
    add("--configfile", "--config", type=Path, nargs="*", default=[], metavar="FILE", help=text)


def run(args: argparse.Namespace) -> None:
    paths = [path for text in args.archives for path in _paths(text)]
    if args.name is not None and len(paths) > 1:
        raise UserError(f"--name is for one archive, not for {len(paths)}: unpack them one by one")
    if len({path.stem for path in paths}) < len(paths):
        raise UserError("two archives have the same name, under which results are stored: rename one of them")
    study = _study(args)
    if study is None:
        print(f"Note: config has no study '{args.study}', so settings are not compared; name its file with --configfile.")
    for path in paths:
        models = archives.unpack(path, args.results, path.stem if args.name is None else args.name, study)
        counts = ", ".join(f"{model} ({count})" for model, count in models.items())
        print(f"{path} unpacked into {args.results}; models (number of subjects): {counts}")


def _paths(text: str) -> list[Path]:
    """Return the file that an argument names or, if there is none, the files that it names for a shell."""
    path = Path(os.path.expanduser(text))  # noqa: PTH111 - leaves the name of an unknown user as it is
    if path.exists() or path.is_symlink():
        return [path]
    try:
        words = shlex.split(text)
    except ValueError:  # a quote that is not closed
        return [path]
    names = [sorted(glob.glob(os.path.expanduser(word))) for word in words]  # noqa: PTH111, PTH207 - also absolute patterns
    return [Path(name) for matches in names for name in matches] if names and all(names) else [path]


def _study(args: argparse.Namespace) -> Study | None:
    """Return the whole study whose results these are; None if config does not have it."""
    args.study, args.only = archives.study_name(args.results), None
    settings = study_options.read(args)
    studies = settings.get("studies")
    if not isinstance(studies, dict) or args.study not in studies:
        return None
    return study_options.resolve(settings | {"study": args.study, "only": []})

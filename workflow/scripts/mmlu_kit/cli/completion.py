"""Print what makes a shell complete subcommands, options, and the names of studies and models.

The shell runs mmlu-kit whenever Tab is pressed, so the names are those of the config in the working directory.
"""

import argparse
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

import argcomplete
from argcomplete.completers import FilesCompleter

from mmlu_kit import config_files
from mmlu_kit.cli import main
from mmlu_kit.sources import PROJECT
from mmlu_kit.user_errors import UserError

EXAMPLE = 'eval "$(mmlu-kit completion bash)"'
EPILOG = "Put that line into ~/.bashrc or, with zsh, into ~/.zshrc; for fish: mmlu-kit completion fish | source"
SHELLS = ("bash", "zsh", "fish")
# The section of config whose names are values of an option or argument, by the name that it has in the code.
SECTIONS = {"study": "studies", "model": "models", "reference": "models"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that completes")


def run(args: argparse.Namespace) -> None:
    print(argcomplete.shellcode(["mmlu-kit"], shell=args.shell))


def complete() -> NoReturn:
    """Print the words that may come next on the command line that the shell passes, and exit."""
    *_, words, _ = argcomplete.split_line(os.environ["COMP_LINE"], int(os.environ["COMP_POINT"]))
    name = words[1] if len(words) > 1 and words[1] in main.SUBCOMMANDS else None
    parser = main.every_subcommand(name)
    for action in _actions(parser):
        section = SECTIONS.get(action.dest)
        if section and not action.choices and action.type is None:
            setattr(action, "completer", _Names(section))  # noqa: B010 - where argcomplete looks for it
    argcomplete.autocomplete(parser)
    raise SystemExit(0)


class _Names:
    """Completes names of a section of config and, where a folder or file may be named instead, paths."""

    def __init__(self, section: str) -> None:
        self.section = section

    def __call__(self, prefix: str, parsed_args: argparse.Namespace, **_: Any) -> Iterable[str]:
        names = [name for name in _config(parsed_args).get(self.section) or () if isinstance(name, str)]
        paths = FilesCompleter()(prefix) if self.section == "models" and prefix else []
        return [*(name for name in names if name.startswith(prefix)), *paths]


def _config(args: argparse.Namespace) -> dict[str, Any]:
    """The config that a command line names so far; without the files that cannot be read."""
    named = [getattr(args, "config", None), *(getattr(args, "configfile", None) or [])]
    config: dict[str, Any] = {}
    for path in [PROJECT / "config.yaml", Path("config.yaml"), *filter(None, named)]:
        try:
            config = config_files.merged(config, config_files.read([path]))
        except UserError:
            continue
    return config


def _actions(parser: argparse.ArgumentParser) -> Iterable[argparse.Action]:
    """Every argument of a parser and of its subcommands."""
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for subparser in action.choices.values():
                yield from _actions(subparser)

"""mmlu-kit SUBCOMMAND …: the commands that people run."""

import argparse
import importlib
import os
import sys
import textwrap
from typing import Any, NoReturn

from mmlu_kit import user_errors
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion

# Each is a module of this package with add_arguments(parser), run(args), EXAMPLE and perhaps EPILOG; only the chosen one is
# imported.
GROUPS = {
    "Run": {
        "evaluate": "evaluate a model on questions",
        "chat": "chat with a model",
        "report": "run a whole study, from questions and models to its report",
    },
    "Look": {
        "check": "show what a study will fetch, need, skip and take, before it runs",
        "status": "show which parts of a study are done and how long the rest takes",
        "verify": "compare every published number and claim with a run",
        "check-results": "compare every result file with its recorded hash",
        "diff": "show what differs between two runs, and whether their answers agree",
        "compare": "tell whether a model is worse than another of a study, as a quantized one may be",
        "machine": "show this machine and the largest model that it can hold",
    },
    "Share": {
        "pin": "print the config entries of models and question sets on the hub, at their commits",
        "pack": "pack this machine's results for another machine's study",
        "unpack": "add other machines' packed results to a study",
        "export": "export results in the formats of lm-eval and Every Eval Ever",
    },
    "Maintain": {
        "forget-skipped": 'delete "not run" placeholders so that those models are tried again',
        "schemas": "write the JSON schemas of all files",
        "completion": "print what makes a shell complete these commands",
    },
}
SUBCOMMANDS = {name: text for group in GROUPS.values() for name, text in group.items()}
EPILOG = """
Examples:
  mmlu-kit evaluate --model demo-small --questions workflow/demo/questions --subjects astronomy
  mmlu-kit report demo
  mmlu-kit evaluate --help

Completion by the Tab key:
  eval "$(mmlu-kit completion bash)"       in ~/.bashrc
  eval "$(mmlu-kit completion zsh)"        in ~/.zshrc, after compinit
  mmlu-kit completion fish | source        in ~/.config/fish/config.fish
"""


class Formatter(argparse.HelpFormatter):
    """Help with its paragraphs kept apart; indented lines are kept as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = textwrap.dedent(text).strip("\n").split("\n\n")
        return "\n\n".join(
            part if "\n  " in part else textwrap.fill(" ".join(part.split()), width, initial_indent=indent)
            for part in paragraphs
        )


def main() -> NoReturn:
    """Run the subcommand that the command line names."""
    user_errors.run(run)


def run() -> None:
    """Import the subcommand, parse its arguments and run it; under a shell's completion, print what could come next."""
    if "_ARGCOMPLETE" in os.environ:
        from mmlu_kit.cli import completion

        completion.complete()
    name = sys.argv[1] if len(sys.argv) > 1 else None
    if name in ("-h", "--help"):
        every_subcommand().print_help()
        return
    if name is None:
        raise UserError("no subcommand is named: mmlu-kit --help lists them")
    if name not in SUBCOMMANDS:
        raise UserError(f"mmlu-kit has no subcommand '{name}'; {suggestion(name, SUBCOMMANDS)}")
    module = _module(name)
    parser = argparse.ArgumentParser(prog=f"mmlu-kit {name}", **_help(module))
    module.add_arguments(parser)
    module.run(parser.parse_args(sys.argv[2:]))


def every_subcommand(name: str | None = None) -> argparse.ArgumentParser:
    """Return a parser of the whole command line, for help and completion: only the subcommand `name` has its arguments."""
    width = max(map(len, SUBCOMMANDS)) + 2
    groups = [
        "\n".join([f"{group}:", *(f"  {name:{width}}{text}" for name, text in subcommands.items())])
        for group, subcommands in GROUPS.items()
    ]
    text = "Evaluate language models on multiple-choice questions, and reproduce a published benchmark with its report."
    parser = argparse.ArgumentParser(
        prog="mmlu-kit",
        usage="mmlu-kit SUBCOMMAND …",
        description="\n\n".join([text, *groups]),
        epilog=EPILOG,
        formatter_class=Formatter,
    )
    commands = parser.add_subparsers(help=argparse.SUPPRESS)
    for subcommand, text in SUBCOMMANDS.items():
        if subcommand == name:
            module = _module(subcommand)
            module.add_arguments(commands.add_parser(subcommand, help=text, **_help(module)))
        else:
            commands.add_parser(subcommand, help=text)
    return parser


def _module(name: str) -> Any:
    return importlib.import_module(f"mmlu_kit.cli.{name.replace('-', '_')}")


def _help(module: Any) -> dict[str, Any]:
    """What a subcommand's parser says: its module's docstring, an example, and what else there is to say."""
    epilog = "\n\n".join([f"Example:\n  {module.EXAMPLE}", *filter(None, [getattr(module, "EPILOG", None)])])
    return {"description": module.__doc__, "epilog": epilog, "formatter_class": Formatter}

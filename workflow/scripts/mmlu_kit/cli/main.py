"""mmlu-kit SUBCOMMAND …: the commands that people run outside the workflow."""

import argparse
import importlib
import sys
from typing import NoReturn

from mmlu_kit import user_errors

# Each is a module of this package with add_arguments(parser), run(args) and perhaps EPILOG; only the chosen one is imported.
SUBCOMMANDS = {
    "evaluate": "evaluate a model on questions",
    "chat": "chat with a model",
    "pin": "print the config entries of models and question sets on the hub, at their commits",
    "check": "show what a study will fetch, need, skip and take, before it runs",
    "status": "show which parts of a study are done and how long the rest takes",
    "compare": "tell whether a model is worse than another of a study, as a quantized one may be",
    "verify": "compare every published number and claim with a run",
    "check-results": "compare every result file with its recorded hash",
    "pack": "pack this machine's results for another machine's study",
    "unpack": "add other machines' packed results to a study",
    "export": "export results as lm-eval's files",
    "forget-skipped": 'delete "not run" placeholders so that those models are tried again',
    "machine": "show this machine and the largest model that it can hold",
    "schemas": "write the JSON schemas of all files",
}


def main() -> NoReturn:
    """Run the subcommand that the command line names."""
    user_errors.run(run)


def run() -> None:
    """Import the subcommand, parse its arguments and run it."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in SUBCOMMANDS:
        # This parser only lists the subcommands; importing all of them would take seconds.
        parser = argparse.ArgumentParser(prog="mmlu-kit", description="The MMLU reproduction kit's commands for people.")
        commands = parser.add_subparsers(metavar="SUBCOMMAND", required=True)
        for subcommand, text in SUBCOMMANDS.items():
            commands.add_parser(subcommand, help=text)
        parser.parse_args()
    module = importlib.import_module(f"mmlu_kit.cli.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(
        prog=f"mmlu-kit {name}", description=module.__doc__, epilog=getattr(module, "EPILOG", None)
    )
    module.add_arguments(parser)
    module.run(parser.parse_args(sys.argv[2:]))

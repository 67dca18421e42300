"""mmlu-kit SUBCOMMAND …: what people run beside the workflow."""

import argparse
import importlib
import sys

from mmlu_kit import user_errors

# Each is a module of this package with add_arguments(parser) and run(args); only the chosen one is imported.
SUBCOMMANDS = {
    "evaluate": "ask a model questions and score its answers",
    "chat": "talk to a model",
    "status": "show what of a study is done and how long is left",
    "verify": "show each published number and claim beside a run's",
    "check-results": "compare every result file with its recorded hash",
    "pack": "pack what this machine ran, for another machine's study",
    "unpack": "add other machines' packed results to a study",
    "export": "write results in the form of lm-eval's files",
    "forget-skipped": 'delete "not run" placeholders so that those models are tried again',
    "machine": "show this machine and how large a model it can hold",
    "schemas": "write the JSON schemas of all files",
}


def main() -> None:
    """Run the subcommand that the command line names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in SUBCOMMANDS:
        # Lists the subcommands, or says which are known; importing them all would take seconds.
        parser = argparse.ArgumentParser(prog="mmlu-kit", description="The MMLU reproduction kit's commands for people.")
        commands = parser.add_subparsers(metavar="SUBCOMMAND", required=True)
        for known, text in SUBCOMMANDS.items():
            commands.add_parser(known, help=text)
        parser.parse_args()
    module = importlib.import_module(f"mmlu_kit.cli.{name.replace('-', '_')}")
    parser = argparse.ArgumentParser(
        prog=f"mmlu-kit {name}", description=module.__doc__, epilog=getattr(module, "EPILOG", None)
    )
    module.add_arguments(parser)
    args = parser.parse_args(sys.argv[2:])
    user_errors.run(lambda: module.run(args))

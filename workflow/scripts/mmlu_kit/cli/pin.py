"""Print config entries of models and question sets on the hub: a name, branch or tag becomes the commit that it means now.

What is known of each before it is fetched is printed beside it: whether the kit can run it, its size, memory, licence and
access. No weights are fetched, but the headers of their files where the hub does not tell the number of parameters.
"""

import argparse
import os
from collections.abc import Callable, Collection
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mmlu_kit import config_files, user_errors
from mmlu_kit.data import Name
from mmlu_kit.jobs import config_entries, pinning
from mmlu_kit.jobs.pinning import Pin
from mmlu_kit.sources import PROJECT
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain

EXAMPLE = "mmlu-kit pin Qwen/Qwen3-0.6B --name qwen3 --write mine.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    text = "a model: OWNER/NAME or, at a branch, a tag or a commit, OWNER/NAME@REVISION (default: its main branch)"
    add("models", nargs="*", metavar="MODEL", help=text)
    add("--questions", nargs="+", default=[], metavar="SET", help="question sets, named in the same way")
    add("--name", help="what config is to call it (default: the repository's name)")
    add("--file", metavar="NAME.gguf", help="which GGUF file of the model's repository to use")
    add("--write", type=Path, metavar="FILE", help="add the entries to a file that extends config.yaml; it is made if missing")


def run(args: argparse.Namespace) -> None:
    _check(args)
    problems: list[str] = []
    families = _families() if args.models and args.file is None else ()
    models = _pins(args.models, lambda model: pinning.pin_model(model, args.name, args.file, families), problems)
    questions = _pins(args.questions, lambda name: pinning.pin_questions(name, args.name), problems)
    sections = {section: pins for section, pins in (("models", models), ("questions", questions)) if pins}
    for section, pins in sections.items():
        print(f"{section}:\n{config_entries.text(pins)}", end="", flush=True)
    problems += [pin.problem for pins in sections.values() for pin in pins if pin.problem]
    if problems:
        for problem in problems:
            status = user_errors.report(problem)
        if args.write and sections:
            print(f"# nothing was added to {args.write}", flush=True)
        raise SystemExit(status)
    if args.write:
        _write(args.write, sections)


def _check(args: argparse.Namespace) -> None:
    """Check options that go with others."""
    number = len(args.models) + len(args.questions)
    if not number:
        raise UserError("no model and no question set is named: name one, as in mmlu-kit pin Qwen/Qwen3-0.6B")
    if number > 1 and (args.name or args.file):
        raise UserError("--name and --file are for one model or question set: pin the others in another command")
    if args.file and not args.models:
        raise UserError("--file is for a model: leave it out")
    if args.name is not None:
        try:
            TypeAdapter(Name).validate_python(args.name)
        except ValidationError as error:
            raise UserError(f"--name: {explain(error, args.name)}: write letters, digits, '.', '_' and '-'") from None


def _families() -> Collection[str]:
    """The types of models that transformers loads as causal language models."""
    from transformers.models.auto import modeling_auto  # takes seconds to import

    return frozenset(modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)


def _pins(references: list[str], pin: Callable[[str], Pin], problems: list[str]) -> list[Pin]:
    """Pin repositories one after another; those that cannot be pinned are added to `problems`."""
    pins: dict[str, Pin] = {}
    for reference in dict.fromkeys(references):
        try:
            new = pin(reference)
            old = pins.setdefault(new.name, new)
            if old.entry != new.entry:
                problem = f"{reference} and another one would both be called {new.name} in config"
                raise UserError(f"{problem}: pin it in another command, with --name")
        except UserError as error:
            problems.append(str(error))
    return list(pins.values())


def _write(path: Path, sections: dict[str, list[Pin]]) -> None:
    """Add entries that are not there yet to a config file, and print which."""
    beside = Path("config.yaml")
    base = config_files.read([PROJECT / beside, *([beside] if os.path.lexists(beside) else [])])
    config = config_files.merged(base, config_entries.read(path))
    new = {section: config_entries.missing(config, section, pins) for section, pins in sections.items()}
    if any(new.values()):
        config_entries.add(path, new)
    for section, pins in sections.items():
        for pin in pins:
            done = f"was added to {path}" if pin in new[section] else "is in config already, at this commit"
            print(f"# {section}.{pin.name} {done}", flush=True)

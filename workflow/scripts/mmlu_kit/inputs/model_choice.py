"""The choice of a model on the command line, by its name in config, its folder or its manifest."""

import argparse
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit import config as configs
from mmlu_kit import config_files, source_entries, sources, study_checks
from mmlu_kit.config import ModelEntry
from mmlu_kit.sources import PROJECT
from mmlu_kit.user_errors import UserError


def add_arguments(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add `--model` and `--config`, the arguments of `choose`."""
    text = "a model's name in config, its folder or GGUF file, or its manifest" + (f" (default: {default})" if default else "")
    parser.add_argument("--model", default=default, required=default is None, help=text)
    text = "a file that extends the project's config (default: config.yaml in the working directory, if there is one)"
    parser.add_argument("--config", type=Path, default=_default(), help=text)


def _default() -> Path:
    path = Path("config.yaml")
    return path if path.is_file() else PROJECT / path


@dataclass(frozen=True)
class ChosenModel:
    """A model's name, its folder or manifest, and its entry in config (None if it was not chosen by name)."""

    name: str
    path: Path
    entry: ModelEntry | None


def choose(model: str, config: Path) -> ChosenModel:
    """Return the model that `model` names: a folder, a manifest, or a model in the config file `config`, which extends the
    project's.

    Raises UserError if it is none of these, was not fetched yet, or has only imported answers.
    """
    path = Path(model)
    if path.exists():
        # Manifests are named <model>@<commit>.json.
        return ChosenModel(path.resolve().name if path.is_dir() else path.stem.partition("@")[0], path, None)
    entry = _entry(model, config)
    if entry.path is not None:
        paths = [folder / entry.path for folder in (config.parent, Path(), PROJECT)]
        return ChosenModel(model, next(filter(Path.exists, paths), paths[0]), entry)
    study_checks.check_pinned(entry, f"{config}: models.{model}")
    if entry.repository is None or entry.commit is None:
        raise UserError(f"{config}: models.{model}: needs either 'path' or 'repository' with 'commit'")
    manifest = Path(f"resources/models/{model}@{entry.at}.json")
    if not manifest.is_file():
        program = os.path.relpath(sources.clone(f"fetching {model}") / "workflow/scripts/fetch_model.py")
        source = shlex.quote(json.dumps(entry.source()))
        raise UserError(f"{model} was not fetched yet: run python {program} --source {source} --output {manifest}")
    return ChosenModel(model, manifest, entry)


def _entry(model: str, config: Path) -> ModelEntry:
    """The config entry of a model that can be run."""
    models = configs.parse(config_files.read([PROJECT / "config.yaml", config])).models
    entry = models.get(model)
    if isinstance(entry, ModelEntry):
        return entry
    if entry is not None:
        raise UserError(f"{config}: models.{model} has only imported answers and cannot be run: choose another model")
    repository, _, revision = model.partition("@")
    if source_entries.is_repository(repository):
        same = [name for name, other in models.items() if isinstance(other, ModelEntry) and other.repository == repository]
        problem = f"'{model}' is neither a model folder nor a model in {config}"
        if same:
            raise UserError(f"{problem}, which calls models of this repository {' and '.join(same)}: name one of these")
        command = source_entries.pin_command(repository, revision)
        advice = f"correct the path or, for a repository of the hub, add its entry to config; to print it, run: {command}"
        raise UserError(f"{problem}: {advice}")
    known = ", ".join(sorted(name for name, other in models.items() if isinstance(other, ModelEntry)))
    raise UserError(f"'{model}' is not a model folder, a manifest or a model in {config}; known there: {known}")

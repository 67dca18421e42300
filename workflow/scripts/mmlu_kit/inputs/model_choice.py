"""The choice of a model on the command line, by its name in config, its folder, its GGUF file or its manifest."""

import argparse
import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit import config as configs
from mmlu_kit import config_files, source_entries, sources, study_checks
from mmlu_kit.config import ModelEntry
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.model_sources import GGUF
from mmlu_kit.sources import PROJECT
from mmlu_kit.user_errors import UserError


def add_arguments(parser: argparse.ArgumentParser, default: str | None = None) -> None:
    """Add `--model`, `--adapter` and `--config`, the arguments of `choose`."""
    text = "a model's name in config, its folder or GGUF file, or its manifest" + (f" (default: {default})" if default else "")
    parser.add_argument("--model", default=default, required=default is None, help=text)
    text = "the folder of an adapter of peft, such as a LoRA, that is applied to the model"
    parser.add_argument("--adapter", type=Path, metavar="FOLDER", help=text)
    text = "a file that extends the project's config (default: config.yaml in the working directory, if there is one)"
    parser.add_argument("--config", "--configfile", type=Path, default=_default(), help=text)


def _default() -> Path:
    path = Path("config.yaml")
    return path if path.is_file() else PROJECT / path


@dataclass(frozen=True)
class ChosenModel:
    """A model's name, its folder, GGUF file or manifest, its entry in config (None if it was not chosen by name), and the
    folder of an adapter that its manifest does not name.
    """

    name: str
    path: Path
    entry: ModelEntry | None
    adapter: Path | None = None


def choose(model: str, config: Path, adapter: Path | None = None) -> ChosenModel:
    """Return the model that `model` names: a folder, a GGUF file, a manifest, or a model in the config file `config`, which
    extends the project's. `adapter` is the folder of an adapter that is applied to it.

    Raises UserError if it is none of these, was not fetched yet, or has only imported answers.
    """
    path = Path(model)
    if path.exists():
        # Manifests are named <model>@<commit>.json.
        named = path.resolve().name if path.is_dir() else path.stem if path.suffix == GGUF else path.stem.partition("@")[0]
        return ChosenModel(named, path, None, adapter)
    entry = _entry(model, config)
    if entry.adapter and adapter:
        raise UserError(f"{config}: models.{model} already has an adapter: leave --adapter out, or name the model's folder")
    if entry.path is not None and (entry.adapter is None or entry.adapter.path):
        adapter = _located(entry.adapter.path, config) if entry.adapter and entry.adapter.path else adapter
        return ChosenModel(model, _located(entry.path, config), entry, adapter)
    study_checks.check_pinned(entry, f"{config}: models.{model}")
    if entry.path is None and (entry.repository is None or entry.commit is None):
        raise UserError(f"{config}: models.{model}: needs either 'path' or 'repository' with 'commit'")
    manifest = Path(f"resources/models/{model}@{entry.at}.json")
    if not (manifest.is_file() and _has_adapter_of(manifest, entry)):
        program = os.path.relpath(sources.clone(f"fetching {model}") / "workflow/scripts/fetch_model.py")
        source = shlex.quote(json.dumps(entry.source()))
        state = "was fetched with another adapter" if manifest.is_file() else "was not fetched yet"
        raise UserError(f"{model} {state}: run python {program} --source {source} --output {manifest}")
    return ChosenModel(model, manifest, entry, adapter)


def _located(path: str, config: Path) -> Path:
    """The file or folder that a config names: beside the config, in the working directory, or in the kit's."""
    paths = [folder / path for folder in (config.parent, Path(), PROJECT)]
    return next(filter(Path.exists, paths), paths[0])


def _has_adapter_of(manifest: Path, entry: ModelEntry) -> bool:
    """Whether a manifest, whose name has the model's commit alone, has the adapter of a config entry."""
    adapter = Manifest.read(manifest).adapter
    first, second = (source and (source.repository, source.commit) for source in (adapter, entry.adapter))
    return first == second


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
    if "/" in model or model.endswith(GGUF):
        raise UserError(f"{model} does not exist: correct the path of the model's folder, GGUF file or manifest")
    raise UserError(f"'{model}' is not a model folder, a GGUF file, a manifest or a model in {config}; known there: {known}")

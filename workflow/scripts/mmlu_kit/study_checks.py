"""Checks of what a config says of a study beyond its types; each raises UserError that names the key."""

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from mmlu_kit import source_entries
from mmlu_kit.config import AnyModel, ImportedEntry, ModelEntry
from mmlu_kit.model_sources import GGUF, ModelSource
from mmlu_kit.source_entries import QuestionSet, Source
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import did_you_mean


def named(entries: Mapping[str, Any], name: str, kind: str) -> Any:
    """Return the entry of this name; `kind` says what it is, for the error."""
    if name not in entries:
        raise UserError(f"config: there is no {kind} '{name}'; known: {known(name, entries)}")
    return entries[name]


def check_exists(entry: Source | ImportedEntry, where: str) -> None:
    """Check that an entry names an existing folder, a repository with its commit, or an existing file of predictions."""
    if isinstance(entry, ImportedEntry):
        if not Path(entry.predictions).is_file():
            raise UserError(f"{where}.predictions: there is no file {entry.predictions}")
        return
    check_pinned(entry, where)
    keys = {key for key in ("path", "repository", "commit") if getattr(entry, key) is not None}
    if keys not in ({"path"}, {"repository", "commit"}):
        raise UserError(f"{where}: needs either 'path' or 'repository' with 'commit'; it has {_listed(keys) or 'neither'}")
    if entry.path and not _is_there(entry, entry.path):
        what = "file or folder" if isinstance(entry, QuestionSet) else "folder"
        if isinstance(entry, ModelSource) and entry.path.endswith(GGUF):
            what = "file"
        hint = ": ~ is not expanded, so write the path of your home folder out" if entry.path.startswith("~") else ""
        raise UserError(f"{where}.path: there is no {what} {entry.path}{hint}")
    if isinstance(entry, ModelSource) and entry.adapter:
        check_exists(entry.adapter, f"{where}.adapter")
    labels = getattr(entry, "label_errors", None)
    if labels and not Path(labels).is_dir():
        raise UserError(f"{where}.label_errors: there is no folder {labels}")


def _is_there(entry: Source, path: str) -> bool:
    """Whether what an entry names is there: questions in whichever form, and a folder or GGUF file for a model."""
    if isinstance(entry, QuestionSet):
        return os.path.lexists(path)
    return Path(path).is_dir() or (isinstance(entry, ModelSource) and path.endswith(GGUF) and Path(path).is_file())


def check_letters(name: str, models: Mapping[str, AnyModel], where: str) -> None:
    """Check that the stability measurement's model answers with letters: it compares their log-probabilities."""
    model = models.get(name)
    if isinstance(model, ModelEntry) and model.prompt.preset.is_cloze:
        run = {name: entry for name, entry in models.items() if isinstance(entry, ModelEntry)}
        others = [name for name, entry in run.items() if not entry.prompt.preset.is_cloze]
        advice = f"one of {_listed(others)}" if others else "a model with another preset"
        raise UserError(f"{where}: '{name}' has the preset {model.prompt.preset}, which asks for no letters: name {advice}")


def check_pinned(entry: Source, where: str) -> None:
    """Check that an entry's repository has its commit."""
    if entry.repository is not None and entry.commit is None and entry.path is None:
        command = source_entries.pin_command(entry.repository, is_set=isinstance(entry, QuestionSet))
        raise UserError(f"{where}: 'repository' needs its 'commit'; to find it, run: {command}")


def check_strategies(strategies: Collection[str], where: str) -> None:
    """Check that the recall experiment has the strategies that others are compared with."""
    for strategy in ("full", "none"):
        if strategy not in strategies:
            raise UserError(f"{where}.strategies: '{strategy}' is missing, and the others are compared with it: add it")


def known(name: str, names: Iterable[str]) -> str:
    """All names, and the one that is close to `name`, if any is."""
    names = list(names)
    return "; ".join(filter(None, [_listed(names), did_you_mean(name, names)]))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))

"""Config files: read, checked for duplicate keys, and merged as Snakemake merges them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmlu_kit import files
from mmlu_kit.user_errors import UserError


def read(paths: Sequence[Path]) -> dict[str, Any]:
    """Return the merged content of config files: as in Snakemake, later files override earlier ones key by key.

    A missing or malformed file, or one with a key twice, raises UserError naming it.
    """
    config: dict[str, Any] = {}
    for path in paths:
        config = merged(config, _read(path))
    return config


def _read(path: Path) -> dict[str, Any]:
    """Return the content of one file, which is JSON or YAML, as in Snakemake."""
    text = files.read_text(path, files.MAX_YAML_BYTES)
    try:
        config = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, path))
        json.dumps(config, ensure_ascii=False).encode()  # lone surrogates are a ValueError
    except (ValueError, RecursionError):
        config = files.read_yaml(path)
    if not isinstance(config, dict):
        raise UserError(f"{path} has no keys: see config.yaml for those that it may have")
    return config


def _unique(pairs: Sequence[tuple[str, Any]], path: Path) -> dict[str, Any]:
    """Return an object of JSON; a duplicate key raises UserError."""
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise UserError(f"{path}: the key '{name[:80]}' is there twice: keep one of them")
        values[name] = value
    return values


def merged(config: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `config` with `changes` applied; nested mappings are merged too."""
    nested = {
        key: merged(config[key], changes[key])
        for key in config.keys() & changes.keys()
        if isinstance(config[key], dict) and isinstance(changes[key], dict)
    }
    return {**config, **changes, **nested}

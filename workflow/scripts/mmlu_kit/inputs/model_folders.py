"""Model folders in Hugging Face form: which of their files are read, checked without loading the model."""

import fnmatch
import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from mmlu_kit.inputs import adapters, model_configs, regular_files, tokenizer_files, weight_files
from mmlu_kit.inputs.parameter_counts import parameters
from mmlu_kit.inputs.safetensors_headers import Tensor, header
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

# Configuration, tokenizer and chat templates in every format that transformers reads; weight_files chooses the weights.
_TEMPLATES = "additional_chat_templates"
PATTERNS = ("*.json", "merges.txt", "vocab.txt", "tokenizer.model", "*.jinja", f"{_TEMPLATES}/*.jinja")
# Objects that transformers reads beside config.json.
_OBJECTS = ("generation_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")


class Contents(NamedTuple):
    """What was read of a checked model folder: config.json, and the tensors of each weight file in the order of loading."""

    config: dict[str, Any]
    tensors: dict[Path, dict[str, Tensor]]

    def parameters(self, where: str) -> dict[str, int]:
        """The number of parameters in each tensor; like transformers, takes a tensor in two files from the last."""
        quantization = model_configs.saved_quantization(where, self.config)
        counts: dict[str, int] = {}
        for path, tensors in self.tensors.items():
            counts |= parameters(path, tensors, quantization)
        return counts


def check(folder: Path) -> list[Path]:
    """Check that a model folder is complete and can be loaded safely, and return its weight files in order.

    Of the weights only the headers are read. Raises UserError with the reason otherwise.
    """
    return list(read(Path(folder)).tensors)


def check_description(folder: Path) -> dict[str, Any]:
    """Check every file of a model folder except its weights and return config.json; raises UserError with the reason."""
    folder = Path(folder)
    where = printable(folder)
    if not folder.is_dir():
        raise UserError(f"{where} is not a folder: correct the path")
    names = names_in(folder)
    check_names(where, names)
    for name in described(names):
        regular_files.check(folder / name, regular_files.MAX_BYTES)
        if name in _OBJECTS:
            model_configs.read_object(folder / name)
    config = model_configs.read(folder)
    model_configs.check_decoder(where, config)
    model_configs.check_kernels(where, config)
    model_configs.saved_quantization(where, config)
    return config


def check_names(where: str, names: Collection[str]) -> None:
    """Check that the files `names` of a folder or repository may be a model's; raises UserError with the reason if not."""
    adapters.check_base(where, names)
    if "config.json" not in names:
        weight_files.check_not_only_gguf(where, names)
        raise UserError(f"{where}: config.json is missing, so this is not a Hugging Face model folder")
    tokenizer_files.check(where, names)


def described(names: Iterable[str]) -> list[str]:
    """Those of a model's file names that are read in addition to the weights."""
    return sorted(
        name
        for name in names
        if any(fnmatch.fnmatchcase(name, pattern) and name.count("/") == pattern.count("/") for pattern in PATTERNS)
    )


def read(folder: Path) -> Contents:
    """Check a model folder, as `check` says, and return what was read of it."""
    where = printable(folder)
    config = check_description(folder)
    weights = weight_files.choose(
        where,
        [path.name for path in folder.iterdir()],
        config,
        lambda name: os.path.lexists(folder / name),
        lambda name: regular_files.read_json(folder / name),
    )
    tensors = {folder / name: header(folder / name) for name in weights}
    weight_files.check_tensors(where, tensors, model_configs.saved_quantization(where, config) is not None)
    model_configs.check_sizes(where, config, {name: tensor for names in tensors.values() for name, tensor in names.items()})
    return Contents(config, tensors)


def names_in(folder: Path) -> list[str]:
    """The names of what is in a model folder, and of the chat templates in their folder below it."""
    return sorted(path.relative_to(folder).as_posix() for path in [*folder.iterdir(), *(folder / _TEMPLATES).glob("*")])

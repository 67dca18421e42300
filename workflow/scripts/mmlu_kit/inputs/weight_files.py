"""Which files of a model are its weights, by the rule of the library that loads them.

Source: `_get_resolved_checkpoint_files` in transformers/modeling_utils.py. In order: the file that config.json names as
`transformers_weights`, model.safetensors, the shards that model.safetensors.index.json lists. A folder and a repository of the
hub follow the same rule, so that only these files are fetched, hashed and counted.
"""

import re
from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mmlu_kit.inputs.safetensors_headers import Tensor
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")
_INTEGERS = frozenset(("I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64"))
# transformers loads a checkpoint of torch.distributed before all others.
_DISTRIBUTED = re.compile(r"shard-[0-9]{5}-model-[0-9]{5}-of-[0-9]{5}\.safetensors")


def choose(
    where: str,
    names: Collection[str],
    config: Mapping[str, Any],
    exists: Callable[[str], bool],
    read_json: Callable[[str], Any],
) -> list[str]:
    """The names of a model's weight files in order; missing, ambiguous or unsafe weights raise UserError.

    `where` is the folder or repository in messages, `names` are those at its top, `config` is config.json's content; `exists`
    and `read_json` take a name.
    """
    for name in sorted(names):
        if _DISTRIBUTED.fullmatch(name):
            raise UserError(f"{where}: {name} is part of a distributed checkpoint: save the model with save_pretrained instead")
    explicit = _explicit(where, config)
    if explicit:
        if not exists(explicit):
            raise UserError(f"{where}: {printable(explicit)}, named in config.json as transformers_weights, is missing")
        return _shards(where, explicit, exists, read_json(explicit)) if explicit.endswith(".json") else [explicit]
    if SINGLE in names:
        if INDEX in names:
            shards = [name for name in _listed(where, INDEX, read_json(INDEX)) if name != SINGLE and exists(name)]
            if shards:
                raise UserError(
                    f"{where}: holds both {SINGLE} and shards listed in {INDEX} ({printable(shards[0])}): "
                    "keep one of them elsewhere, or choose a commit with one of them"
                )
        return [SINGLE]
    if INDEX in names:
        return _shards(where, INDEX, exists, read_json(INDEX))
    check_not_only_gguf(where, names)
    raise UserError(f"{where}: {_why_missing(names)}")


def _explicit(where: str, config: Mapping[str, Any]) -> str | None:
    """The weights that config.json names, None for the usual names."""
    text = config.get("text_config")
    value = config.get("transformers_weights")
    # Which of the two is read depends on the model's class.
    if isinstance(text, dict) and text.get("transformers_weights") != value:
        raise UserError(f"{where}: transformers_weights differs between config.json and its text_config: set both to one file")
    if value is None:
        return None
    if not (_is_inside(value) and str(value).endswith((".safetensors", ".safetensors.index.json"))):
        raise UserError(
            f"{where}: transformers_weights in config.json is {printable(repr(value))}, not a safetensors file or index in the "
            "folder: correct config.json"
        )
    return str(value)


def _shards(where: str, index: str, exists: Callable[[str], bool], value: Any) -> list[str]:
    """The files that an index lists, all of which must be there."""
    names = _listed(where, index, value)
    if not isinstance(value.get("metadata"), dict):
        raise UserError(f'{where}: {printable(index)} lacks metadata, which transformers needs: add "metadata": {{}} to it')
    for name in names:
        if not exists(name):
            raise UserError(f"{where}: {printable(name)}, listed in {printable(index)}, is missing: fetch the model again")
    return names


def _listed(where: str, index: str, value: Any) -> list[str]:
    """The safetensors files that an index lists."""
    shards = value.get("weight_map") if isinstance(value, dict) else None
    if not isinstance(shards, dict) or not shards:
        raise UserError(f"{where}: {printable(index)} is not an index of weights (an object with a weight_map): fetch it again")
    for name in shards.values():
        if not _is_inside(name):
            raise UserError(
                f"{where}: {printable(repr(name))}, listed in {printable(index)}, is missing: it is not a file in the folder; "
                "fetch the index again"
            )
        # transformers would unpickle it.
        if not name.endswith(".safetensors"):
            raise UserError(
                f"{where}: {printable(name)}, listed in {printable(index)}, is not a safetensors file: convert the weights"
            )
    return sorted(set(shards.values()))


def _is_inside(name: Any) -> bool:
    """Whether a value names a file that is in the folder or in a folder below."""
    if not isinstance(name, str) or "\0" in name:
        return False
    path = PurePosixPath(name)
    return str(path) == name and not path.is_absolute() and ".." not in path.parts


def check_tensors(where: str, tensors: Mapping[Path, Mapping[str, Tensor]], quantized: bool) -> None:
    """Check that each tensor is in one file, and that weights are integers only if config.json says how to read them.

    `tensors` are those of each weight file, `quantized` is whether config.json has a quantization. Raises UserError naming the
    first tensor otherwise.
    """
    first: dict[str, Path] = {}
    for path, names in tensors.items():
        for name, tensor in names.items():
            if name in first:
                files = f"{printable(first[name].name)} and {printable(path.name)}"
                raise UserError(f"{where}: {printable(name)} is in {files}: keep only the files that belong together")
            first[name] = path
            if name.endswith("weight") and len(tensor.shape) > 1 and tensor.dtype in _INTEGERS and not quantized:
                stored = f"{printable(name)} is stored as {tensor.dtype}, but config.json has no quantization_config"
                raise UserError(f"{where}: {stored} to read it by: restore the config.json that belongs to the weights")


def check_not_only_gguf(where: str, names: Collection[str]) -> None:
    """Check that the files `names` are not only GGUF weights; raises UserError if they are."""
    gguf = sorted(name for name in names if name.endswith(".gguf"))
    if gguf and not any(name.endswith(".safetensors") for name in names):
        raise UserError(
            f"{where}: the weights exist only as GGUF ({printable(gguf[0])}): name that file, as 'path' or with --model if it "
            "is local, and as 'file' beside 'repository' if it is on the hub"
        )


def _why_missing(names: Collection[str]) -> str:
    """Why there are no weights, and what to do."""
    names = sorted(names)
    if pickles := [name for name in names if name.endswith(PICKLES)]:
        return (
            f"the weights exist only as a pickle ({printable(pickles[0])}), and loading a pickle can run code: "
            "convert them to safetensors, or choose a commit that has safetensors"
        )
    others = [name for name in names if name.endswith(".safetensors")]
    beside = f" ({printable(others[0])} has a name that is not loaded)" if others else ""
    return f"{SINGLE} is missing{beside}: save or copy the weights there"

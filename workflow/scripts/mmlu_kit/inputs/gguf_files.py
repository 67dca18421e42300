"""GGUF files as models: checked without loading the model, and described as its manifest describes it."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mmlu_kit.inputs import gguf_families, gguf_headers, gguf_rotary, gguf_tokens
from mmlu_kit.inputs.gguf_headers import Header
from mmlu_kit.inputs.gguf_tokens import Vocabulary
from mmlu_kit.inputs.model_configs import SavedQuantization, StoredType
from mmlu_kit.model_sources import GGUF
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

METHOD = "gguf"
_PART = re.compile(r"-[0-9]{5}-of-[0-9]{5}\.gguf\Z")
# Types that the package gguf turns into float32.
READABLE = frozenset(
    "F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K TQ1_0 TQ2_0 MXFP4 NVFP4 "
    "IQ1_S IQ1_M IQ2_XXS IQ2_XS IQ2_S IQ3_XXS IQ3_S IQ4_NL IQ4_XS".split()
)


class Contents(NamedTuple):
    """What a file holds: its header, its model's configuration for transformers, its tokenizer, how its weights are stored."""

    header: Header
    config: Mapping[str, Any]
    vocabulary: Vocabulary
    saved: SavedQuantization

    @property
    def parameters(self) -> int:
        """The number of parameters."""
        return sum(tensor.parameters for name, tensor in self.header.tensors.items() if name not in gguf_rotary.TENSORS)


def check_name(where: str, name: str) -> None:
    """Check by a file's name that it is no part of a model; raises UserError if it is."""
    if _PART.search(name):
        raise _part(f"{where}: {printable(name)}")


def _part(where: str) -> UserError:
    advice = "join the parts with `llama-gguf-split --merge`, and use the file that it writes as 'path'"
    return UserError(f"{where} is only a part of a model: {advice}")


def check_listed(where: str, names: Collection[str], name: str) -> None:
    """Check that a repository that holds the files `names` has a GGUF file; UserError names those that it has."""
    if name not in names:
        others = [printable(other) for other in sorted(names) if other.endswith(GGUF)]
        there = f"of {len(others):,} such files the first is {others[0]}" if others else "it has no GGUF files"
        raise UserError(f"{where} has no file {printable(name)} ({there}): correct 'file'")


def is_gguf(path: Path) -> bool:
    """Whether a path is that of a GGUF file; its name says so."""
    return path.suffix == GGUF and not path.is_dir()


def read(path: Path) -> Contents:
    """Check a GGUF file and return what it holds; a file whose model or tokenizer cannot be used exactly raises UserError."""
    if not path.exists() and not path.is_symlink():
        raise UserError(f"{printable(path)}: there is no such file: correct the path")
    return _contents(path, gguf_headers.header(path))


@lru_cache(maxsize=4)
def _contents(path: Path, header: Header) -> Contents:
    """What `read` returns, once for each header."""
    where, metadata = printable(path), header.metadata
    if metadata.get("split.count", 1) not in (0, 1):
        raise _part(where)
    kind = metadata.get("general.type", "model")
    if kind != "model":
        raise UserError(f"{where}: holds a model's {printable(kind)[:40]}, not its weights: use the file of the model itself")
    gguf_families.family(where, header)
    for name, tensor in header.tensors.items():
        if tensor.type not in READABLE:
            raise UserError(
                f"{where}: {printable(name)} is stored as {tensor.type}, which cannot be dequantized: "
                "use a file with another quantization"
            )
    config = gguf_families.config(path, header)
    vocabulary = gguf_tokens.vocabulary(where, metadata)
    ids = {f"{kind}_token_id": vocabulary.special.get(name) for kind, name in (("bos", "bos"), ("pad", "padding"))}
    return Contents(header, {**config, **ids, "eos_token_id": list(vocabulary.ends) or None}, vocabulary, _saved(header))


def _saved(header: Header) -> SavedQuantization:
    """How the weights are stored: tensors and parameters by type, the type with most parameters first."""
    tensors: Counter[str] = Counter()
    parameters: Counter[str] = Counter()
    for name, tensor in header.tensors.items():
        if name not in gguf_rotary.TENSORS:
            tensors[tensor.type] += 1
            parameters[tensor.type] += tensor.parameters
    types = [StoredType(name=name, tensors=tensors[name], parameters=number) for name, number in parameters.most_common()]
    return SavedQuantization(method=METHOD, bits=None, types=tuple(types))

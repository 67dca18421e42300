"""Headers of safetensors files, checked as strictly as the library that later loads them.

Format: 8 bytes with the header's length, a JSON header with number format, shape and place of every tensor, then the tensors.
Source: https://huggingface.co/docs/safetensors
"""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from mmlu_kit.inputs import regular_files
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

# Bits of one stored number; F4 to F8 are floats, with the split into exponent and mantissa in the name.
BITS = {
    **{"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E5M2FNUZ": 8, "F8_E4M3FNUZ": 8, "F8_E8M0": 8},
    **{"F16": 16, "BF16": 16, "F32": 32, "F64": 64, "C64": 64},
    **{"BOOL": 8, "U8": 8, "I8": 8, "U16": 16, "I16": 16, "U32": 32, "I32": 32, "U64": 64, "I64": 64},
}
MAX_HEADER_BYTES = 100_000_000  # the format's own limit
_MAX_DIMENSIONS = 64  # torch's limit


class Tensor(NamedTuple):
    """A tensor of a file: its number format, its shape, and where its bytes begin in the file."""

    dtype: str
    shape: tuple[int, ...]
    begin: int

    @property
    def bits(self) -> int:
        """Its size in the file."""
        return math.prod(self.shape) * BITS[self.dtype]


def header(path: Path) -> dict[str, Tensor]:
    """The tensors in a safetensors file by name; a damaged file raises UserError."""
    regular_files.check(path)
    size = path.stat().st_size
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        # A larger number means another kind of file, or a truncated one.
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise UserError(f"{printable(path)} is not a safetensors file, or is truncated: fetch or copy it again")
        text = stream.read(length)
    try:
        tensors = parse(text, 8 + length)
    except (ValueError, RecursionError) as error:
        problem = "nested too deeply" if isinstance(error, RecursionError) else printable(error)
        raise UserError(
            f"{printable(path)} is not a safetensors file (its header is damaged: {problem}): fetch or copy it again"
        ) from None
    end = max((tensor.begin + tensor.bits // 8 for tensor in tensors.values()), default=8 + length)
    if size != end:
        raise UserError(f"{printable(path)} has {size} bytes instead of the {end} that it declares: fetch or copy it again")
    return tensors


def parse(text: bytes, start: int) -> dict[str, Tensor]:
    """The tensors of a header whose data start at byte `start`; raises ValueError with what is wrong."""
    try:
        # The text is decoded first, since json.loads would also accept UTF-16.
        value = json.loads(text.decode(), object_pairs_hook=_without_duplicates)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON, {error.msg} at character {error.pos}") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")
    metadata = value.pop("__metadata__", {})
    if not (isinstance(metadata, dict) and all(isinstance(entry, str) for entry in metadata.values())):
        raise ValueError("__metadata__ holds other things than texts")
    tensors, end = {}, 0
    for begin, stop, name, tensor in sorted((*_offsets(name, tensor), name, tensor) for name, tensor in value.items()):
        name.encode()  # raises ValueError for half of a surrogate pair
        if begin != end:
            raise ValueError(f"tensor '{name}' begins at byte {begin} of the data instead of {end}")
        tensors[name] = _tensor(name, tensor, start + begin)
        if tensors[name].bits != 8 * (stop - begin):
            raise ValueError(f"tensor '{name}' has {stop - begin} bytes, which do not fit its shape and number format")
        end = stop
    return tensors


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key is there twice")
    return value


def _offsets(name: str, tensor: Any) -> tuple[int, int]:
    offsets = tensor.get("data_offsets") if isinstance(tensor, dict) else None
    if not (isinstance(offsets, list) and len(offsets) == 2 and all(map(_is_size, offsets)) and offsets[0] <= offsets[1]):
        raise ValueError(f"the data_offsets of tensor '{name}' are not two sizes in order")
    return offsets[0], offsets[1]


def _tensor(name: str, tensor: dict[str, Any], begin: int) -> Tensor:
    dtype, shape = tensor.get("dtype"), tensor.get("shape")
    if not (isinstance(dtype, str) and dtype in BITS):
        raise ValueError(f"the dtype of tensor '{name}' is not known: {str(dtype)[:20]}")
    if not (isinstance(shape, list) and len(shape) <= _MAX_DIMENSIONS and all(map(_is_size, shape))):
        raise ValueError(f"the shape of tensor '{name}' is not a list of up to {_MAX_DIMENSIONS} sizes")
    return Tensor(dtype, tuple(shape), begin)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 63  # True is an int, and larger ones have no place in 64 bits

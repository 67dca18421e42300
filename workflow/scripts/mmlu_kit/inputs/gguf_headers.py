"""Headers of GGUF files, checked before anything else reads them: metadata, and the place of every tensor.

Format: 'GGUF', a version, the counts of tensors and of keys, the keys with their values, the tensors' names, shapes, types and
offsets, then the tensors. Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

The reader of the `gguf` package checks little and makes several arrays for each string of a vocabulary, which takes seconds.
"""

import io
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from mmlu_kit import files
from mmlu_kit.inputs import regular_files
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_VERSIONS = (2, 3)
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
# A vocabulary of 262,144 tokens with its merges has 13 MB; the limits hold for all that is in use, several times over.
MAX_HEADER_BYTES = 64_000_000
_MAX_TEXT_BYTES = 4_000_000
_MAX_NAME_BYTES = 256
_MAX_ENTRIES = 1_000_000
_MAX_KEYS = 10_000
_MAX_TENSORS = 200_000
_MAX_DIMENSIONS = 4
_ALIGNMENT = 32
_MAX_ALIGNMENT = 1 << 20
_ADVICE = "fetch or copy it again"


class Tensor(NamedTuple):
    """A tensor of a file: its type, such as 'Q4_K', its shape as torch has it, its first byte and its size in the file."""

    type: str
    shape: tuple[int, ...]
    begin: int
    bytes: int

    @property
    def parameters(self) -> int:
        """How many numbers it holds."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Header:
    """What a file says before its weights: its metadata by key, and its tensors by name."""

    metadata: Mapping[str, Any]
    tensors: Mapping[str, Tensor]


def header(path: Path) -> Header:
    """The header of a GGUF file, read once while the file stays the same; a damaged file raises UserError."""
    regular_files.check(path)
    status = path.stat()
    return _header(path, status.st_size, status.st_mtime_ns, status.st_ino)


def of_beginning(data: bytes, size: int) -> Header | None:
    """The header of a file of `size` bytes by the bytes that it begins with; None if it is longer than they are.

    ValueError says what is wrong in a damaged one.
    """
    values = _Values(io.BytesIO(data), len(data))
    try:
        return _parse(values, size)
    except (ValueError, struct.error) as error:
        if values.place > len(data) < min(size, MAX_HEADER_BYTES):
            return None
        raise ValueError(f"it cannot be read as GGUF: {printable(error)}") from None


@lru_cache(maxsize=4)  # a vocabulary takes 30 MB
def _header(path: Path, size: int, _changed: int, _inode: int) -> Header:
    with files.open_regular(path) as stream:
        try:
            return _parse(_Values(stream, size), size)
        except (ValueError, struct.error) as error:
            raise UserError(f"{printable(path)} cannot be read as GGUF: {printable(error)}: {_ADVICE}") from None


class _Values:
    """The values of a header, read one after the other; ValueError says which one is wrong."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self.stream = stream
        self.place = 0
        self.end = min(size, MAX_HEADER_BYTES)

    def take(self, number: int) -> bytes:
        """The next bytes."""
        self.place += number
        if self.place > self.end:
            raise ValueError("its header goes on beyond the file's end, or has more than 64 MB")
        return self.stream.read(number)

    def numbers(self, form: str, count: int = 1) -> tuple[Any, ...]:
        """Numbers in one form of the module `struct`."""
        text = f"<{count}{form}"
        return struct.unpack(text, self.take(struct.calcsize(text)))

    def count(self, limit: int, things: str) -> int:
        """A count, which may be any number in a damaged file."""
        (count,) = self.numbers("Q")
        if count > limit:
            raise ValueError(f"it declares {count:,} {things}")
        return int(count)

    def text(self, limit: int = _MAX_TEXT_BYTES) -> str:
        """A text with its length in front."""
        length = int.from_bytes(self.take(8), "little")
        if length > limit:
            raise ValueError(f"it declares a text of {length:,} bytes")
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise ValueError(f"a text before byte {self.place:,} is not UTF-8") from None

    def name(self, kind: str) -> str:
        """A key, or a tensor's name."""
        name = self.text(_MAX_NAME_BYTES)
        if not (name and name.isprintable()):
            raise ValueError(f"{name!r} is no name of a {kind}")
        return name

    def value(self, kind: int) -> Any:
        """A value of one of the format's types."""
        if kind == _STRING:
            return self.text()
        if kind != _ARRAY:
            return self.numbers(_form(kind))[0]
        (entries,) = self.numbers("I")
        count = self.count(_MAX_ENTRIES, "entries of an array")
        if entries == _STRING:
            return [self.text() for _ in range(count)]
        return list(self.numbers(_form(entries), count))


def _form(kind: int) -> str:
    if kind not in _SCALARS:
        raise ValueError(f"a value has type {kind}, which the format does not have here")
    return _SCALARS[kind]


def _parse(values: _Values, size: int) -> Header:
    """Read a header; raises ValueError with what is wrong."""
    if size < 24 or values.take(4) != b"GGUF":
        raise ValueError("it does not begin as a GGUF file does, or is truncated")
    (release,) = values.numbers("I")
    if release & 0xFFFF == 0:
        raise ValueError("it is big-endian, for another kind of machine")
    if release not in _VERSIONS:
        raise ValueError(f"it has version {release} of the format, not 2 or 3")
    number = values.count(_MAX_TENSORS, "tensors")
    metadata: dict[str, Any] = {}
    for _ in range(values.count(_MAX_KEYS, "keys")):
        key = values.name("key")
        if key in metadata:
            raise ValueError(f"the key {key} is there twice")
        metadata[key] = values.value(values.numbers("I")[0])
    places = [_place(values) for _ in range(number)]
    alignment = metadata.get("general.alignment", _ALIGNMENT)
    if type(alignment) is not int or not 0 < alignment <= _MAX_ALIGNMENT or alignment & (alignment - 1):
        raise ValueError(f"general.alignment is {str(alignment)[:20]}, not a power of two")
    return Header(metadata, _tensors(places, -(-values.place // alignment) * alignment, alignment, size))


def _place(values: _Values) -> tuple[str, tuple[int, ...], int, int]:
    """The name, shape, type and offset of a tensor."""
    name = values.name("tensor")
    (dimensions,) = values.numbers("I")
    if not 1 <= dimensions <= _MAX_DIMENSIONS:
        raise ValueError(f"tensor '{name}' has {dimensions} dimensions")
    sizes = values.numbers("Q", dimensions)
    kind, offset = *values.numbers("I"), *values.numbers("Q")
    return name, tuple(reversed(sizes)), kind, offset


def _tensors(places: list[tuple[str, tuple[int, ...], int, int]], start: int, alignment: int, size: int) -> dict[str, Tensor]:
    """The tensors by name, in the order of the file, each in bytes of its own; raises ValueError for any other layout."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType  # takes 0.2 s, and few models are GGUF files

    tensors: dict[str, Tensor] = {}
    end = start
    for name, shape, kind, offset in sorted(places, key=lambda place: place[3]):
        try:
            kind = GGMLQuantizationType(kind)
        except ValueError:
            raise ValueError(f"tensor '{name}' has type {kind}, which the installed package gguf does not know") from None
        block, block_bytes = GGML_QUANT_SIZES[kind]
        if shape[-1] % block or not all(shape):
            raise ValueError(f"tensor '{name}' has rows of {shape[-1]} numbers, which do not fit {kind.name}")
        tensor = Tensor(kind.name, shape, start + offset, math.prod(shape) // block * block_bytes)
        if name in tensors:
            raise ValueError(f"tensor '{name}' is there twice")
        if tensor.begin < end or offset % alignment:
            raise ValueError(f"tensor '{name}' overlaps another one, or is not aligned")
        end = tensor.begin + tensor.bytes
        tensors[name] = tensor
    if not end <= size < end + alignment:
        raise ValueError(f"it has {size:,} bytes instead of the {end:,} that its header declares")
    return tensors

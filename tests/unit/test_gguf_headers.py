"""Headers of GGUF files, which anyone may have made: each fault is one line, soon, and takes no memory."""

import os
import struct
import time
import tracemalloc

import gguf
import pytest
from mmlu_kit.inputs import checkpoints, gguf_headers
from mmlu_kit.user_errors import UserError

from tests.helpers.gguf_files import header

TEXT, U32, ARRAY = (struct.pack("<I", kind) for kind in (8, 4, 9))
F32, Q4_K = (struct.pack("<I", kind) for kind in (0, 12))
MUCH = 1 << 60


def tensor(name="x", shape=(8,), kind=F32, offset=0):
    """Return the entry of a tensor."""
    return header(name, struct.pack("<I", len(shape)), *shape, kind, offset, magic=b"")[4:]


def one(entry, data=bytes(32)):
    """Return a file with one tensor."""
    start = header(1, 0, entry)
    return start + bytes(-len(start) % 32) + data


def two(first, second, data=bytes(64)):
    start = header(2, 0, first, second)
    return start + bytes(-len(start) % 32) + data


FILES = {
    "empty": (b"", "does not begin as a GGUF file does, or is truncated"),
    "a word": (b"GGUF", "does not begin as a GGUF file does, or is truncated"),
    "safetensors": (b'\x20\0\0\0\0\0\0\0{"x":{"dtype":"F32"}}' + bytes(99), "does not begin as a GGUF file does"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "run `git lfs pull`"),
    "version 1": (b"GGUF" + struct.pack("<III", 1, 1, 1) + bytes(99), "it has version 1 of the format, not 2 or 3"),
    "version 99": (b"GGUF" + struct.pack("<IQQ", 99, 0, 0) + bytes(99), "it has version 99 of the format, not 2 or 3"),
    "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0) + bytes(99), "it is big-endian, for another kind of machine"),
    "many tensors": (header(MUCH, 0), "it declares 1,152,921,504,606,846,976 tensors"),
    "many keys": (header(0, MUCH), "it declares 1,152,921,504,606,846,976 keys"),
    "tensors that are not there": (header(100_000, 0), "its header goes on beyond the file's end"),
    "a long key": (header(0, 1, MUCH), "it declares a text of 1,152,921,504,606,846,976 bytes"),
    "a long text": (header(0, 1, "k", TEXT, MUCH), "it declares a text of 1,152,921,504,606,846,976 bytes"),
    "a text beyond the end": (header(0, 1, "k", TEXT, 1_000_000), "its header goes on beyond the file's end"),
    "a large array": (header(0, 1, "k", ARRAY, U32, MUCH), "it declares 1,152,921,504,606,846,976 entries of an array"),
    "an array beyond the end": (header(0, 1, "k", ARRAY, U32, 1_000_000), "its header goes on beyond the file's end"),
    "texts beyond the end": (header(0, 1, "k", ARRAY, TEXT, 1_000_000), "its header goes on beyond the file's end"),
    "arrays of arrays": (header(0, 1, "k", ARRAY, ARRAY, 1, U32, 1), "a value has type 9, which the format does not have here"),
    "an unknown type": (
        header(0, 1, "k", struct.pack("<I", 77), 1),
        "a value has type 77, which the format does not have here",
    ),
    "a key twice": (header(0, 2, "k", U32, bytes(4), "k", U32, bytes(4)), "the key k is there twice"),
    "a key that clears the screen": (header(0, 1, "\x1b[2Jk", U32, bytes(4)), r"'\x1b[2Jk' is no name of a key"),
    "a key without letters": (header(0, 1, "", U32, bytes(4)), "'' is no name of a key"),
    "a key in Latin-1": (header(0, 1, 3, b"caf\xe9"[1:], U32, bytes(4)), "is not UTF-8"),
    "no alignment": (header(0, 1, "general.alignment", U32, bytes(4)), "general.alignment is 0, not a power of two"),
    "alignment by 12": (header(0, 1, "general.alignment", U32, b"\x0c\0\0\0"), "general.alignment is 12, not a power of two"),
    "a name that clears the screen": (one(tensor("\x1b[2J")), r"'\x1b[2J' is no name of a tensor"),
    "no dimensions": (one(tensor(shape=())), "tensor 'x' has 0 dimensions"),
    "many dimensions": (one(header("x", b"\xff" * 4, 1, magic=b"")[4:]), "tensor 'x' has 4294967295 dimensions"),
    "an unknown tensor type": (
        one(tensor(kind=b"\x63\0\0\0")),
        "tensor 'x' has type 99, which the installed package gguf does not",
    ),
    "half a block": (one(tensor(kind=Q4_K, shape=(128,))), "tensor 'x' has rows of 128 numbers, which do not fit Q4_K"),
    "an empty tensor": (one(tensor(shape=(8, 0))), "tensor 'x' has rows of 8 numbers"),
    "a tensor beyond the end": (one(tensor(shape=(1 << 40, 1 << 20))), "bytes instead of the 4,611,686,018,427,388,0"),
    "an offset beyond the end": (one(tensor(offset=1 << 62)), "bytes instead of the 4,611,686,018,427,388,0"),
    "a tensor cut off": (one(tensor(), bytes(31)), "bytes instead of the"),
    "more than its tensors": (one(tensor(), bytes(64)), "bytes instead of the"),
    "not aligned": (one(tensor(offset=4), bytes(36)), "tensor 'x' overlaps another one, or is not aligned"),
    "overlapping": (two(tensor("a"), tensor("b")), "tensor 'b' overlaps another one, or is not aligned"),
    "a tensor twice": (two(tensor("a"), tensor("a", offset=32)), "tensor 'a' is there twice"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, name):
    content, words = FILES[name]
    path = tmp_path / "m.gguf"
    path.write_bytes(content)
    start = time.perf_counter()
    tracemalloc.start()
    with pytest.raises(UserError) as error:
        checkpoints.describe(path)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert words in str(error.value) and str(error.value).startswith(str(path)) and str(error.value).isprintable()
    assert time.perf_counter() - start < 5 and memory < 50_000_000


def test_a_terabyte_of_nothing(tmp_path):
    for name, content, words in (
        ("hole.gguf", b"", "does not begin as a GGUF file does"),
        ("tail.gguf", one(tensor()), "1,000,000,000,000 bytes instead of the"),
        ("keys.gguf", header(0, 10_000), "'' is no name of a key"),
        ("texts.gguf", header(0, 1, "k", ARRAY, TEXT, 1_000_000), "cannot be read as GGUF"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        os.truncate(path, 10**12)
        start = time.perf_counter()
        with pytest.raises(UserError, match=words):
            checkpoints.describe(path)
        assert time.perf_counter() - start < 10


def test_what_is_no_file(tmp_path):
    with pytest.raises(UserError, match=r"m.gguf: there is no such file: correct the path"):
        checkpoints.describe(tmp_path / "m.gguf")
    os.mkfifo(tmp_path / "pipe.gguf")
    with pytest.raises(UserError, match=r"pipe.gguf is a named pipe, not a file"):
        checkpoints.describe(tmp_path / "pipe.gguf")
    (tmp_path / "link.gguf").symlink_to("nowhere")
    with pytest.raises(UserError, match=r"link.gguf is a link to a file that does not exist"):
        checkpoints.check_model(tmp_path / "link.gguf")


def test_values_and_places_are_those_that_the_package_reads(tmp_path):
    path = tmp_path / "m.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_float32("a.float", 0.1)
    writer.add_bool("a.bool", True)
    writer.add_int64("a.negative", -(1 << 40))
    writer.add_array("a.texts", ["x", "ü", ""])
    writer.add_array("a.numbers", [1.5, -2.0])
    import numpy

    numbers = numpy.arange(64, dtype=numpy.float32).reshape(2, 32)
    writer.add_tensor("w", numbers)
    writer.add_tensor(
        "q", gguf.quants.quantize(numbers, gguf.GGMLQuantizationType.Q8_0), raw_dtype=gguf.GGMLQuantizationType.Q8_0
    )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    read, reader = gguf_headers.header(path), gguf.GGUFReader(path)
    values = {key: field.contents() for key, field in reader.fields.items() if not key.startswith("GGUF.")}
    assert read.metadata == values and type(read.metadata["a.bool"]) is bool
    for theirs in reader.tensors:
        ours = read.tensors[theirs.name]
        assert (ours.type, ours.begin, ours.bytes) == (theirs.tensor_type.name, theirs.data_offset, theirs.n_bytes)
        assert list(reversed(ours.shape)) == list(theirs.shape)
    assert gguf_headers.header(path) is read

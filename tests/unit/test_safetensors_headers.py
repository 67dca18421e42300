"""Headers of safetensors files: good ones are read, and every damage is one line, found before anything is allocated."""

import json
import time

import pytest
import safetensors
from mmlu_kit.inputs.safetensors_headers import BITS, header
from mmlu_kit.user_errors import UserError

from tests.helpers.model_folders import write_header, write_weights


def test_formats_shapes_and_places(tmp_path):
    tensors = {"a": ("F32", [2, 3]), "b": ("BF16", []), "c": ("I64", [0, 5]), "d": ("F4", [4])}
    path = write_weights(tmp_path / "x.safetensors", tensors)
    read = header(path)
    assert {name: (tensor.dtype, list(tensor.shape)) for name, tensor in read.items()} == tensors
    start = path.stat().st_size - 28
    assert [read[name].begin - start for name in "abcd"] == [0, 24, 26, 26]


@pytest.mark.parametrize("dtype", BITS)
def test_the_sizes_of_number_formats_are_those_of_the_library(tmp_path, dtype):
    path = write_weights(tmp_path / "x.safetensors", {"x": (dtype, [8])})
    with safetensors.safe_open(path, "np") as file:  # it refuses a size that does not fit
        assert file.get_slice("x").get_shape() == [8]


def tensor(dtype="F32", shape=(2,), offsets=(0, 8), **other):
    return {"dtype": dtype, "shape": list(shape) if isinstance(shape, tuple) else shape, "data_offsets": offsets, **other}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"[1]", "not an object"),
        (b"null", "not an object"),
        (b"{]", "not JSON"),
        (b'{"a":' + b"9" * 5_000 + b"}", "Exceeds the limit"),
        (b"{" + b'"a":{' * 100_000, "nested too deeply"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":"\xff"}', "not UTF-8 at byte 6"),
        ('{"a": 1}'.encode("utf-16"), "not UTF-8"),
        (b'{"a":1,"a":1}', "a key is there twice"),
        (b'{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', "a key is there twice"),
        ({"\ud800": tensor()}, "surrogates not allowed"),
        ({"__metadata__": {"format": 1}, "a": tensor()}, "__metadata__ holds other things than texts"),
        ({"__metadata__": [], "a": tensor()}, "__metadata__ holds other things than texts"),
        ({"a": None}, "data_offsets of tensor 'a'"),
        ({"a": {"dtype": "F32", "shape": [2]}}, "data_offsets of tensor 'a'"),
        ({"a": tensor(offsets=[0])}, "data_offsets of tensor 'a'"),
        ({"a": tensor(offsets=[8, 0])}, "data_offsets of tensor 'a'"),
        ({"a": tensor(offsets=[-8, 0])}, "data_offsets of tensor 'a'"),
        ({"a": tensor(offsets=[0.0, 8.0])}, "data_offsets of tensor 'a'"),
        ({"a": tensor(offsets=[0, True])}, "data_offsets of tensor 'a'"),
        ({"a": tensor(offsets=[0, 1 << 70])}, "data_offsets of tensor 'a'"),
        ({"a": tensor("F33")}, "the dtype of tensor 'a' is not known: F33"),
        ({"a": tensor(["F32"])}, "the dtype of tensor 'a' is not known"),
        ({"a": tensor(shape=(-2,))}, "the shape of tensor 'a'"),
        ({"a": tensor(shape=(2.0,))}, "the shape of tensor 'a'"),
        ({"a": tensor(shape=(True, 2))}, "the shape of tensor 'a'"),
        ({"a": tensor(shape="2")}, "the shape of tensor 'a'"),
        ({"a": tensor(shape=(1,) * 1_000_000 + (2,))}, "the shape of tensor 'a'"),
        ({"a": tensor(shape=(1 << 62, 1 << 62))}, "'a' has 8 bytes, which do not fit its shape and number format"),
        ({"a": tensor("BF16")}, "'a' has 8 bytes, which do not fit its shape and number format"),
        ({"a": tensor(), "b": tensor()}, "tensor 'b' begins at byte 0 of the data instead of 8"),
        ({"a": tensor(shape=(1,), offsets=[4, 8])}, "tensor 'a' begins at byte 4 of the data instead of 0"),
        ({"\x1b[31m": tensor("F33")}, r"tensor '\\x1b\[31m'"),
    ],
)
def test_a_damaged_header_is_one_line(tmp_path, value, words):
    path = write_header(tmp_path / "x.safetensors", value, bytes(8))
    start = time.perf_counter()
    with pytest.raises(
        UserError, match=rf"x.safetensors is not a safetensors file .*{words}.*: fetch or copy it again"
    ) as error:
        header(path)
    assert time.perf_counter() - start < 10
    assert str(error.value).isprintable() and len(str(error.value)) < 500


def test_a_header_that_claims_more_than_the_file_has_allocates_nothing(tmp_path):
    path = tmp_path / "x.safetensors"
    path.write_bytes((1 << 62).to_bytes(8, "little") + b"{}")
    with pytest.raises(UserError, match="is not a safetensors file, or is truncated"):
        header(path)
    huge = {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}
    with pytest.raises(UserError, match="instead of the 4398046511"):
        header(write_header(path, {"a": huge}))


def test_metadata_and_an_order_of_its_own_are_accepted(tmp_path):
    value = {"b": tensor(offsets=[8, 16]), "a": tensor(), "__metadata__": {"format": "pt"}}
    path = write_header(tmp_path / "x.safetensors", json.dumps(value).encode() + b"   ", bytes(16))
    assert set(header(path)) == {"a", "b"}

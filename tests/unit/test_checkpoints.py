"""Model folders: the manifest of a good one, and why a bad one is refused before anything is loaded."""

import json
import os
import shutil
import time

import pytest
import safetensors.torch
import torch
from mmlu_kit import files
from mmlu_kit.inputs import checkpoints, file_entries
from mmlu_kit.user_errors import UserError


@pytest.fixture
def folder(root, tmp_path):
    return shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "model")


def test_a_manifest_names_every_file_and_counts_parameters(folder):
    manifest = checkpoints.describe(folder)
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    assert manifest.parameters == sum(weight.numel() for weight in weights.values())
    assert set(manifest.files) == {path.name for path in folder.iterdir()}
    assert manifest.checkpoint_bytes == (folder / "model.safetensors").stat().st_size
    assert (manifest.repository, manifest.commit) == (None, None)


def test_shards_are_all_counted_and_a_missing_one_is_named(folder):
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    parameters = checkpoints.describe(folder).parameters
    names = sorted(weights)
    files = {"model-1.safetensors": names[:5], "model-2.safetensors": names[5:]}
    for name, chosen in files.items():
        safetensors.torch.save_file({key: weights[key] for key in chosen}, folder / name)
    (folder / "model.safetensors").unlink()
    index = {"metadata": {}, "weight_map": {key: name for name, chosen in files.items() for key in chosen}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert checkpoints.describe(folder).parameters == parameters
    (folder / "model-2.safetensors").unlink()
    with pytest.raises(UserError, match=r"model-2.safetensors, listed in model.safetensors.index.json, is missing"):
        checkpoints.describe(folder)


def test_a_file_that_cannot_be_read_is_told_before_all_others_are_hashed(tmp_path, monkeypatch):
    """Which takes minutes for a large model."""
    names, hashed = [f"{number:03}" for number in range(100)], []
    for name in names:
        (tmp_path / name).write_text(name)

    def hash_of(path):
        hashed.append(path)
        if path.name == "000":
            raise PermissionError(path)
        time.sleep(0.001)

    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(files, "file_sha256", hash_of)
    with pytest.raises(PermissionError):
        file_entries.describe(tmp_path, names)
    assert len(hashed) < len(names)


def test_an_index_cannot_name_files_elsewhere(folder):
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"x": "../../secret.safetensors"}}')
    with pytest.raises(UserError, match="is missing"):
        checkpoints.describe(folder)


def without(name):
    return lambda folder: (folder / name).unlink()


def pickled(folder):
    (folder / "model.safetensors").unlink()
    torch.save({"x": torch.zeros(1)}, folder / "pytorch_model.bin")


def halved(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without("model.safetensors"), "model.safetensors is missing: save or copy the weights there"),
        (pickled, r"the weights exist only as a pickle \(pytorch_model.bin\), and loading a pickle can run code"),
        (without("config.json"), "config.json is missing"),
        (without("tokenizer.json"), "the tokenizer is missing"),
        (halved, r"has \d+ bytes instead of the \d+ that it declares"),
        (
            lambda folder: (folder / "model.safetensors").write_bytes(b"PK\x03\x04" * 9),
            "is not a safetensors file, or is trunc",
        ),
        (lambda folder: (folder / "model.safetensors").write_bytes((4).to_bytes(8, "little") + b"[1]x"), "header is damaged"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b""), "is not a safetensors file, or is trunc"),
        (shutil.rmtree, "is not a folder: correct the path"),
    ],
)
def test_a_folder_that_cannot_be_loaded_safely_is_refused(folder, spoil, words):
    spoil(folder)
    with pytest.raises(UserError, match=words):
        checkpoints.describe(folder)


def flipped(folder):
    """Flip one bit of a weight, leaving size and header unchanged."""
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "name"),
    [
        (flipped, "model.safetensors"),
        (lambda folder: (folder / "config.json").write_text((folder / "config.json").read_text() + " "), "config.json"),
        (without("generation_config.json"), "generation_config.json"),
        (lambda folder: (folder / "chat_template.jinja").write_text("{{ messages }}"), "chat_template.jinja"),
    ],
)
def test_a_file_changed_after_its_manifest_is_named(folder, tmp_path, spoil, name):
    path = tmp_path / "m.json"
    checkpoints.describe(folder).write(path)
    assert checkpoints.verified_manifest(path) == checkpoints.describe(folder)
    spoil(folder)
    with pytest.raises(UserError, match=rf"model: {name} was changed after .*m.json was written"):
        checkpoints.verified_manifest(path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"schema": "other"}, "at schema: 'other' is not known"),
        ({"folder": 5}, "at folder: needs text, not 5"),
        ({"folder": None}, "at folder: needs text, not null"),
        ({"files": []}, "at files: needs a mapping, not a list"),
        ({"files": {"config.json": {"bytes": 1, "sha256": "0" * 63}}}, "at files.config.json.sha256: '000"),
        ({"parameters": -1}, "at parameters: needs at least 0, not -1"),
    ],
)
@pytest.mark.parametrize("reader", [checkpoints.verified_manifest, checkpoints.check_model])
def test_a_damaged_manifest_is_refused(folder, tmp_path, reader, changes, words):
    (tmp_path / "m.json").write_text(json.dumps({**checkpoints.describe(folder).plain(), **changes}))
    with pytest.raises(UserError, match=f"m.json: not a valid model file {words}"):
        reader(tmp_path / "m.json")


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(UserError, match="there is no such model folder or manifest"):
        checkpoints.verified_manifest(tmp_path / "missing")

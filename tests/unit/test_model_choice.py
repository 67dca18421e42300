"""The ways to name a model: a name in config, a folder or a manifest."""

import argparse
import subprocess
import sys

import pytest
import yaml
from mmlu_kit.inputs import checkpoints, model_choice
from mmlu_kit.settings import Device, OnUnavailable
from mmlu_kit.user_errors import UserError

COMMIT = "0123456789" * 4


@pytest.fixture
def config(tmp_path, root):
    """The project's config with two more models: one not fetched, one with imported answers."""
    content = yaml.safe_load((root / "config.yaml").read_text())
    content["models"]["remote"] = {"repository": "owner/remote", "commit": COMMIT, "device": "cuda", "on_unavailable": "skip"}
    content["models"]["imported"] = {"predictions": "answers.csv"}
    content["models"]["unpinned"] = {"repository": "a/b"}
    content["models"]["nowhere"] = {"description": "neither folder nor repository"}
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_a_folder_or_a_manifest_needs_no_config(root, tmp_path):
    folder = root / "workflow/demo/models/demo-chat"
    for path in (folder, f"{folder}/", root / "workflow/demo/models/demo-small/../demo-chat"):
        choice = model_choice.choose(str(path), tmp_path / "no-config.yaml")
        assert choice.name == "demo-chat" and choice.entry is None
        assert checkpoints.verified_manifest(choice.path).commit is None
    manifest = tmp_path / f"Some-Model@{COMMIT}.json"
    checkpoints.describe(folder, "owner/model", COMMIT).write(manifest)
    choice = model_choice.choose(str(manifest), tmp_path / "no-config.yaml")
    assert (choice.name, choice.path, choice.entry) == ("Some-Model", manifest, None)


def test_a_name_in_config_has_its_entry(root, config, tmp_path, monkeypatch):
    choice = model_choice.choose("demo-chat", root / "config.yaml")
    assert choice.path == root / "workflow/demo/models/demo-chat" and choice.entry.device == Device.CPU
    monkeypatch.chdir(tmp_path)
    manifest = tmp_path / f"resources/models/remote@{COMMIT}.json"
    with pytest.raises(UserError, match=rf"fetch_model\.py --source .*owner/remote.*{COMMIT}.* --output resources/"):
        model_choice.choose("remote", config)
    checkpoints.describe(root / "workflow/demo/models/demo-chat", "owner/remote", COMMIT).write(manifest)
    choice = model_choice.choose("remote", config)
    assert choice.name == "remote" and choice.path.resolve() == manifest
    assert (choice.entry.device, choice.entry.on_unavailable) == (Device.CUDA, OnUnavailable.SKIP)


def test_an_adapter_is_named_in_config_or_on_the_command_line(root, config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    base, local, remote = (
        str(root / "workflow/demo/models/demo-chat"),
        tmp_path / "lora",
        {"repository": "owner/lora", "commit": COMMIT},
    )
    local.mkdir()
    content = yaml.safe_load(config.read_text())
    content["models"]["tuned"] = {"path": base, "adapter": {"path": "lora"}}
    content["models"]["hub"] = {"path": base, "adapter": remote}
    config.write_text(yaml.safe_dump(content))
    assert model_choice.choose("tuned", config).adapter == local
    assert model_choice.choose("demo-chat", config, local).adapter == local
    assert model_choice.choose(base, config, local).adapter == local
    with pytest.raises(UserError, match=r"models\.tuned already has an adapter: leave --adapter out"):
        model_choice.choose("tuned", config, local)
    with pytest.raises(UserError, match=r"^hub was not fetched yet: run python .*fetch_model.*owner/lora"):
        model_choice.choose("hub", config)
    manifest = tmp_path / "resources/models/hub@local.json"
    checkpoints.describe(base).write(manifest)
    with pytest.raises(UserError, match=r"^hub was fetched with another adapter: run python"):
        model_choice.choose("hub", config)


def test_a_config_of_another_folder_extends_the_projects(root, tmp_path, monkeypatch):
    (tmp_path / "weights").mkdir()
    (tmp_path / "config.yaml").write_text("models: {mine: {path: weights, threads: 3}}")
    monkeypatch.chdir(tmp_path)
    parser = argparse.ArgumentParser()
    model_choice.add_arguments(parser)
    config = parser.parse_args(["--model", "mine"]).config
    choice = model_choice.choose("mine", config)
    assert choice.path.resolve() == tmp_path / "weights" and choice.entry.threads == 3
    assert model_choice.choose("demo-chat", config).path == root / "workflow/demo/models/demo-chat"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("/no/such/folder", "^/no/such/folder does not exist: correct the path"),
        ("model.gguf", "^model.gguf does not exist: correct the path"),
        ("demo-huge", "'demo-huge' is not a model folder, a GGUF file, a manifest or a model in .*: .*demo-chat, demo-large"),
        ("imported", "models.imported has only imported answers and cannot be run"),
        ("nowhere", "models.nowhere: needs either 'path' or 'repository' with 'commit'"),
        ("unpinned", "models.unpinned: 'repository' needs its 'commit'; to find it, run: mmlu-kit pin a/b$"),
        ("a/b", "'a/b' is neither a model folder nor a model in .*, which calls models of this repository unpinned: name"),
        (
            "c/d",
            "'c/d' is neither .*: correct the path or, for .*, add its entry to config; to print it, run: mmlu-kit pin c/d$",
        ),
        ("c/d@v1.0", "'c/d@v1.0' is neither a model folder .*, run: mmlu-kit pin c/d@v1.0$"),
    ],
)
def test_a_model_that_cannot_be_run_is_reported_in_one_line(config, name, words):
    with pytest.raises(UserError, match=words) as error:
        model_choice.choose(name, config)
    assert "\n" not in str(error.value)


def test_an_invalid_config_is_reported_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"c\.yaml does not exist"):
        model_choice.choose("m", tmp_path / "c.yaml")
    (tmp_path / "c.yaml").write_text("models: [")
    with pytest.raises(UserError, match=r"c\.yaml is not valid YAML"):
        model_choice.choose("m", tmp_path / "c.yaml")


def test_a_folder_is_chosen_without_loading_torch_or_reading_config(root):
    code = (
        "import sys; from pathlib import Path; from mmlu_kit.inputs import model_choice; "
        f"model_choice.choose({str(root / 'workflow/demo/models/demo-chat')!r}, Path('x')); "
        "print([name for name in ('torch', 'yaml') if name in sys.modules])"
    )
    process = subprocess.run([sys.executable, "-c", code], cwd=root / "workflow/scripts", capture_output=True, text=True)
    assert process.stdout == "[]\n", process.stderr

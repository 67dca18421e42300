"""A GGUF file of a repository: it alone is fetched, checked and scored, with the real client and a hub on the loopback."""

import json
import os

import pytest
import transformers
from gguf import GGMLQuantizationType as Type
from mmlu_kit.inputs.checkpoints import Manifest

from tests.helpers.gguf_files import write_model
from tests.helpers.hub_server import Repository, serving

MODEL, COMMIT = "tiny/model-GGUF", "a" * 40
FILE = "gguf/tiny-Q8_0.gguf"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A folder with a model in two quantizations, a part of another, and what is published beside them."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "gguf").mkdir()
    config = transformers.LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2
    )
    model = transformers.LlamaForCausalLM(config)
    write_model(folder / FILE, model, {"ffn": Type.Q8_0})
    write_model(folder / "gguf/tiny-F16.gguf", model, {"blk": Type.F16})
    for name in ("README.md", "config.json", "gguf/big-00001-of-00003.gguf", "imatrix.dat"):
        (folder / name).write_text("never wanted")
    return folder


@pytest.fixture
def environment(files, tmp_path):
    with serving() as hub:
        hub.repositories[f"models/{MODEL}"] = Repository(files, COMMIT)
        others = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        cache = {"HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "home")}
        yield hub, {**others, **cache, "HF_ENDPOINT": hub.address}


def fetched(hub):
    return {path.rpartition("/resolve/")[2].partition("/")[2] for method, path, _ in hub.requests if "/resolve/" in path}


def test_only_the_named_file_is_fetched_and_scored_without_the_network(environment, run, kit, root, tmp_path):
    hub, variables = environment
    source = json.dumps({"repository": MODEL, "commit": COMMIT, "file": FILE})
    process = run("fetch_model.py", "--source", source, "--output", tmp_path / "m.json", env=variables)
    assert process.returncode == 0, process.stderr
    assert fetched(hub) == {FILE}
    manifest = Manifest.read(tmp_path / "m.json")
    assert (manifest.repository, manifest.commit, manifest.gguf) == (MODEL, COMMIT, "tiny-Q8_0.gguf")
    assert list(manifest.files) == ["tiny-Q8_0.gguf"] and [stored.name for stored in manifest.quantization.types] == [
        "F32",
        "Q8_0",
    ]
    hub.requests.clear()
    again = run("fetch_model.py", "--source", source, "--output", tmp_path / "m.json", env={**variables, "HF_HUB_OFFLINE": "1"})
    assert again.returncode == 0 and not hub.requests, again.stderr
    scored = kit("evaluate", "--model", tmp_path / "m.json", "--questions", root / "workflow/demo/questions", "--limit", "3",
                 "--subjects", "astronomy", "--evaluations", tmp_path / "evaluations")  # fmt: skip
    assert "Overall Accuracy: " in scored.stdout, scored.stderr
    assert "Weights saved as: GGUF F32 (" in scored.stdout and "), dequantized" in scored.stdout
    (result,) = (tmp_path / "evaluations").rglob("*.json")
    assert json.loads(result.read_text())["model_files"] == manifest.hashes


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (
            "tiny-Q8_0.gguf",
            "has no file tiny-Q8_0.gguf (of 3 such files the first is gguf/big-00001-of-00003.gguf): correct 'file'",
        ),
        ("gguf/big-00001-of-00003.gguf", "gguf/big-00001-of-00003.gguf is only a part of a model: join the parts with"),
        ("../x.gguf", "'../x.gguf' is no GGUF file in a repository"),
    ],
)
def test_a_file_that_is_not_there_or_is_only_a_part(environment, run, tmp_path, file, words):
    hub, variables = environment
    source = json.dumps({"repository": MODEL, "commit": COMMIT, "file": file})
    process = run("fetch_model.py", "--source", source, "--output", tmp_path / "m.json", env=variables)
    assert process.returncode == 2 and process.stderr.count("\n") == 1 and words in process.stderr
    assert not fetched(hub)


def test_a_repository_of_gguf_files_says_how_to_name_one(environment, run, files, tmp_path):
    _, variables = environment
    source = json.dumps({"repository": MODEL, "commit": COMMIT})
    (files / "config.json").unlink()
    (files / "top.gguf").write_text("never wanted")
    process = run("fetch_model.py", "--source", source, "--output", tmp_path / "m.json", env=variables)
    assert (
        process.returncode == 2 and "the weights exist only as GGUF (gguf/big-00001-of-00003.gguf): name that" in process.stderr
    )

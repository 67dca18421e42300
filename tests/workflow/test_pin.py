"""What `mmlu-kit pin` prints and writes, with the real client and a hub on the loopback; no weights are fetched."""

import argparse
import json
import os
import shutil

import numpy
import pytest
import yaml
from gguf import GGMLQuantizationType as Type
from huggingface_hub import constants
from mmlu_kit import config_files, formatting
from mmlu_kit.cli import pin as cli_pin
from mmlu_kit.inputs import gguf_files, gguf_headers, hub_files, model_choice, repositories
from mmlu_kit.user_errors import UserError
from safetensors.numpy import save_file

from tests.helpers.gguf_files import write_model
from tests.helpers.hub_server import Repository, serving
from tests.unit.test_gguf_models import tiny

COMMIT, OTHER = "a" * 40, "b" * 40
TOKEN = "hf_aSecretThatNobodyMaySee"
CARD = {"cardData": {"license": "apache-2.0"}}


@pytest.fixture
def hub(root, tmp_path):
    """A hub with a model."""
    with serving() as hub:
        shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "model")
        hub.repositories["models/Tiny/Model-1"] = Repository(tmp_path / "model", COMMIT, names=("main", "v1.0"), facts=CARD)
        yield hub


@pytest.fixture
def pin(kit, hub, tmp_path):
    """Run `mmlu-kit pin` in a folder of its own, with the hub."""
    (tmp_path / "work").mkdir()

    def call(*arguments, token=None, **settings):
        env = {name: "" for name in os.environ if name.startswith(("HF_", "HUGGING"))}
        env |= {"HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "home")}
        env |= {"HF_TOKEN": token} if token else {}
        process = kit("pin", *arguments, cwd=tmp_path / "work", env=env | settings)
        assert TOKEN not in process.stdout + process.stderr and "Traceback" not in process.stderr
        assert not (tmp_path / "cache").exists()
        return process

    return call


def facts(process):
    """Return what is printed beside an entry, by its word."""
    lines = [line.strip().removeprefix("# ") for line in process.stdout.splitlines() if line.strip().startswith("# ")]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


def errors(process):
    """Return the error lines; there is nothing else on standard error."""
    assert process.returncode == 2
    lines = process.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines), process.stderr
    return [line.removeprefix("error: ") for line in lines]


@pytest.mark.parametrize("reference", ["Tiny/Model-1", "Tiny/Model-1@v1.0"])
def test_a_name_and_a_tag_become_an_entry(pin, hub, tmp_path, reference):
    process = pin(reference)
    assert process.returncode == 0 and not process.stderr
    assert yaml.safe_load(process.stdout) == {"models": {"Model-1": {"repository": "Tiny/Model-1", "commit": COMMIT}}}
    assert facts(process) == {
        "runs": "yes, as far as is known before it is fetched",
        "architecture": "qwen2",
        "to fetch": "0.7 MB",
        "parameters": "0.15 M",
        "memory": "at least 0.4 GB in float32, 0.4 GB in bfloat16, 0.4 GB in 4bit",
        "context length": "2,048 tokens",
        "licence": "apache-2.0",
        "access": "open",
    }
    asked = [path for _, path, _ in hub.requests if "Tiny" in path]
    assert len(asked) == 2 and asked[1].endswith("/config.json")
    assert not list((tmp_path / "work").iterdir())


def test_several_models_and_question_sets_are_several_entries(pin, hub, tmp_path):
    for name in ("anatomy/test-0.parquet", "anatomy/dev-0.parquet"):
        (tmp_path / "mmlu" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mmlu" / name).write_bytes(b"0" * 150_000)
    hub.repositories["datasets/tiny/quiz"] = Repository(tmp_path / "mmlu", OTHER)
    hub.repositories["models/Tiny/gated"] = Repository(tmp_path / "model", OTHER, token=TOKEN)
    process = pin("Tiny/Model-1", "Tiny/gated@main", "Tiny/Model-1", "--questions", "tiny/quiz", "--write", "mine.yaml")
    assert process.returncode == 0, process.stderr
    entries = {
        "models": {
            "Model-1": {"repository": "Tiny/Model-1", "commit": COMMIT},
            "gated": {"repository": "Tiny/gated", "commit": OTHER},
        },
        "questions": {"quiz": {"repository": "tiny/quiz", "commit": OTHER}},
    }
    assert yaml.safe_load(process.stdout) == entries
    advice = "accept its licence on its page on the hub, then run `hf auth login` or set HF_TOKEN"
    assert f"access: gated, and no token is seen: {advice}\n" in process.stdout
    assert "# form: the files are named as those of cais/mmlu, so that no other keys are needed\n" in process.stdout
    assert "# tables: 2 files, 0.3 MB\n" in process.stdout
    given = pin("Tiny/gated", token=TOKEN)
    assert facts(given)["access"] == "gated, and the token gives access" and facts(given)["architecture"] == "qwen2"
    refused = pin("Tiny/gated", token="hf_another")
    assert facts(refused)["access"] == f"gated, and the token gives no access: {advice}" and refused.returncode == 0


def test_an_entry_is_added_once_and_never_in_place_of_another(pin, hub, tmp_path):
    path = tmp_path / "work/mine.yaml"
    process = pin("Tiny/Model-1", "--name", "tiny", "--write", path)
    assert process.returncode == 0 and process.stdout.endswith(f"# models.tiny was added to {path}\n")
    first = path.read_text()
    assert first.startswith("# Extends the kit's config.yaml") and len(first.splitlines()) == 5
    assert config_files.read([path]) == {"models": {"tiny": {"repository": "Tiny/Model-1", "commit": COMMIT}}}
    again = pin("Tiny/Model-1", "--name", "tiny", "--write", path)
    assert again.returncode == 0 and again.stdout.endswith("# models.tiny is in config already, at this commit\n")
    hub.repositories["models/Tiny/Model-1"].commit = OTHER
    moved = pin("Tiny/Model-1", "--name", "tiny", "--write", path)
    assert errors(moved) == [f"models.tiny is in config already, at commit {COMMIT}: choose another name with --name"]
    assert OTHER in moved.stdout and path.read_text() == first
    kits = pin("Tiny/Model-1", "--name", "demo-small", "--write", path)
    assert errors(kits) == ["models.demo-small is in config already, with another source: choose another name with --name"]
    assert path.read_text() == first
    # The entry is one that the kit knows how to fetch.
    with pytest.raises(UserError, match=f"--source .*Tiny/Model-1.*{COMMIT}"):
        model_choice.choose("tiny", path)


def test_each_name_that_cannot_be_pinned_is_one_line_and_nothing_is_written(pin, hub):
    process = pin("Tiny/Model-1", "Tiny/Model-1@dev", "Tiny/none", "no name", "Other/Model-1", "--write", "mine.yaml")
    private = "the hub has no such repository, or it is private and needs `hf auth login` or HF_TOKEN (HTTP 401)"
    assert errors(process) == [
        "model Tiny/Model-1@dev: the hub has no such commit, branch or tag: correct it",
        f"model Tiny/none: {private}",
        "'no name' is no name of a repository: write owner/name, as on its page on the hub",
        f"model Other/Model-1: {private}",
    ]
    assert list(yaml.safe_load(process.stdout)["models"]) == ["Model-1"]
    assert process.stdout.endswith("# nothing was added to mine.yaml\n")
    hub.repositories["models/Other/Model-1"] = hub.repositories["models/Tiny/Model-1"]
    (line,) = errors(pin("Tiny/Model-1", "Other/Model-1"))
    assert (
        line == "Other/Model-1 and another one would both be called Model-1 in config: pin it in another command, with --name"
    )


def test_without_the_hub_there_is_one_line(pin):
    offline = pin("Tiny/Model-1", HF_HUB_OFFLINE="1")
    unreachable = "model Tiny/Model-1: the hub cannot be reached"
    assert errors(offline) == [f"{unreachable}: unset HF_HUB_OFFLINE, which forbids it, and run again"]
    away = pin("Tiny/Model-1", HF_ENDPOINT="http://127.0.0.1:9")
    assert errors(away) == [f"{unreachable}: connect to the network, and run again"]
    assert offline.stdout == away.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "no model and no question set is named"),
        (["a/b", "c/d", "--name", "x"], "--name and --file are for one model or question set"),
        (["--questions", "a/b", "--file", "x.gguf"], "--file is for a model: leave it out"),
        (["a/b", "--name", "../x"], "--name: '../x' does not match .*: write letters"),
        (["a/b", "--name", ""], "--name: '' does not match"),
    ],
)
def test_options_that_do_not_fit_are_one_line(arguments, words):
    parser = argparse.ArgumentParser()
    cli_pin.add_arguments(parser)
    with pytest.raises(UserError, match=words):
        cli_pin.run(parser.parse_args(arguments))


@pytest.fixture
def gguf(hub, tmp_path):
    """A repository of two GGUF files: one of a tiny Llama with its factors of positions, one of an unknown architecture."""
    model = tiny("llama", tie_word_embeddings=True, max_position_embeddings=131_072)
    factors = {"rope_freqs.weight": numpy.ones(8)}
    (tmp_path / "gguf").mkdir()
    write_model(tmp_path / "gguf/model-q8.gguf", model, {"ffn": Type.Q8_0}, extra=factors)
    write_model(tmp_path / "gguf/strange.gguf", model, metadata={"general.architecture": "rwkv7"})
    hub.repositories["models/Tiny/GGUF"] = Repository(tmp_path / "gguf", COMMIT)
    return tmp_path / "gguf"


def test_a_gguf_file_is_checked_by_its_header(pin, hub, gguf, tmp_path):
    size = (gguf / "model-q8.gguf").stat().st_size
    process = pin(f"Tiny/GGUF@{COMMIT}", "--file", "model-q8.gguf", "--write", "mine.yaml")
    entry = {"repository": "Tiny/GGUF", "commit": COMMIT, "file": "model-q8.gguf"}
    assert process.returncode == 0, process.stderr
    assert yaml.safe_load(process.stdout) == {"models": {"GGUF": entry}}
    assert yaml.safe_load((tmp_path / "work/mine.yaml").read_text()) == {"models": {"GGUF": entry}}
    printed = facts(process)
    assert printed["runs"] == "yes, as far as is known before it is fetched"
    assert printed["architecture"].startswith("llama, saved as GGUF F32 (20 tensors")
    assert (printed["to fetch"], printed["parameters"]) == (formatting.size(size), "0.11 M")
    assert printed["memory"] == "at least 0.4 GB in float32, 0.4 GB in bfloat16"
    assert printed["context length"] == "131,072 tokens"
    (error,) = errors(pin("Tiny/GGUF", "--file", "strange.gguf", "--write", "other.yaml"))
    where = f"model Tiny/GGUF at {COMMIT[:12]}"
    assert error.startswith(f"{where}: strange.gguf: the kit does not read GGUF files of the architecture 'rwkv7'")
    assert not (tmp_path / "work/other.yaml").exists()
    (gguf / "cut.gguf").write_bytes((gguf / "model-q8.gguf").read_bytes()[:-4096])
    (gguf / "model-00001-of-00002.gguf").write_bytes(b"GGUF")
    assert "instead of the" in errors(pin("Tiny/GGUF", "--file", "cut.gguf"))[0]
    assert "is only a part of a model" in errors(pin("Tiny/GGUF", "--file", "model-00001-of-00002.gguf"))[0]
    missing = errors(pin("Tiny/GGUF", "--file", "model-q2.gguf"))
    assert missing[0].startswith(f"{where} has no GGUF file model-q2.gguf; it has cut.gguf")


def test_the_factors_of_positions_are_read_wherever_they_are(gguf, hub, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)  # another test may have imported the models
    monkeypatch.setattr(constants, "ENDPOINT", hub.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", hub.address + "/{repo_id}/resolve/{revision}/{filename}")
    path = gguf / "model-q8.gguf"
    header = gguf_headers.header(path)
    begin = header.tensors["rope_freqs.weight"].begin
    assert begin > min(tensor.begin for tensor in header.tensors.values())  # behind weights that are not fetched
    monkeypatch.setattr(hub_files, "_USUAL_GGUF_HEADER_BYTES", 1000)
    monkeypatch.setattr(gguf_headers, "MAX_HEADER_BYTES", min(tensor.begin for tensor in header.tensors.values()))
    repository = repositories.Repository("model", "Tiny/GGUF", COMMIT)
    (tmp_path / "outline").mkdir()
    listing = repositories.Listing({path.name: path.stat().st_size})
    outline = hub_files.outline_of_gguf(repository, listing, path.name, tmp_path / "outline")
    assert gguf_files.read(outline).config == gguf_files.read(path).config
    assert outline.stat().st_size == path.stat().st_size and outline.read_bytes() != path.read_bytes()


def test_a_repository_of_gguf_files_alone_needs_the_name_of_one(pin, gguf):
    process = pin("Tiny/GGUF", "--write", "mine.yaml")
    (error,) = errors(process)
    where = f"model Tiny/GGUF at {COMMIT[:12]}"
    assert error.startswith(f"{where}: the weights exist only as GGUF: run again with --file and one of model-q8.gguf (")


def test_an_adapter_belongs_into_the_entry_of_its_base_model(pin, hub, tmp_path):
    folder = tmp_path / "lora"
    folder.mkdir()
    config = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": 8, "base_model_name_or_path": "Tiny/Model-1"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file({"a": numpy.zeros(50_000, numpy.float32)}, folder / "adapter_model.safetensors")
    hub.repositories["models/Tiny/lora"] = Repository(folder, COMMIT)
    process = pin("Tiny/lora", "--write", "mine.yaml")
    where = f"model Tiny/lora at {COMMIT[:12]}"
    assert errors(process) == [f"{where} is an adapter: pin Tiny/Model-1, and put the lines of 'adapter' into its entry"]
    assert yaml.safe_load(process.stdout) == {"models": {"lora": {"adapter": {"repository": "Tiny/lora", "commit": COMMIT}}}}
    printed = facts(process)
    assert (printed["adapter"], printed["trained on"], printed["to fetch"]) == ("LoRA", "Tiny/Model-1", "0.2 MB")
    (folder / "adapter_config.json").write_text(json.dumps(config | {"peft_type": "PROMPT_TUNING"}))
    assert "PROMPT_TUNING changes the prompt" in errors(pin("Tiny/lora"))[0]


def test_a_model_with_an_adapter_is_another_entry(pin, tmp_path):
    path = tmp_path / "work/mine.yaml"
    source = {"repository": "Tiny/Model-1", "commit": COMMIT, "adapter": {"path": "lora"}}
    path.write_text(yaml.safe_dump({"models": {"Model-1": source}}))
    assert errors(pin("Tiny/Model-1", "--write", path)) == [
        "models.Model-1 is in config already, with another source: choose another name with --name"
    ]


@pytest.mark.parametrize("is_known", [True, False])
def test_the_headers_of_the_weights_are_read_only_if_the_hub_does_not_count_parameters(pin, hub, is_known):
    if not is_known:
        hub.repositories["models/Tiny/Model-1"].facts = {**CARD, "safetensors": None}
    assert facts(pin("Tiny/Model-1"))["parameters"] == "0.15 M"
    ranges = [part for _, path, part in hub.requests if path.endswith(".safetensors")]
    assert ranges == ([] if is_known else ["bytes=0-99999"])


def test_a_model_that_cannot_be_run_is_printed_with_the_reason(pin, hub, tmp_path):
    config = json.loads((tmp_path / "model/config.json").read_text())
    (tmp_path / "model/config.json").write_text(json.dumps(config | {"model_type": "bert", "architectures": ["BertModel"]}))
    process = pin("Tiny/Model-1", "--write", "mine.yaml")
    needed = "the kit needs a causal (decoder-only) language model: choose another model"
    assert errors(process) == [f"model Tiny/Model-1 at {COMMIT[:12]}: BertModel is an encoder, but {needed}"]
    assert facts(process)["runs"] == "no" and not (tmp_path / "work/mine.yaml").exists()

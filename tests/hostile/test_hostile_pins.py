"""Hubs that answer a question about a model with nonsense: one line each, and nothing printed that a terminal would obey."""

import json
import shutil
import time
from pathlib import Path

import huggingface_hub
import pytest
import yaml
from huggingface_hub import constants
from mmlu_kit.jobs import config_entries, pinning
from mmlu_kit.user_errors import UserError

from tests.helpers.hub_server import Repository, serving

MODEL, COMMIT, OTHER, TOKEN = "tiny/model", "a" * 40, "b" * 40, "hf_aSecretThatNobodyElseMaySee"
SMALL = Path(__file__).parents[2] / "workflow/demo/models/demo-small"
FAMILIES = {"qwen2", "gpt2"}
EMPTY = (2).to_bytes(8, "little") + b"{}"  # a safetensors file


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub that serves one model, and a client that asks it."""
    with serving() as hub:
        shutil.copytree(SMALL, tmp_path / "served")
        hub.repositories[f"models/{MODEL}"] = Repository(tmp_path / "served", COMMIT)
        monkeypatch.setattr(constants, "ENDPOINT", hub.address)
        template = hub.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        huggingface_hub.close_session()
        yield hub
        hub.fault = None
        huggingface_hub.close_session()
        assert not (tmp_path / "cache").exists()


def pin(reference=MODEL, file=None):
    """Pin a model; what is printed of it is printable, in one line each, and read back as the entry."""
    start = time.monotonic()
    model = pinning.pin_model(reference, None, file, FAMILIES)
    text = config_entries.text([model])
    assert text.replace("\n", "").isprintable() and TOKEN not in text and len(text) < 10_000
    assert yaml.safe_load(text) == {model.name: model.entry} and time.monotonic() - start < 20
    assert model.problem is None or (model.problem.isprintable() and "/tmp" not in model.problem)
    return model


def line(reference=MODEL):
    """The one line in which pinning a model ends."""
    with pytest.raises(UserError) as error:
        pin(reference)
    text = str(error.value)
    assert text.isprintable() and TOKEN not in text and len(text) < 1000
    return text


def answering(part, status, body, headers=None):
    """A fault: requests whose path has this part are answered so."""

    def fault(handler, path):
        if part not in path:
            return False
        handler.send(status, body, headers)
        return True

    return fault


def info(hub, **changes):
    """Change what the hub tells of the model; None leaves a key out."""
    repository = hub.repositories[f"models/{MODEL}"]
    repository.facts = {**repository.facts, **changes}


UNKNOWN = "the hub's answer"
ANSWERS = {
    "a login page": b"<html>Welcome to our hotel</html>",
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a number": b"3",
    "an empty object": b"{}",
    "nested too deeply": b"[" * 100_000,
    "not UTF-8": b'{"id": "\xff\xff"}',
    "a number without end": b'{"id": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_nonsense_is_one_line(hub, name):
    hub.fault = answering("/api/models", 200, ANSWERS[name])
    assert line().startswith(f"model {MODEL}: ")


@pytest.mark.parametrize("part", ["/config.json", "/auth-check"])
@pytest.mark.parametrize("status", [200, 401, 403, 404, 416, 500])
def test_config_or_access_that_is_not_given_is_one_line(hub, part, status):
    if part == "/auth-check":
        info(hub, gated="auto")
    hub.fault = answering(part, status, b"<html>no</html>")
    model = pin()
    assert model.problem is None if part == "/auth-check" else model.problem.startswith(f"model {MODEL} at {COMMIT[:12]}: ")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sha": None}, UNKNOWN),
        ({"sha": "main"}, UNKNOWN),
        ({"sha": ["a"]}, UNKNOWN),
        ({"id": None}, UNKNOWN),
        ({"id": "../../etc"}, UNKNOWN),
        ({"id": "a/b\u202e\nx"}, UNKNOWN),
        ({"id": {"a": 1}}, UNKNOWN),
        ({"siblings": None}, UNKNOWN),
        ({"siblings": {"a": 1}}, UNKNOWN),
        ({"siblings": [3]}, UNKNOWN),
        ({"siblings": [{"rfilename": "../a", "size": 1}]}, "which is no file of a repository"),
        ({"siblings": [{"rfilename": "a", "size": -1}]}, "has the size -1"),
        ({"siblings": [{"rfilename": "a", "size": "1"}]}, "has the size 1"),
        ({"siblings": [{"rfilename": "a\u202e\x1b[2J\n", "size": -1}]}, "has the size -1"),
        ({"siblings": [{"rfilename": str(n), "size": 1} for n in range(100_001)]}, "the list has more than 100,000 files"),
        ({"safetensors": 3}, UNKNOWN),
        ({"safetensors": {"total": 3}}, UNKNOWN),
        ({"cardData": {"ignore_metadata_errors": 1}}, UNKNOWN),
        ({"lastModified": "yesterday"}, UNKNOWN),
    ],
)
def test_an_answer_that_no_hub_gives_is_refused(hub, changes, words):
    info(hub, **changes)
    assert words in line()


def test_another_commit_than_the_one_that_was_asked_for_is_refused(hub):
    info(hub, sha=OTHER)
    assert pin(f"{MODEL}@main").entry["commit"] == OTHER
    hub.fault = None
    assert "has another name or commit" in line(f"{MODEL}@{COMMIT}")


@pytest.mark.parametrize(
    ("licence", "text"),
    [
        ("mit", "mit"),
        (["mit", "cc-by-4.0"], "mit, cc-by-4.0"),
        ("a\x1b[2J\nmodels:\u202e {x: 1}", "a\\x1b[2J\\nmodels:\\u202e {x: 1}"),
        ("x" * 100_000, None),
        ("\ud800", "\\ud800"),
        ({"a": "b"}, "not named"),
        (3, "not named"),
        ([["mit"], None], "not named"),
        ("", "not named"),
        (None, "not named"),
    ],
)
def test_a_licence_of_any_form_is_printable(hub, licence, text):
    info(hub, cardData={"license": licence})
    printed = pin().facts["licence"]
    assert printed == text if text is not None else len(printed) == 100


def test_a_licence_of_its_own_is_named(hub):
    info(hub, cardData={"license": "other", "license_name": "llama3.2"})
    assert pin().facts["licence"] == "llama3.2"
    info(hub, cardData={"license": "other"})
    assert pin().facts["licence"] == "other"
    info(hub, cardData="mit")
    assert pin().facts["licence"] == "not named"


@pytest.mark.parametrize("total", [0, -1, 10**400, 1.5, "7", None, [7]])
def test_a_number_of_parameters_that_cannot_be_is_counted_instead(hub, total):
    info(hub, safetensors={"parameters": {}, "total": total})
    assert pin().facts["parameters"] == "0.15 M"


def test_a_hub_that_knows_no_ranges_sends_no_more_of_the_weights_than_their_header(hub, tmp_path):
    info(hub, safetensors=None)
    sent = []

    def fault(handler, path):
        if not path.endswith(".safetensors"):
            return False
        header = (tmp_path / "served/model.safetensors").read_bytes()[:100_000]
        handler.send_response(200)
        handler.send_header("Content-Length", str(99_000_000))
        handler.end_headers()
        handler.close_connection = True
        handler.wfile.write(header)
        for _ in range(50):
            handler.wfile.write(b"0" * 1_000_000)
            sent.append(1)
        return True

    hub.fault = fault
    assert pin().facts["parameters"] == "0.15 M" and len(sent) < 20


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"\xff" * 200_000, (8).to_bytes(8, "little") + b"[" * 8, (10**9).to_bytes(8, "little"), b"<html>"]
)
def test_weights_with_a_damaged_header_have_no_known_number_of_parameters(hub, body):
    info(hub, safetensors=None)
    hub.fault = answering(".safetensors", 200, body)
    model = pin()
    assert "parameters" not in model.facts and "memory" not in model.facts and model.problem is None


CONFIGS = {
    "a list": (b"[]", "config.json is not a configuration (a JSON object): fetch or copy it again"),
    "damaged": (b"{", "config.json is not valid JSON"),
    "not UTF-8": (b"\xff\xfe", "config.json is not UTF-8 text"),
    "nested too deeply": (b'{"a":' * 100_000, "is nested too deeply"),
    "a context without end": (json.dumps({"model_type": "qwen2", "max_position_embeddings": 10**30}).encode(), None),
    "a context of text": (json.dumps({"model_type": "qwen2", "max_position_embeddings": "a"}).encode(), None),
    "a type of another kind": (b'{"model_type": ["qwen2"]}', None),
    "a type that a terminal obeys": (b'{"model_type": "\\u001b[2J\\n\\u202e"}', "is no language model of transformers"),
    "code of its own": (b'{"model_type": "mine", "auto_map": {}}', "mine needs code of its own, which the kit never runs"),
    "an encoder-decoder": (b'{"model_type": "t5"}', "t5 is an encoder-decoder model"),
    "a kernel of the hub": (b'{"model_type": "gpt2", "attn_implementation": "a/b"}', "which the kit never runs"),
    "no method": (b'{"model_type": "gpt2", "quantization_config": {}}', "names no quant_method"),
    "several files": (b'{"model_type": "gpt2", "configuration_files": []}', "configuration_files makes"),
    "weights elsewhere": (b'{"model_type": "gpt2", "transformers_weights": "../x"}', "not a safetensors file or index"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_that_cannot_be_run_is_the_models_problem(hub, tmp_path, name):
    content, words = CONFIGS[name]
    (tmp_path / "served/config.json").write_bytes(content)
    model = pin()
    if words is None:
        assert model.problem is None and "context length" not in model.facts and model.facts["runs"].startswith("yes")
    else:
        assert words in model.problem and model.problem.startswith(f"model {MODEL} at {COMMIT[:12]}: ")
        assert model.facts["runs"] == "no"


def without(*names):
    def change(folder):
        for name in names:
            (folder / name).unlink()

    return change


def with_only(**files):
    def change(folder):
        (folder / "model.safetensors").unlink()
        for name, content in files.items():
            (folder / name.replace("__", ".")).write_bytes(content)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (with_only(pytorch_model__bin=b"x"), "the weights exist only as a pickle (pytorch_model.bin)"),
        (with_only(m__gguf=b"GGUF"), "the weights exist only as GGUF: run again with --file and one of m.gguf"),
        (with_only(), "model.safetensors is missing"),
        (without("config.json"), "config.json is missing"),
        (without("tokenizer.json"), "the tokenizer is missing"),
        (lambda folder: (folder / "Config.json").write_text("{}"), "Config.json and config.json differ only in case"),
        (with_only(adapter_config__json=b"{}", adapter_model__safetensors=EMPTY), "peft_type in adapter_config.json is None"),
        (with_only(model__safetensors__index__json=b"{}"), "is not an index of weights"),
        (
            with_only(**{"model__safetensors__index__json": b'{"metadata": {}, "weight_map": {"a": "b.safetensors"}}'}),
            "missing",
        ),
    ],
)
def test_what_cannot_be_fetched_is_the_models_problem(hub, tmp_path, change, words):
    change(tmp_path / "served")
    model = pin()
    assert (
        words in model.problem and model.facts["runs"] == "no" and model.entry.get("adapter", model.entry)["commit"] == COMMIT
    )


def test_only_the_files_that_are_read_are_counted(hub, tmp_path):
    before = pin().facts["to fetch"]
    (tmp_path / "served/pytorch_model.bin").write_bytes(b"0" * 3_000_000)
    (tmp_path / "served/model.onnx").write_bytes(b"0" * 3_000_000)
    assert pin().facts["to fetch"] == before


def test_weights_in_parts_are_found_by_their_index(hub, tmp_path):
    folder = tmp_path / "served"
    (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
    shutil.copy(folder / "model-00001-of-00001.safetensors", folder / "model.fp16-00001-of-00001.safetensors")
    index = {"metadata": {}, "weight_map": {"a": "model-00001-of-00001.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    info(hub, safetensors=None)
    model = pin()
    assert model.facts["to fetch"] == "0.7 MB" and model.facts["parameters"] == "0.15 M"


def test_saved_quantization_is_named_with_the_memory_of_the_weights_as_they_are(hub, tmp_path):
    config = json.loads((tmp_path / "served/config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (tmp_path / "served/config.json").write_text(json.dumps(config))
    facts = pin().facts
    assert facts["architecture"] == "qwen2, saved as gptq 4-bit"
    assert facts["memory"] == "at least 0.4 GB as saved" and facts["parameters"].startswith("about ")


def test_a_repository_with_another_name_is_pinned_by_the_name_that_it_has_now(hub):
    def fault(handler, path):
        if not path.startswith("/api/models/old"):
            return False
        handler.send(307, b"", {"Location": f"/api/models/{MODEL}?blobs=true"})
        return True

    hub.fault = fault
    model = pin("old")
    assert model.entry == {"repository": MODEL, "commit": COMMIT}
    assert model.facts["name"] == f"old is now called {MODEL}"


@pytest.mark.parametrize(
    "reference",
    ["", "@", "a/b/c", "../a", "a/..\x1b[2J", "a/b@", "a/b@ ", "a/b@x y", "a/b@\n", "a/b@" + "x" * 300, "/a", "a/", "-a/b",
     "https://huggingface.co/a/b", "\udcff/a", "a/b@\udcff", "a" * 5000],
)  # fmt: skip
def test_what_is_no_name_is_refused_before_the_hub_is_asked(hub, reference):
    assert line(reference).endswith(("as on its page on the hub", "write one, or leave the @ out", "owner/name: correct it"))
    assert not hub.requests


def test_many_gguf_files_are_some_in_one_line(hub, tmp_path):
    for number in range(25):
        (tmp_path / f"served/m-{number:02}.gguf").write_bytes(b"GGUF")
    assert pin().facts["GGUF files"].endswith("m-19.gguf (0.0 MB), 5 others")

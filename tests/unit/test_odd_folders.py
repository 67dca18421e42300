"""Folders that are no usable model: each is refused in one line that names the thing and says what to do, without hanging."""

import json
import os
import re
import shutil
import socket
import time

import pytest
import transformers
from mmlu_kit.inputs import checkpoints, model_configs, model_folders
from mmlu_kit.user_errors import UserError
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

from tests.helpers.model_folders import WEIGHTS, write_folder, write_shards, write_weights

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "model")


def refused(path, words):
    """Check that both ways to a model refuse it in the same line, quickly, and return the line."""
    start = time.perf_counter()
    lines = set()
    for reader in (checkpoints.check_model, checkpoints.verified_manifest):
        with pytest.raises(UserError, match=words) as error:
            reader(path)
        lines.add(str(error.value))
    assert time.perf_counter() - start < 10
    assert len(lines) == 1
    line = lines.pop()
    assert line.isprintable() and not re.search(r"\bdelete\b|\bremove\b", line)
    return line


def instead(name, make):
    """Put something of another kind in place of a file."""

    def change(folder):
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return change


def bind(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))  # the length of a socket's path is limited


def loop(path):
    path.symlink_to(path.name)


def broken_link(path):
    path.symlink_to("nowhere")


def write(name, content):
    return lambda folder: (folder / name).write_text(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "is a named pipe, not a file: fetch or copy it again"),
        (bind, "is a socket, not a file"),
        (os.mkdir, "is a folder, not a file"),
        (loop, r"cannot be read \(Too many levels of symbolic links\): correct the path or its permissions"),
        (broken_link, "is a link to a file that does not exist: fetch or copy it again"),
        (lambda path: path.symlink_to("/dev/zero"), "is a device, not a file"),
        (lambda path: path.write_text(POINTER), "is only a pointer of Git LFS: run `git lfs pull`"),
    ],
)
@pytest.mark.parametrize(
    "name", ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "notes.json"]
)
def test_only_regular_files_are_opened(folder, monkeypatch, name, make, words):
    monkeypatch.chdir(folder)
    instead(name, make)(folder)
    assert f"{folder}/{name} " in refused(folder, words)


@pytest.mark.parametrize("name", ["model-00002-of-00002.safetensors", "model.safetensors.index.json"])
@pytest.mark.parametrize("make", [os.mkfifo, loop, lambda path: path.write_text(POINTER)])
def test_only_regular_files_are_opened_as_shards(folder, name, make):
    instead(name, make)(write_shards(folder))
    refused(folder, f"{name} (is|cannot)")


def test_an_unreadable_file_is_named(folder, monkeypatch):
    opened = os.open

    def refuse(path, *arguments):
        if "config" in str(path):
            raise PermissionError(13, "Permission denied")  # root could read it
        return opened(path, *arguments)

    monkeypatch.setattr(os, "open", refuse)
    refused(folder, r"config.json cannot be read \(Permission denied\): correct the path or its permissions")


def test_links_into_a_cache_are_followed(folder, tmp_path):
    (tmp_path / "blobs").mkdir()
    for number, path in enumerate(sorted(folder.iterdir())):
        path.rename(tmp_path / "blobs" / str(number))
        path.symlink_to(tmp_path / "blobs" / str(number))
    assert checkpoints.describe(folder).parameters == 48


def test_chat_templates_are_described(folder):
    (folder / "chat_template.jinja").write_text("{{ messages }}")
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates/tool_use.jinja").write_text("{{ tools }}")
    (folder / "additional_chat_templates/notes.txt").write_text("x")
    names = set(checkpoints.describe(folder).files)
    templates = {"chat_template.jinja", "additional_chat_templates/tool_use.jinja"}
    assert names == templates | {"config.json", "tokenizer.json", "model.safetensors"}
    instead("additional_chat_templates/tool_use.jinja", os.mkfifo)(folder)
    refused(folder, "additional_chat_templates/tool_use.jinja is a named pipe")


def only(*names):
    def change(folder):
        for path in folder.iterdir():
            path.unlink()
        for name in names:
            (folder / name).write_text("{}")

    return change


def adapter_beside(folder):
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "base_model_name_or_path": "x"}')
    write_weights(folder / "adapter_model.safetensors", {"x": ("F32", [4])})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            adapter_beside,
            r"holds an adapter \(adapter_config.json\) beside the model, .* name that as the model's adapter \(`adapter:` in",
        ),
        (only("adapter_config.json", "adapter_model.safetensors"), r"holds only an adapter \(adapter_config.json\)"),
        (
            only("adapter_config.json", "adapter_model.bin", "tokenizer.json"),
            "name its base model as the model, and this as its adapter",
        ),
        (only("adapter_model.safetensors"), r"holds only an adapter \(adapter_model.safetensors\)"),
        (only("config.json", "tokenizer.json", "adapter_model.safetensors"), "holds only an adapter"),
        (
            only("model-Q4_0.gguf"),
            r"the weights exist only as GGUF \(model-Q4_0.gguf\): name that file, as 'path' or with --model if it is local",
        ),
        (only("config.json", "tokenizer.json", "m.gguf"), "the weights exist only as GGUF"),
        (
            only("config.json", "tokenizer.json", "m.safetensors"),
            r"model.safetensors is missing \(m.safetensors has a name that",
        ),
        (only(), "config.json is missing, so this is not a Hugging Face model folder"),
        (
            only("config.json", "tokenizer.model"),
            "no tokenizer.json, and tokenizer.model alone needs a package that is not inst",
        ),
        (only("config.json", "spiece.model"), "save the fast tokenizer .tokenizer.json. beside the weights"),
        (only("config.json", "vocab.json"), "vocab.json lacks its merges.txt: copy that too"),
        (only("config.json", "vocab.txt"), "vocab.txt alone is not a complete tokenizer"),
        (only("config.json", "tokenizer_config.json"), "the tokenizer is missing"),
    ],
)
def test_what_a_folder_lacks(folder, change, words):
    change(folder)
    assert refused(folder, words).startswith(f"{folder}: ")


def test_adapter_weights_alone_are_ignored(folder):
    adapter_beside(folder)
    (folder / "adapter_config.json").unlink()
    assert checkpoints.describe(folder).parameters == 48


def test_a_vocabulary_with_its_merges_is_a_tokenizer(folder):
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text("{}")
    (folder / "merges.txt").write_text("")
    assert {"vocab.json", "merges.txt"} <= set(checkpoints.describe(folder).files)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "m.gguf",
            "m.gguf cannot be read as GGUF: it does not begin as a GGUF file does, or is truncated: fetch or copy it again",
        ),
        ("model.safetensors", "model.safetensors: this is a weight file, not a model folder"),
        ("big.json", "big.json is too large for a model's manifest"),
    ],
)
def test_a_path_to_a_file_that_is_no_manifest(tmp_path, name, words):
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 40)
    refused(tmp_path / name, words)


def test_a_pipe_as_a_manifest(tmp_path):
    os.mkfifo(tmp_path / "m.json")
    refused(tmp_path / "m.json", "there is no such model folder or manifest")


def sparse(name):
    def change(folder):
        with (folder / name).open("wb") as file:
            file.truncate(1 << 40)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (write("config.json", "{"), r"config.json is not valid JSON \(.*\): fetch or copy it again"),
        (write("config.json", ""), "config.json is not valid JSON"),
        (write("config.json", '{"a": ' + "9" * 5_000 + "}"), "config.json is not valid JSON"),
        (write("config.json", "[" * 100_000), "config.json is nested too deeply"),
        (write("config.json", "[]"), "config.json is not a configuration .a JSON object."),
        (write("config.json", "null"), "config.json is not a configuration .a JSON object."),
        (lambda folder: (folder / "config.json").write_bytes(b"\xff"), r"config.json is not UTF-8 text \(byte 0\)"),
        (sparse("config.json"), "config.json has 1,099,511,627,776 bytes, more than any such file"),
        (
            write("config.json", '{"configuration_files": ["config.4.0.0.json"]}'),
            "configuration_files makes the configuration dep",
        ),
        (
            write("config.json", '{"quantization_config": {"bits": 4}}'),
            "quantization_config in config.json names no quant_method",
        ),
        (write("config.json", '{"quantization_config": [4]}'), "quantization_config in config.json names no quant_method"),
        (write("config.json", '{"quantization_config": {"quant_method": "\\u001b"}}'), "names no quant_method"),
        (
            write("config.json", '{"num_hidden_layers": 1000000}'),
            "declares num_hidden_layers 1000000, but the weights have 1 layers",
        ),
        (write("config.json", '{"n_layer": 1e300}'), r"declares n_layer 1e\+300, but the weights have 1 layers: restore"),
        (write("config.json", '{"text_config": {"num_hidden_layers": 1000}}'), "declares num_hidden_layers 1000,"),
        (
            write("config.json", '{"hidden_size": 1000000000}'),
            "declares hidden_size 1000000000, but the weights have 8 as the larg",
        ),
        (
            write("config.json", '{"text_config": {"num_experts": 1e9}}'),
            "declares num_experts 1000000000.0, but the weights have 8",
        ),
        (
            write("tokenizer_config.json", "[]"),
            r"tokenizer_config.json is not a configuration \(a JSON object\): fetch or copy",
        ),
        (write("generation_config.json", "[" * 100_000), "generation_config.json is nested too deeply"),
        (sparse("tokenizer.json"), "tokenizer.json has 1,099,511,627,776 bytes, more than any such file"),
    ],
)
def test_a_configuration_that_cannot_be_used(folder, change, words):
    change(folder)
    refused(folder, words)


def test_numbers_of_experts_and_of_late_layers_are_no_layers(tmp_path):
    """Only names that exist count: a high number in one of them does not make a model deep."""
    tensors = {"model.layers.999999.x": ("F32", [1])} | {f"model.layers.0.mlp.experts.{n}.w": ("F32", [1]) for n in range(99)}
    folder = write_folder(tmp_path / "model", {"num_hidden_layers": 199}, tensors)
    refused(folder, "declares num_hidden_layers 199, but the weights have 2 layers")


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            transformers.T5Config(),
            "t5 is an encoder-decoder model, but the kit needs a causal .decoder-only. language model: choose",
        ),
        (
            transformers.BartConfig(architectures=["BartForConditionalGeneration"]),
            "BartForConditionalGeneration is an encoder-decoder",
        ),
        (transformers.BertConfig(), "bert is an encoder, but the kit needs a causal"),
        (transformers.ModernBertConfig(architectures=["ModernBertForMaskedLM"]), "ModernBertForMaskedLM is an encoder, but"),
        ({"model_type": "whisper"}, "whisper is an encoder-decoder model"),
        (
            {"architectures": ["LlamaForSequenceClassification"]},
            "LlamaForSequenceClassification has no head that predicts the next",
        ),
        ({"model_type": "x", "architectures": ["\x1bForMaskedLM"]}, r"\\x1bForMaskedLM has no head"),
    ],
)
def test_models_that_are_not_causal_are_refused(tmp_path, config, words):
    values = config if isinstance(config, dict) else json.loads(config.to_json_string())
    refused(write_folder(tmp_path / "model", {"architectures": None, **values, "num_hidden_layers": 1}), words)


@pytest.mark.parametrize(
    "config",
    [
        transformers.BertConfig(is_decoder=True, architectures=["BertLMHeadModel"]),
        transformers.BartConfig(is_encoder_decoder=False, is_decoder=True, architectures=["BartForCausalLM"]),
        transformers.GPT2Config(architectures=["GPT2LMHeadModel"]),
        transformers.Gemma3Config(architectures=["Gemma3ForConditionalGeneration"], text_config={"num_hidden_layers": 1}),
    ],
    ids=lambda config: config.model_type,
)
def test_causal_models_are_not(tmp_path, config):
    tensors = WEIGHTS | {f"model.layers.{number}.x": ("F32", [1]) for number in range(12)}
    model_folders.check(write_folder(tmp_path / "model", json.loads(config.to_json_string()), tensors))


def test_every_masked_language_model_of_transformers_is_refused():
    others = {"xlm", "modernvbert", "ultravbert"}  # also causal, or with images
    for kind in MODEL_FOR_MASKED_LM_MAPPING_NAMES.keys() - others:
        with pytest.raises(UserError, match="the kit needs a causal"):
            model_configs.check_decoder("m", {"model_type": kind})


def test_a_folder_with_a_strange_name(tmp_path):
    folder = write_folder(tmp_path / "mo\x1b[2Jdel\n")
    (folder / "tokenizer.json").unlink()
    refused(folder, r"/mo\\x1b\[2Jdel\\n: the tokenizer is missing")
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    "config",
    [
        {"_attn_implementation": "somebody/attention"},
        {"attn_implementation": {"text_config": "somebody/attention:kernel"}},
        {"text_config": {"_experts_implementation": "somebody/experts"}},
    ],
)
def test_code_of_the_hub_is_never_named(tmp_path, config):
    refused(
        write_folder(tmp_path / "model", config), "_implementation in config.json names code of the hub, which the kit never"
    )

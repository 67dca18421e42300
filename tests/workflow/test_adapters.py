"""A base model and an adapter of it, fetched from a hub on the loopback or local, evaluated by the same programs."""

import json
import os
import shutil

import peft
import pytest
import torch
import transformers
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.inputs.checkpoints import Manifest

from tests.helpers.hub_server import Repository, serving

COMMIT, OTHER = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def adapter(root, tmp_path_factory):
    """A LoRA of a demo model, with random weights."""
    model = transformers.AutoModelForCausalLM.from_pretrained(root / "workflow/demo/models/demo-small")
    torch.manual_seed(0)
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM", init_lora_weights=False)
    folder = tmp_path_factory.mktemp("adapters") / "lora"
    peft.get_peft_model(model, config).save_pretrained(folder)
    return folder


@pytest.fixture
def hub(root, adapter, tmp_path):
    with serving() as hub:
        shutil.copytree(adapter, tmp_path / "served")
        (tmp_path / "served/adapter_model.bin").write_bytes(b"never wanted")
        (tmp_path / "served/tokenizer.json").write_bytes(b"never wanted")
        hub.repositories["models/tiny/base"] = Repository(root / "workflow/demo/models/demo-small", COMMIT)
        hub.repositories["models/tiny/lora"] = Repository(tmp_path / "served", OTHER)
        yield hub


@pytest.fixture
def environment(hub, tmp_path):
    return {**os.environ, "HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HUB_OFFLINE": "0"}


SOURCE = {"repository": "tiny/base", "commit": COMMIT, "adapter": {"repository": "tiny/lora", "commit": OTHER}}


def evaluate(kit, root, folder, *arguments):
    questions = ["--questions", root / "workflow/demo/questions", "--subjects", "astronomy"]
    process = kit("evaluate", *questions, "--evaluations", folder, *arguments)
    assert process.returncode == 0, process.stderr
    return process.stdout, Evaluation.read(folder / "astronomy.json")


def test_a_base_and_its_adapter_arrive_and_are_evaluated(hub, environment, run, kit, root, adapter, tmp_path):
    process = run("fetch_model.py", "--source", json.dumps(SOURCE), "--output", tmp_path / "m.json", env=environment)
    assert process.returncode == 0, process.stderr
    assert "with adapter tiny/lora (LoRA, rank 4, " in process.stdout
    names = {path.rpartition("/")[2] for _, path, _ in hub.requests if "/tiny/lora/resolve/" in path}
    assert names == {"adapter_config.json", "adapter_model.safetensors"}
    manifest = Manifest.read(tmp_path / "m.json")
    assert (manifest.adapter.repository, manifest.adapter.commit) == ("tiny/lora", OTHER)

    output, fetched = evaluate(kit, root, tmp_path / "fetched", "--model", tmp_path / "m.json")
    assert "Model adapter tiny/lora (LoRA, rank 4, " in output and ": LoRA merged into " in output
    assert fetched.adapter == manifest.adapter_identity
    assert {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"} < fetched.model_files.keys()
    model = ["--model", root / "workflow/demo/models/demo-small"]
    _, local = evaluate(kit, root, tmp_path / "local", *model, "--adapter", adapter)
    assert local.records == fetched.records and local.model_files == fetched.model_files
    assert (local.adapter.name, local.adapter.repository) == ("lora", None)
    _, base = evaluate(kit, root, tmp_path / "base", *model)
    assert base.adapter is None and base.effective.adapter is None
    assert [record.letter_logprobs for record in base.records] != [record.letter_logprobs for record in local.records]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda folder: (folder / "adapter_model.safetensors").unlink(), "exist only as a pickle (adapter_model.bin)"),
        (lambda folder: (folder / "adapter_config.json").unlink(), "adapter_config.json is missing, so this is not an adapter"),
        (
            lambda folder: (folder / "adapter_config.json").write_text('{"peft_type": "P_TUNING"}'),
            "P_TUNING changes the prompt",
        ),
    ],
)
def test_an_adapter_that_cannot_be_used_is_refused_before_the_model_is_fetched(hub, environment, run, tmp_path, change, words):
    change(tmp_path / "served")
    process = run("fetch_model.py", "--source", json.dumps(SOURCE), "--output", tmp_path / "m.json", env=environment)
    assert process.returncode == 2 and process.stderr.count("error: ") == 1 and words in process.stderr
    assert not any("tiny/base" in path for _, path, _ in hub.requests)


def test_check_counts_an_adapter(environment, kit, root, adapter, tmp_path):
    def study(**source):
        groups = {"one": {"title": "One", "models": ["adapted"]}}
        config = {
            "study": "mine",
            "models": {"adapted": {"path": str(root / "workflow/demo/models/demo-small"), "adapter": source}},
            "studies": {"mine": {"title": "Mine", "questions": "demo", "subjects": ["astronomy"], "groups": groups}},
        }
        (tmp_path / "config.yaml").write_text(json.dumps(config))
        return kit("check", "--config", tmp_path / "config.yaml", env=environment, cwd=root)

    process = study(repository="tiny/lora", commit=OTHER)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "tiny/lora (model)" in process.stdout
    assert study(path=str(adapter)).returncode == 0
    process = study(path=str(root / "workflow/demo/models/demo-small"))
    assert (
        process.returncode == 2
        and "adapter_config.json is missing, so this is not an adapter of peft" in process.stdout + process.stderr
    )

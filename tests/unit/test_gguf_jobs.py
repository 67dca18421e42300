"""What is known of GGUF files before anything runs: what is fetched, the memory that is needed, what stands in the way."""

import pytest
import transformers
from gguf import GGMLQuantizationType as Type
from mmlu_kit.inputs import checkpoints, loaded_weights, repositories
from mmlu_kit.inputs.loaded_weights import BESIDE_WEIGHTS
from mmlu_kit.inputs.repositories import Listing, Repository
from mmlu_kit.jobs import downloads, forecast, needs
from mmlu_kit.model_sources import ModelSource
from mmlu_kit.models import footprint
from mmlu_kit.results import protocols
from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable, Quantization

from tests.helpers.gguf_files import write_model

FILE = "gguf/m-Q4_K_M.gguf"
SIZES = {FILE: 5000, "gguf/m-F16.gguf": 16000, "README.md": 9, "config.json": 100}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    config = transformers.LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2
    )
    path = tmp_path_factory.mktemp("files") / "m.gguf"
    return checkpoints.describe(write_model(path, transformers.LlamaForCausalLM(config), {"": Type.Q8_0}))


def test_only_the_named_file_counts(monkeypatch):
    monkeypatch.setattr(repositories, "cached", lambda repository, names: {})
    repository = Repository("model", "a/b", "c" * 40, FILE)
    saved = checkpoints.SavedQuantization(method="gguf", bits=None)
    plan = downloads.plan(repository, Listing(SIZES, False, 8000, saved))
    assert (plan.bytes, plan.missing, plan.problem) == (5000, 5000, None)
    assert plan.manifest and (plan.manifest.parameters, plan.manifest.checkpoint_bytes) == (8000, 5000)
    # Before it is there, its size in float32 is known, and that bitsandbytes is not applied to it.
    assert forecast.needed_bytes(plan.manifest, LoadSettings(dtype=DType.FLOAT32)) == BESIDE_WEIGHTS + 4 * 8000
    settings = LoadSettings(quantization=Quantization.EIGHT_BIT)
    refused = forecast.forecast("m", plan.manifest, settings, OnUnavailable.FAIL, None)
    assert refused.obstacle == "the weights were saved as gguf, so quantization has to be none"


def test_a_file_that_is_not_there_is_a_problem_of_its_repository(monkeypatch):
    monkeypatch.setattr(repositories, "cached", lambda repository, names: {})
    plan = downloads.plan(Repository("model", "a/b", "c" * 40, "m.gguf"), Listing(SIZES))
    assert plan.problem == (
        "model a/b at cccccccccccc has no file m.gguf (of 2 such files the first is gguf/m-F16.gguf): correct 'file'"
    )


@pytest.mark.parametrize(("dtype", "size"), [(DType.FLOAT32, 4), (DType.BFLOAT16, 2), (DType.FLOAT16, 2)])
def test_the_memory_is_that_of_the_dequantized_weights(manifest, dtype, size):
    weights = manifest.parameters * size
    assert loaded_weights.as_saved(manifest, Device.CPU, dtype) == weights
    assert footprint.needed(manifest, Device.CPU, dtype, Quantization.NONE) == weights + BESIDE_WEIGHTS
    assert needs.memory_mb(manifest, _entry(Device.CPU, dtype)) == -(-(needs.PROCESS_BYTES + weights) // 10**6)
    on_the_way = needs.TENSORS_ON_THE_WAY * 320 * 64 * 4
    on_gpu = needs.PROCESS_BYTES + needs.CUDA_BYTES + on_the_way
    assert needs.memory_mb(manifest, _entry(Device.CUDA, dtype)) == -(-on_gpu // 10**6)


def _entry(device, dtype):
    return protocols.ModelEntry(path="m.gguf", device=device, dtype=dtype, on_unavailable=OnUnavailable.FAIL)


def test_entries_with_two_files_of_a_repository_have_other_weights():
    one, other = ({"repository": "a/b", "commit": "c" * 40, "file": file} for file in (FILE, "gguf/m-F16.gguf"))
    entries = {name: protocols.ModelEntry(**source) for name, source in {"one": one, "same": one, "other": other}.items()}
    assert protocols.first_of_each(entries, entries) == ["one", "other"]
    assert ModelSource(**one).source() == one

"""Every family of models is scored exactly: packed or one prompt at a time, as its own attention scores each prompt alone."""

from types import SimpleNamespace

import pytest
import torch
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.models import batch_size, positions

from tests.families import write_page
from tests.helpers import families, scored_prompts

pytestmark = [pytest.mark.families, pytest.mark.parametrize("name", families.FAMILIES)]

SUFFIXES = (3, 7, 20, 33, 61, 90)  # shorter and longer than windows and original contexts
# Families that must not fall back to one prompt at a time: with plain attention, windows, chunks, soft caps or sinks.
PACKED = (
    *families.WITH_WINDOW,
    *(name for name in families.FAMILIES if name.endswith("small window")),
    *("cohere2", "cohere2_moe", "exaone4", "flint", "gemma2 low cap", "gemma2 uncapped", "gemma3", "gemma3n_text", "gemma4"),
    *("gemma4_text", "gpt_oss", "granitemoe_swa", "llama4", "llama4_text", "llama4_text chunks", "mimo_v2_flash"),
    *("modernbert-decoder", "vaultgemma"),
    *("llama", "llama biased", "llama linear", "llama llama3", "llama yarn", "mistral", "mistral large window", "mixtral"),
    *("qwen2", "qwen2 unused window", "qwen2_moe", "qwen3", "qwen3_moe", "phi", "phi3", "phimoe", "gemma", "glm4", "granite"),
    *("olmo", "olmo2", "olmoe", "smollm3", "starcoder2", "gpt2", "gpt_neox", "cohere", "deepseek_v3"),
)


def test_scores_are_those_of_each_prompt_alone(name):
    _, packing = scored_prompts.score(families.model(name), scored_prompts.make_prompts(SUFFIXES, 0), 128)
    if name in PACKED:
        assert packing == Packing(packed=len(SUFFIXES), alone=0, reason=None)


def test_the_page_of_known_models_says_how_a_family_is_scored_behind_a_shared_prefix(name):
    words, _ = write_page.scored(name)
    assert write_page.stated().get(name) == words, "write docs/known_models.md again: python -m tests.families.write_page"
    assert words == "packed" or name not in PACKED


def test_a_batch_for_a_gpu_is_planned(name, monkeypatch):
    model = families.skeleton(name)
    monkeypatch.setattr(type(model), "device", torch.device("cuda"), raising=False)
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    planned = []
    for room in (2**20, 2**26, 2**36):
        memory = SimpleNamespace(total_memory=weights + room)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device, memory=memory: memory)
        planned.append(batch_size.tokens_per_batch(model, "auto"))
    assert planned[0] == 512 < planned[1] < planned[2] == 65536
    assert all(tokens % 512 == 0 for tokens in planned)


def test_the_context_length_is_what_the_model_can_read(name):
    model = families.model(name)
    context = positions.context_length(model)
    assert context == families.CONTEXTS[name]
    with torch.inference_mode():
        logits = model(input_ids=torch.full((1, context or families.CONTEXT), 5), use_cache=False).logits
    assert torch.isfinite(logits).all()

"""Generated tokens are those that the model gives after the whole text before each."""

import copy

import pytest
import torch
from mmlu_kit.evaluation import generation

from tests.helpers import families, scored_prompts


@pytest.mark.parametrize("name", ["llama longrope", "phi3 longrope", "mistral small window", "bamba"])
@pytest.mark.parametrize("length", [15, 62, 70])  # below a rotary switch at 64, across it, and beyond it
def test_generated_tokens_are_those_after_the_whole_text(name, length):
    model = families.model(name)
    model.generation_config.eos_token_id = None
    (prompt,) = scored_prompts.make_prompts((length,), 0)
    ids = list(prompt.ids)
    for _ in range(5):
        with torch.inference_mode():
            ids.append(int(copy.deepcopy(model)(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
    assert generation.greedy(model, prompt.ids, 5, scored_prompts.TOKENIZER) == ids[length:]

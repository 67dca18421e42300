"""A model is packed only where that gives its own scores: judged by its configuration and by comparing scores."""

import pytest
import torch
import transformers
from mmlu_kit.evaluation import packing, scoring
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.models import positions
from mmlu_kit.settings import PromptSettings

from tests.helpers import families, scored_prompts

SIZE = {
    "vocab_size": families.VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 4096,
}
LENGTHS = (1, 3, 9, 20, 50, 90)
PREFIX = 12


def model(family="Llama", **options):
    """A tiny model with random weights, all of them: biases and norms too, so that a neglected term shows."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**{**SIZE, **options})
    made = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return made


def score(made, prompts=None, tokens_per_batch=768):
    return scored_prompts.score(made, prompts or scored_prompts.make_prompts(LENGTHS, PREFIX), tokens_per_batch)


def test_a_mask_of_the_models_own_is_not_dropped():
    """Doge adds a learned bias to its mask; without it scores are half a nat off."""
    made = model("Doge")
    _, used = score(made)
    assert (used.packed, used.reason) == (0, "its attention has a mask of its own")


def test_layers_that_do_not_hand_arguments_on():
    made = model("Nemotron", hidden_act="relu2")
    _, used = score(made)
    assert (used.packed, used.reason) == (0, "its layers do not pass arguments on to its attention")


def test_attention_that_lies_is_found_by_its_scores(monkeypatch):
    """A model that passes every flag, but whose own attention is not what packing computes."""
    made = model("Llama")
    attention, masks = transformers.AttentionInterface(), transformers.AttentionMaskInterface()

    def biased(module, query, key, value, attention_mask, **options):
        return attention["sdpa"](module, query * 1.7, key, value, attention_mask, **options)

    # As `register` does, but for this test alone.
    monkeypatch.setitem(attention._global_mapping, "sdpa_biased", biased)
    monkeypatch.setitem(masks._global_mapping, "sdpa_biased", masks["sdpa"])
    made.set_attn_implementation("sdpa_biased")
    _, used = score(made)
    assert used.packed == 0 and used.reason.startswith("packed scores differ from its own")


ROPES = {
    "longrope": {"short_factor": [1.0] * 8, "long_factor": [3.0 + i for i in range(8)], "original_max_position_embeddings": 40},
    "dynamic": {"factor": 4.0},
}


@pytest.mark.parametrize("kind", ROPES)
def test_frequencies_that_depend_on_the_longest_position_never_reach_another_prompt(kind):
    rope = {"rope_type": kind, "rope_theta": 10000.0, **ROPES[kind]}
    options = {"rope_parameters": rope, "max_position_embeddings": 4096 if kind == "longrope" else 40}
    made = model("Llama", **options)
    assert positions.rope_switch(made) == 40
    _, used = score(made)
    assert used == Packing(packed=4, alone=2, reason="its rotary embedding changes beyond 40 tokens")
    # Longest first: what it leaves behind must not reach those after it.
    score(model("Llama", **options), scored_prompts.make_prompts(LENGTHS[::-1], PREFIX), None)


def test_the_check_survives_what_a_models_code_raises(monkeypatch):
    made = model("Llama")

    def broken(scorer, suffixes, tail=1):
        raise KeyError("unpacked")

    monkeypatch.setattr(packing.PackedScorer, "__call__", broken)
    _, used = score(made)
    assert used.reason == "packing it raises KeyError"


def test_a_killed_run_with_other_batches_is_scored_again():
    made, prompts = model("Llama"), scored_prompts.make_prompts(LENGTHS, PREFIX)
    whole, _ = score(made, prompts)
    kept = {0: [whole[3]], 1: [whole[1]]}  # not the groups of this plan
    again, _ = scoring.score(made, scored_prompts.TOKENIZER, prompts, 768, PromptSettings(), kept, lambda number, records: None)
    assert again == whole


def test_one_question_at_a_time_on_request():
    _, used = score(model("Llama"), tokens_per_batch=None)
    assert used == Packing(packed=0, alone=len(LENGTHS), reason="one question at a time is requested")

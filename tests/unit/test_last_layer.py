"""Packed passes leave out of the last layer what nothing reads, and score as each prompt alone does."""

import pytest
import torch
from mmlu_kit.evaluation import packing
from mmlu_kit.evaluation.manner import Packing

from tests.helpers import families, scored_prompts

LENGTHS = (3, 9, 20, 50)
PREFIX = 12


def tokens_given(model, **modules):
    """How many tokens each of these modules is given in the packed pass of all prompts, whose logits must be right."""
    rows = [prompt.rows for prompt in scored_prompts.make_prompts(LENGTHS, PREFIX)]
    counts = {}
    scorer = packing.PackedScorer(model, rows[0].rows[0].ids, PREFIX)
    for name, module in modules.items():
        module.register_forward_hook(lambda _, args, output, name=name: counts.update({name: args[0].shape[-2]}) or None)
    logits = scorer(rows)
    given = dict(counts)  # before the prompts alone
    alone = torch.cat([packing.score_unpacked(model, one.rows[0]) for one in rows])
    assert torch.allclose(logits.log_softmax(-1), alone.log_softmax(-1), atol=1e-4)
    return given


@pytest.mark.parametrize("name", ["llama", "qwen2", "gemma2", "cohere", "mistral small window"])
def test_the_last_layer_computes_only_the_tokens_whose_logits_are_wanted(name):
    model = families.model(name)
    first, last = model.model.layers[0], model.model.layers[-1]
    counts = tokens_given(
        model,
        first_mlp=first.mlp.down_proj,
        first_projection=first.self_attn.o_proj,
        keys=last.self_attn.k_proj,
        mlp=last.mlp.down_proj,
        projection=last.self_attn.o_proj,
    )
    everything, wanted = sum(LENGTHS), len(LENGTHS)
    assert counts == {
        **dict.fromkeys(("first_mlp", "first_projection", "keys"), everything),
        **dict.fromkeys(("mlp", "projection"), wanted),
    }


@pytest.mark.parametrize("name", ["llama4", "mixtral", "qwen3_moe", "gpt_oss"])
def test_experts_of_the_last_layer_get_those_tokens_too(name):
    model = families.model(name)
    last = model.model.layers[-1]
    router = last.feed_forward.router if name == "llama4" else last.mlp.gate if hasattr(last.mlp, "gate") else last.mlp.router
    assert tokens_given(model, router=router) == {"router": len(LENGTHS)}


@pytest.mark.parametrize("name", ["longcat_flash", "hrm_text"])
def test_layers_that_attend_several_times_are_packed_whole(name):
    """Longcat's layers attend twice, and HRM goes through its layers several times."""
    _, used = scored_prompts.score(families.model(name), scored_prompts.make_prompts(LENGTHS, PREFIX), 768)
    assert used == Packing(packed=len(LENGTHS))


def test_nothing_is_left_behind_on_the_model():
    model, prompt = families.model("llama"), torch.randint(3, families.VOCABULARY, (1, sum(LENGTHS)))  # as long as a pass
    tokens_given(model)
    with torch.inference_mode():
        assert torch.equal(model(prompt).logits, families.model("llama")(prompt).logits)

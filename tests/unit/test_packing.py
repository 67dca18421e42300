"""A model is packed only where that gives its own scores: judged by its configuration and by comparing scores."""

import pytest
import torch
import transformers
from mmlu_kit.evaluation import packability, packing, scoring
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.inputs.questions import Question
from mmlu_kit.models import positions

SIZE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 4096,
}
LENGTHS = (1, 3, 9, 20, 50, 90)
PREFIX = 12


class Letters:
    """A stand-in for a tokenizer: only decoding is needed."""

    pad_token_id = 0

    @staticmethod
    def decode(ids, skip_special_tokens=False):
        return " ".join(map(str, ids))


def model(family="Llama", **options):
    """A tiny model with random weights, all of them: biases and norms too, so that a neglected term shows."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**{**SIZE, **options})
    made = getattr(transformers, f"{family}ForCausalLM")(config).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.3)
    return made


def prompts(lengths=LENGTHS, prefix=PREFIX):
    draw = torch.Generator().manual_seed(1)

    def tokens(count):
        return tuple(torch.randint(1, 64, (count,), generator=draw).tolist())

    shared = tokens(prefix)
    return [
        Prompt(
            question=Question("s", "test", index, "?", ("a", "b", "c", "d"), "A"),
            text=f"{index}",
            sha256="0" * 64,
            ids=shared + tokens(length),
            answers=tuple("ABCD"),
            letter_ids=(1, 2, 3, 4),
            examples=0,
        )
        for index, length in enumerate(lengths)
    ]


def score(made, asked=None, tokens_per_batch=768, **options):
    return scoring.score(
        made, Letters, prompts() if asked is None else asked, tokens_per_batch, 1, {}, lambda number, records: None, **options
    )


def agree(made, records, asked=None, tolerance=1e-4):
    """Check records against the model's own attention on each whole prompt."""
    for prompt, record in zip(prompts() if asked is None else asked, records, strict=True):
        positions.reset_rope(made)
        with torch.inference_mode():
            own = torch.log_softmax(made(torch.tensor([prompt.ids]), use_cache=False).logits[0, -1], dim=-1)
        assert list(record.letter_logprobs.values()) == pytest.approx(own[1:5].tolist(), abs=tolerance)


@pytest.mark.parametrize("family", ["Llama", "Qwen2", "Qwen3", "Olmo2", "Granite"])
def test_a_model_with_plain_attention_is_packed(family):
    made = model(family)
    records, used = score(made)
    assert used.plain() == {"packed": len(LENGTHS), "alone": 0, "reason": None}
    agree(made, records)


def test_a_mask_of_the_models_own_is_not_dropped():
    """Doge adds a learned bias to its mask; without it scores are half a nat off."""
    made = model("Doge")
    records, used = score(made)
    assert (used.packed, used.reason) == (0, "its attention has a mask of its own")
    agree(made, records)


def test_layers_that_do_not_hand_arguments_on():
    made = model("Nemotron", hidden_act="relu2")
    records, used = score(made)
    assert used.packed in (0, len(LENGTHS)) and (used.packed or used.reason)
    agree(made, records)


def test_arguments_that_packed_attention_does_not_know_are_not_dropped():
    """Gemma 2 caps attention logits, gpt-oss has sinks: both are arguments of the attention function."""
    made = model("Gemma2", head_dim=16, sliding_window=4096, query_pre_attn_scalar=16, attn_logit_softcapping=2.0)
    records, used = score(made)
    assert (used.packed, used.reason) == (0, "its attention has an argument of its own (softcap)")
    agree(made, records)


def test_attention_that_lies_is_found_by_its_scores(monkeypatch):
    """A model that passes every flag, but whose own attention is not what packing computes."""
    made = model("Llama")
    own = transformers.AttentionInterface()["sdpa"]

    def biased(module, query, key, value, attention_mask, **options):
        return own(module, query * 1.7, key, value, attention_mask, **options)

    transformers.AttentionInterface.register("sdpa_biased", biased)
    transformers.AttentionMaskInterface.register("sdpa_biased", transformers.masking_utils.ALL_MASK_ATTENTION_FUNCTIONS["sdpa"])
    made.set_attn_implementation("sdpa_biased")
    records, used = score(made)
    assert used.packed == 0 and used.reason.startswith("packed scores differ from its own by ")
    agree(made, records)


def test_a_window_wider_than_every_prompt_changes_nothing():
    made = model("Mistral", sliding_window=PREFIX + max(LENGTHS))
    records, used = score(made)
    assert used.packed == len(LENGTHS)
    agree(made, records)


def test_only_prompts_longer_than_the_window_are_scored_alone():
    made = model("Mistral", sliding_window=40)
    records, used = score(made)
    assert used.plain() == {"packed": 4, "alone": 2, "reason": "its attention window is 40 tokens"}
    agree(made, records)


def test_layers_without_a_window_are_packed_whatever_the_window_of_others_would_be():
    made = model("Qwen2", sliding_window=8, use_sliding_window=False)
    assert packability.limit(made).tokens is None
    made.config.layer_types = ["full_attention"] * 2
    made.config.sliding_window = 8
    assert packability.limit(made).tokens is None


ROPES = {
    "longrope": {"short_factor": [1.0] * 8, "long_factor": [3.0 + i for i in range(8)], "original_max_position_embeddings": 40},
    "dynamic": {"factor": 4.0},
}


@pytest.mark.parametrize("kind", ROPES)
def test_frequencies_that_depend_on_the_longest_position_never_reach_another_prompt(kind):
    rope = {"rope_type": kind, "rope_theta": 10000.0, **ROPES[kind]}
    made = model("Llama", rope_parameters=rope, max_position_embeddings=4096 if kind == "longrope" else 40)
    assert positions.rope_switch(made) == 40
    records, used = score(made)
    assert used.plain() == {"packed": 4, "alone": 2, "reason": "its rotary embedding changes beyond 40 tokens"}
    agree(made, records)
    # Longest first: what it leaves behind must not reach those after it.
    backwards = prompts()[::-1]
    agree(made, score(made, backwards, None)[0], backwards)


def test_the_check_survives_what_a_models_code_raises(monkeypatch):
    made = model("Llama")

    def broken(scorer, suffixes):
        raise KeyError("unpacked")

    monkeypatch.setattr(packing.PackedScorer, "__call__", broken)
    records, used = score(made)
    assert used.reason == "packing it raises KeyError"
    agree(made, records)


def test_a_killed_run_with_other_batches_is_scored_again():
    made = model("Llama")
    whole, _ = score(made)
    kept = {0: [whole[3]], 1: [whole[1]]}  # not the groups of this plan
    again, _ = scoring.score(made, Letters, prompts(), 768, 1, kept, lambda number, records: None)
    assert again == whole


def test_one_question_at_a_time_on_request():
    _, used = score(model("Llama"), tokens_per_batch=None)
    assert used.plain() == {"packed": 0, "alone": len(LENGTHS), "reason": "one question at a time is requested"}

"""Models that cannot be packed continue a shared prefix where that gives their own scores; no question reaches another."""

import copy

import pytest
import torch
from mmlu_kit.evaluation import batches, scoring, ways
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.packing import PackedScorer
from mmlu_kit.evaluation.prefixes import PrefixScorer, StepScorer
from mmlu_kit.evaluation.rows import cloze_rows
from mmlu_kit.settings import PromptSettings

from tests.helpers import families, scored_prompts

LENGTHS = (3, 9, 20, 21, 22, 33)
PREFIX = 90


def score(name, lengths=LENGTHS, prefix=PREFIX, tokens_per_batch=128):
    return scored_prompts.score(families.model(name), scored_prompts.make_prompts(lengths, prefix), tokens_per_batch)[1]


def alone(model, row):
    """The logits wanted of a row, by a fresh copy of the model."""
    with torch.inference_mode():
        return copy.deepcopy(model)(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0, -row.outputs :]


WAYS = {
    "lfm2": {"prefix": 6, "reason": "it has layers of another kind (conv)"},
    "rwkv": {"prefix": 6, "reason": "its attention cannot be replaced"},
    "falcon alibi": {"prefix": 6, "reason": "its attention cannot be replaced"},
    "bamba": {"prefix": 6, "reason": "its attention cannot be replaced"},
    "mamba": {"alone": 6, "reason": "its attention cannot be replaced"},
    "recurrent_gemma": {"alone": 6, "reason": "it has layers of another kind (linear_attention)"},
}


@pytest.mark.parametrize("name", WAYS)
def test_each_kind_of_model_has_its_way(name):
    assert score(name) == Packing(**WAYS[name])


def test_a_batch_of_single_tokens_says_nothing_about_longer_ones():
    """Mamba goes on from its cache with one token, and forgets it with several."""
    assert score("mamba", (1, 1, 9, 14, 20, 33)).alone == 6


def test_rows_with_one_token_behind_the_prefix_are_computed_as_longer_ones_are():
    """RWKV mixes the rows of a batch in which each has a single token."""
    assert score("rwkv", (1, 1, 2, 9)).prefix == 4


def test_steps_are_taken_where_the_prefix_is_long_and_many_questions_are_short():
    assert score("mamba", (3, 4, 5, 5, 6, 6, 7, 8)) == Packing(steps=8, reason="its attention cannot be replaced")


def test_short_whole_prompts_are_batched_where_no_cache_can_be_continued():
    assert score("recurrent_gemma", (20,) * 8, 8).whole == 8


@pytest.mark.parametrize("name", ["llama dynamic", "llama longrope"])
def test_prompts_beyond_a_rotary_switch_stay_alone(name, monkeypatch):
    monkeypatch.setattr(ways, "WAYS", [way for way in ways.WAYS if way.name != "packed"])
    used = score(name, prefix=40)
    assert used == Packing(prefix=5, alone=1, reason="its rotary embedding changes beyond 64 tokens")


def test_a_cache_that_loses_something_falls_to_the_next_way(monkeypatch):
    """Convolutions that forget their state where several tokens come at once: only steps are exact."""
    model = families.model("lfm2")

    def forget(module, arguments, options):
        if options.get("past_key_values") and options["input_ids"].shape[1] > 1:
            options["past_key_values"].layers[0].conv_states[0].zero_()

    model.register_forward_pre_hook(forget, with_kwargs=True)
    _, used = scored_prompts.score(model, scored_prompts.make_prompts((30, 31, 33, 35, 36, 36, 36, 36), 400), 128)
    assert used.steps == 8
    monkeypatch.setattr(ways, "WAYS", [way for way in ways.WAYS if way.name != "steps"])
    _, used = scored_prompts.score(model, scored_prompts.make_prompts(LENGTHS, PREFIX), 128)
    assert used == Packing(alone=6, reason="it has layers of another kind (conv)")


@pytest.mark.parametrize("name", ["lfm2", "mamba"])
def test_a_model_whose_rows_see_each_other_is_scored_alone(name):
    """As experts of limited capacity would, a row changes those after it in a batch."""
    model = families.model(name)

    def leak(module, inputs, output):
        return torch.cat([output[:1], output[1:] + 0.01 * output[:1]])

    model.get_input_embeddings().register_forward_hook(leak)
    prompts = scored_prompts.make_prompts((3, 4, 5, 5, 6, 6, 7, 8), PREFIX)
    _, used = scored_prompts.score(model, prompts, 128)
    assert used.alone == 8


@pytest.mark.parametrize(("name", "scorer"), [("lfm2", PrefixScorer), ("rwkv", PrefixScorer), ("mamba", StepScorer)])
def test_what_one_batch_reads_does_not_reach_the_next(name, scorer):
    model, prompts = families.model(name), scored_prompts.make_prompts(LENGTHS, PREFIX)
    rows = [prompt.rows for prompt in prompts]
    scores = scorer(model, prompts[0].ids, PREFIX)
    first = scores(rows)
    scores(rows[::-1])
    assert torch.equal(scores(rows), first)
    for row, logits in zip(rows, first, strict=True):
        torch.testing.assert_close(logits, alone(model, row.rows[0])[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize(("name", "scorer"), [("falcon_h1", PrefixScorer), ("jamba", StepScorer)])
def test_each_row_of_a_question_continues_the_prefix(name, scorer):
    """Choices of several lengths, one of them the beginning of another: the logits before each of their tokens."""
    model = families.model(name)
    prefix = scored_prompts.make_prompts((1,), 40)[0].ids
    questions = [
        cloze_rows("one", (*prefix, 7, 8, 9), [(3, 4, 5), (3, 4, 5, 6), (11,)]),
        cloze_rows("two", (*prefix, 17), [(5, 6), (13, 14, 15, 16, 17)]),
    ]
    expected = torch.cat([alone(model, row) for question in questions for row in question.rows])
    scores = scorer(model, questions[0].rows[0].ids, 40)
    torch.testing.assert_close(scores(questions), expected, atol=1e-4, rtol=0)
    last = questions[1].rows[-1]
    torch.testing.assert_close(scores(questions, 6)[-6:], alone(model, last._replace(outputs=6)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ["lfm2", "mamba"])
def test_a_resumed_run_gives_the_same_records(name):
    prompts = scored_prompts.make_prompts((3, 4, 5, 5, 6, 6, 7, 8, 20, 30), PREFIX)

    def run(kept):
        finished = {}
        records, used = scoring.score(
            families.model(name), scored_prompts.TOKENIZER, prompts, 32, PromptSettings(), kept, finished.__setitem__
        )
        return [record.plain() for record in records], used, finished

    whole, used, finished = run({})
    assert used.alone == 0
    for kept in (dict(list(finished.items())[:1]), dict(list(finished.items())[1:]), finished):
        again, used_again, new = run(kept)
        assert (again, used_again, new.keys()) == (whole, used, finished.keys() - kept.keys())


def test_a_batch_that_does_not_fit_memory_is_halved(monkeypatch):
    copies, sizes = PrefixScorer._copies, []

    def small(scorer, rows):
        sizes.append(rows)
        if rows > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return copies(scorer, rows)

    monkeypatch.setattr(PrefixScorer, "_copies", small)
    assert score("lfm2", (20, 20, 20, 21, 21, 22)).prefix == 6
    assert max(sizes) > 2


def test_a_prefix_that_does_not_fit_memory_is_not_shared(monkeypatch):
    def none(scorer, ids):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(PrefixScorer, "_prefix", none)
    assert score("lfm2").alone == 6


@pytest.mark.parametrize(("name", "scorer"), [("lfm2", PrefixScorer), ("llama", PackedScorer)])
def test_a_question_whose_rows_do_not_fit_memory_together_is_split(monkeypatch, name, scorer):
    call, model = scorer.__call__, families.model(name)

    def small(self, questions, tail=0):
        if sum(len(question.rows) for question in questions) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return call(self, questions, tail)

    monkeypatch.setattr(scorer, "__call__", small)
    prefix = scored_prompts.make_prompts((1,), 40)[0].ids
    questions = [cloze_rows(f"{number}", (*prefix, number), [(3, 4, 5), (6,), (7, 8)]) for number in (20, 30)]
    plan = batches.choose(model, questions, 512)
    assert plan.packing().alone == 0
    for number in plan.order():
        for position, logits in zip(plan.groups[number], plan.score(number), strict=True):
            expected = torch.cat([alone(model, row) for row in questions[position].rows])
            torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


def test_padded_batches_have_rows_of_similar_length():
    sizes = [ways.Size(tokens, 1) for tokens in (40, 41, 50, 51, 100, 300)]
    assert ways.plan([*sizes, None], 200, 1.25) == [[0, 1, 2], [3], [4], [5], [6]]
    assert ways.plan(sizes, 1000, 1.25) == [[0, 1, 2], [3], [4], [5]]
    assert ways.plan(sizes[:3], 200, 1.25, copied=30) == [[0, 1], [2]]
    assert ways.plan([ways.Size(10, 4, rows=4)] * 3, 80, 1.25) == [[0, 1], [2]]


def test_8_bit_layers_are_never_batched(monkeypatch):
    model = families.model("lfm2")
    monkeypatch.setattr("mmlu_kit.models.number_formats.has_8bit_layers", lambda model: True)
    assert [way.limit(model).tokens for way in ways.WAYS] == [0] * len(ways.WAYS)
    assert score("lfm2").alone == 6


def test_ways_in_words():
    mixed = Packing(prefix=90, alone=10, reason="it has layers of another kind (conv)")
    assert mixed.in_words() == "90 from the shared prefix, 10 one at a time, because it has layers of another kind (conv)"
    assert Packing(steps=3, reason="x").in_words() == "from the shared prefix token by token, because x"
    assert Packing(packed=3).in_words() == "packed"
    both = Packing.over([mixed, Packing(packed=2), Packing(whole=5, reason="x")])
    assert both == Packing(packed=2, prefix=90, whole=5, alone=10, reason="it has layers of another kind (conv); x")
    with pytest.raises(ValueError, match="needs a reason"):
        Packing(prefix=1)

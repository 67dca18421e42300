"""Models with a window, chunks, a soft cap or sinks are packed, and score as their own attention does."""

import functools

import pytest
import torch
import transformers
from mmlu_kit.evaluation import packability, packing
from mmlu_kit.evaluation.rows import Row, Rows, cloze_rows, shared_prefix
from mmlu_kit.evaluation.unpacked import Rule, Unpacked
from mmlu_kit.models import positions
from transformers import masking_utils
from transformers.models.llama.modeling_llama import LlamaAttention

from tests.helpers import families, scored_prompts

LENGTHS = (1, 3, 9, 20, 50, 90)
PREFIX = 12
LONGEST = PREFIX + max(LENGTHS)
# The field that has the size of the window or chunk.
LOCAL = {
    **{"mistral": "sliding_window", "gemma2 low cap": "sliding_window", "gpt_oss": "sliding_window"},
    **{"gemma3n_text": "sliding_window", "llama4_text": "attention_chunk_size"},
}
# Ends in the prefix, at its end, between prefix and end, at the longest prompt's end, and behind it.
SIZES = (1, 5, PREFIX, 40, LONGEST - 1, LONGEST, LONGEST + 1)


@pytest.fixture(autouse=True)
def one_thread():
    """Tiny products are slower on several threads than on one."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def score(model, lengths=LENGTHS, tokens_per_batch=768):
    return scored_prompts.score(model, scored_prompts.make_prompts(lengths, PREFIX), tokens_per_batch)[1]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", LOCAL)
def test_every_size_of_window_or_chunk_is_packed(name, size):
    assert score(families.model(name, **{LOCAL[name]: size})).packed == len(LENGTHS)


def make_questions():
    """Two questions of choices that begin alike, and one whose prompts have an end of their own each."""
    draw = torch.Generator().manual_seed(2)

    def tokens(count):
        return tuple(torch.randint(3, families.VOCABULARY, (count,), generator=draw).tolist())

    prefix, shared = tokens(PREFIX), tokens(4)
    choices = [[(*shared, *tokens(count)) for count in (1, 2, 7, 20)] + [shared] for _ in range(2)]
    orders = Rows("orders", tuple(Row((*prefix, *shared, *tokens(count))) for count in (15, 30, 3)))
    return [*(cloze_rows("cloze", (*prefix, *tokens(9 + n)), texts) for n, texts in enumerate(choices)), orders]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [1, 5, 20])
@pytest.mark.parametrize("name", LOCAL)
def test_each_row_of_a_question_has_its_own_window(name, size, dtype):
    model, questions = families.model(name, **{LOCAL[name]: size}).to(dtype), make_questions()
    scorer = packing.PackedScorer(model, questions[0].rows[0].ids, shared_prefix(questions))
    packed = iter(scorer(questions).split([row.outputs for question in questions for row in question.rows]))
    for question in questions:
        for row, logits in zip(question.rows, packed, strict=False):
            alone = packing.score_unpacked(model, row)
            assert packability.agree(alone, logits, dtype)
            if dtype is torch.float32:
                torch.testing.assert_close(logits.log_softmax(-1), alone.log_softmax(-1), atol=1e-4, rtol=0)


def test_the_prefix_has_keys_that_a_window_has_passed():
    model = families.model("mistral", sliding_window=2)
    scorer = packing.PackedScorer(model, tuple(range(3, 40)), 30)
    assert {keys.shape[2] for pair in scorer._prefix for keys in pair} == {30}


# Only the longest prompt exceeds the second window, and it is a batch by itself.
@pytest.mark.parametrize(("window", "tokens_per_batch"), [(40, 768), (LONGEST - 7, 100)])
@pytest.mark.parametrize("by", [-1, 1])
def test_a_window_that_is_off_by_one_is_found(window, tokens_per_batch, by, monkeypatch):
    def rule(mask_function, **options):
        def off(batch, head, query, key):
            return mask_function(batch, head, query + by, key) & (key <= query)

        return packing._rule(off if "local_size" in options else mask_function, **options)

    monkeypatch.setitem(transformers.AttentionMaskInterface._global_mapping, packing.ATTENTION, rule)
    used = score(families.model("mistral", sliding_window=window), tokens_per_batch=tokens_per_batch)
    assert (used.packed, used.reason) == (0, "packed scores differ from its own")


def test_a_window_wider_than_every_prompt_costs_nothing():
    window = Rule(masking_utils.sliding_window_causal_mask_function(5))
    masks = [
        Unpacked([Rows("q", (Row(tuple(range(length))),)).laid_out(0)], 0, torch.device("cpu")).mask(window)
        for length in (5, 6)
    ]
    assert masks[0] is None and masks[1] is not None


def test_one_mask_is_made_for_each_kind_of_layer(monkeypatch):
    made, real = [], Unpacked._mask
    monkeypatch.setattr(Unpacked, "_mask", lambda rows, rule: made.append(rule) or real(rows, rule))
    model = families.model("gemma3_text", num_hidden_layers=6, layer_types=["sliding_attention"] * 5 + ["full_attention"])
    packing.PackedScorer(model, tuple(range(3, 40)), 30)([Rows("q", (Row(tuple(range(3, 50))),))])
    assert len(made) == 2


@pytest.mark.parametrize("name", ["gemma2 low cap", "gpt_oss"])
def test_eager_attention_of_a_few_rows_at_a_time(name, monkeypatch):
    monkeypatch.setattr(packing, "MOST_SCORES", 2 * 4 * max(LENGTHS) * LONGEST)
    assert score(families.model(name)).packed == len(LENGTHS)


def test_an_argument_of_tokens_is_not_packed(monkeypatch):
    """A bias for each pair of tokens is made for the packed line; it would not be that of the rows."""
    bias = functools.partialmethod(LlamaAttention.forward, position_bias=torch.zeros(1, 1, 1, 1))
    monkeypatch.setattr(LlamaAttention, "forward", bias)
    used = score(families.model("llama"))
    assert (used.packed, used.reason) == (0, "its attention has an argument of its own (position_bias)")


def test_the_smallest_window_of_layers_that_have_one():
    assert positions.window(families.model("mistral", sliding_window=40)) == 40
    assert positions.window(families.model("llama4_text", attention_chunk_size=7)) == 7
    assert positions.window(families.model("qwen2", sliding_window=8, use_sliding_window=False)) is None
    assert positions.window(families.model("llama")) is None

"""Attention of packed rows on a processor: each token attends as the plainest program computes it, its prefix apart or not."""

import pytest
import torch
from mmlu_kit.evaluation import joined_attention, packed_attention
from mmlu_kit.evaluation.packed_attention import LONG_PREFIX, PackedAttention
from mmlu_kit.evaluation.rows import Row, Rows
from mmlu_kit.evaluation.unpacked import Rule, Unpacked
from transformers import masking_utils

from tests.helpers import families, scored_prompts

SIZE = 16
CAUSAL = Rule(masking_utils.causal_mask_function)
WINDOW = Rule(masking_utils.sliding_window_causal_mask_function(40))


def rows(start, forks):
    """Three questions behind a prefix; with `forks`, each has several rows that begin alike."""
    prefix = tuple(range(start))

    def row(*own):
        return Row(prefix + own)

    if not forks:
        return [Rows("short", (row(1),)), Rows("long", (row(*range(60)),)), Rows("middle", (row(*range(7)),))]
    return [
        Rows("choices", (row(1, 2, 3), row(1, 2), row(1, 4, *range(50)))),
        Rows("orders", (row(*range(9)), row(5, 6, 7))),
        Rows("one", (row(1),)),
    ]


def plain(query, key, value, layouts, start, window):
    """A softmax over the keys that each token sees: shape (tokens, heads, size)."""
    query, key, value = (tensor[0].double() for tensor in (query, key, value))
    key, value = (tensor.repeat_interleave(len(query) // len(tensor), 0) for tensor in (key, value))
    sees, begin = torch.zeros(query.shape[1], key.shape[1], dtype=torch.bool), 0
    for layout in layouts:
        for path in layout.paths:
            for number, place in enumerate(path):
                seen = [*range(start), *(start + begin + one for one in path[: number + 1])]
                sees[begin + place, seen[-window:]] = True
        begin += len(layout.ids)
    scores = torch.einsum("hqd,hkd->hqk", query, key) * SIZE**-0.5
    return torch.einsum("hqk,hkd->qhd", scores.masked_fill(~sees, -torch.inf).softmax(-1), value)


def compare(heads, start, forks, rule=CAUSAL, dtype=torch.float32, within=1e-5):
    layouts = [question.laid_out(start) for question in rows(start, forks)]
    tokens = sum(len(layout.ids) for layout in layouts)
    draw = torch.Generator().manual_seed(3)
    count, shared = heads
    # A model's queries are views in which heads come after tokens.
    query = torch.randn(1, tokens, count, SIZE, generator=draw).to(dtype).transpose(1, 2)
    key, value = (torch.randn(1, shared, start + tokens, SIZE, generator=draw).to(dtype) for _ in range(2))
    attended = PackedAttention(layouts, start, query.device)(query, key, value, rule, SIZE**-0.5)
    expected = plain(query, key, value, layouts, start, 40 if rule is WINDOW else 10**6)
    assert torch.isfinite(expected).all()
    torch.testing.assert_close(attended[0].double(), expected, atol=within, rtol=0)


@pytest.mark.parametrize("rule", [CAUSAL, WINDOW, None], ids=["causal", "window", "no rule"])
@pytest.mark.parametrize("forks", [False, True], ids=["a row each", "forks"])
@pytest.mark.parametrize("start", [0, 13, LONG_PREFIX - 1, LONG_PREFIX])
@pytest.mark.parametrize("heads", [(4, 4), (6, 2), (3, 1)], ids=str)
def test_each_token_attends_to_the_prefix_and_its_own_row(heads, start, forks, rule):
    compare(heads, start, forks, rule)


@pytest.mark.parametrize("start", [13, LONG_PREFIX])
def test_in_bfloat16_the_difference_is_rounding(start):
    compare((6, 2), start, forks=False, dtype=torch.bfloat16, within=0.02)


def test_a_long_prefix_is_not_copied_for_each_row(monkeypatch):
    monkeypatch.setattr(Unpacked, "rows_with_prefix", lambda *args: pytest.fail("copied"))
    compare((6, 2), LONG_PREFIX, forks=True)
    with pytest.raises(pytest.fail.Exception):  # its window ends in the prefix
        compare((6, 2), LONG_PREFIX, forks=True, rule=WINDOW)


def test_queries_whose_numbers_are_not_in_lines_are_given_to_a_kernel_that_looks():
    layouts = [question.laid_out(LONG_PREFIX) for question in rows(LONG_PREFIX, forks=False)]
    tokens = sum(len(layout.ids) for layout in layouts)
    draw = torch.Generator().manual_seed(4)
    query = torch.randn(1, 2, SIZE, tokens, generator=draw).transpose(2, 3)
    key, value = (torch.randn(1, 2, LONG_PREFIX + tokens, SIZE, generator=draw) for _ in range(2))
    attention = PackedAttention(layouts, LONG_PREFIX, query.device)
    attended = attention(query, key, value, CAUSAL, None)
    torch.testing.assert_close(attended, attention(query.contiguous(), key, value, CAUSAL, None), atol=1e-5, rtol=0)


def test_a_small_share_of_large_values_is_not_lost_in_bfloat16():
    own, shared = (torch.full((1, 1, 1, 1), value, dtype=torch.bfloat16) for value in (1.0, 1000.0))
    own_lse, shared_lse = torch.tensor(6.0), torch.tensor(0.0)  # shares of 0.9975 and 0.0025, which is 0.0039 as 1 - bfloat16
    share = torch.sigmoid(own_lse.double())
    expected = float(share + 1000 * (1 - share))
    joined = joined_attention.join(own, own_lse, shared, shared_lse)
    assert float(joined) == pytest.approx(expected, rel=2**-7)


@pytest.mark.parametrize("name", ["llama", "qwen2", "gemma3_text", "mistral", "gpt2", "deepseek_v3"])
def test_models_score_as_alone_behind_a_prefix_that_is_attended_to_apart(name, monkeypatch):
    monkeypatch.setattr(packed_attention, "LONG_PREFIX", 1)
    _, packing = scored_prompts.score(families.model(name), scored_prompts.make_prompts((3, 9, 4, 30), 17), 768)
    assert packing.packed == 4

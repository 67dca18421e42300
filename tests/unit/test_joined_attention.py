"""Attention of packed rows on a GPU, whose kernel a plain one stands in for here: the same scores as with padded rows."""

import pytest
import torch
from mmlu_kit.evaluation import joined_attention
from mmlu_kit.evaluation.manner import Packing
from torch.nn.attention import varlen

from tests.helpers import families, scored_prompts

LENGTHS = (3, 9, 4, 12, 7)


def plain_varlen(query, key, value, cu_seq_q, cu_seq_k, max_q, max_k, *, return_aux, scale, window_size=(-1, -1), enable_gqa):
    """As torch's varlen_attn: shapes (tokens, heads, size), and log-sum-exps of shape (heads, tokens)."""
    assert enable_gqa and return_aux.lse
    outputs, sums = [], []
    ends = zip(cu_seq_q[:-1], cu_seq_q[1:], cu_seq_k[:-1], cu_seq_k[1:], strict=True)
    for first, last, begin, end in ends:
        assert last - first <= max_q and end - begin <= max_k
        q, k, v = query[first:last], key[begin:end], value[begin:end]
        k, v = (tensor.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for tensor in (k, v))
        scores = torch.einsum("qhd,khd->hqk", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale)
        if window_size == (-1, 0):
            scores = scores.masked_fill(torch.ones(scores.shape[1:]).triu(1).bool(), -torch.inf)
        outputs.append(torch.einsum("hqk,khd->qhd", scores.softmax(-1), v))
        sums.append(scores.logsumexp(-1))
    return torch.cat(outputs), torch.cat(sums, dim=1)


@pytest.mark.parametrize("prefix", [0, 17])
@pytest.mark.parametrize("name", ["llama", "qwen2", "mistral", "gemma3_text"])
def test_joined_rows_have_the_scores_of_padded_ones(name, prefix, monkeypatch):
    model, calls = families.model(name), []
    prompts = scored_prompts.make_prompts(LENGTHS, prefix)
    padded, _ = scored_prompts.score(model, prompts, 768)
    monkeypatch.setattr(joined_attention, "fits", lambda query, value: True)
    monkeypatch.setattr(varlen, "varlen_attn", lambda *args, **options: calls.append(1) or plain_varlen(*args, **options))
    joined, used = scored_prompts.score(model, prompts, 768)
    assert used == Packing(packed=len(LENGTHS)) and calls
    for record, reference in zip(joined, padded, strict=True):
        assert record.letter_logprobs == pytest.approx(reference.letter_logprobs, abs=2e-5)


def test_a_processor_has_padded_rows():
    query = torch.zeros(1, 2, 3, 64, dtype=torch.bfloat16)
    assert not joined_attention.fits(query, query)

"""How the rows of a packed pass attend: by which of PyTorch's kernels, and in which shape it gets them.

A GPU's kernel for rows of several lengths takes them as they are (see joined_attention.py). Else they are padded, to a batch of
rows of equal length; no real token sees padding, whose outputs are dropped. On a CPU the kernel computes each head of each row
by itself and is the faster the more tokens these have. So heads that share keys are given to it as one head with more tokens,
and a long prefix is attended to by all rows at once.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch.nn.functional import scaled_dot_product_attention

from mmlu_kit.evaluation import joined_attention
from mmlu_kit.evaluation.joined_attention import JoinedAttention
from mmlu_kit.evaluation.rows import Layout
from mmlu_kit.evaluation.unpacked import Rule, Unpacked

# On CPUs, from so many tokens on, a prefix is attended to apart (benchmarks/measured/intel-xeon-amx-attention.md).
LONG_PREFIX = 256
# The mask of heads that are computed as one has a number for each pair of tokens: within 64 MiB in float32.
MOST_PAIRS = 2**24
# scaled_dot_product_attention's kernel on CPUs; it returns the log-sum-exp too.
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


class _Folded(NamedTuple):
    """What is added to the scores of heads that are computed as one, and whether it leaves the prefix out."""

    mask: torch.Tensor
    prefix_apart: bool


class PackedAttention:
    """Attention of the rows of questions behind a prefix of `start` tokens, which one packed line has one after the other."""

    def __init__(self, layouts: Sequence[Layout], start: int, device: torch.device) -> None:
        self.unpacked = Unpacked(layouts, start, device)
        self._start, self._lengths = start, [len(layout.ids) for layout in layouts]
        self._joined: JoinedAttention | None = None
        self._folded: dict[tuple[Rule | None, int], _Folded | None] = {}

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rule: Rule | None, scale: float | None
    ) -> torch.Tensor:
        """What `query`, of shape (1, heads, tokens, size), attends to by the rule of its layer, as (1, tokens, heads, size).

        `key` and `value` are longer by the shared prefix, and may have fewer heads.
        """
        if joined_attention.fits(query, value) and self.unpacked.is_plain(rule):
            self._joined = self._joined or JoinedAttention(self._lengths, self._start, query.device)
            return self._joined(query, key, value, scale)
        if query.is_cpu and query.shape[-1] == value.shape[-1]:
            heads = query.shape[1] // key.shape[1]
            if (rule, heads) not in self._folded:
                self._folded[rule, heads] = self._fold(rule, heads, query.dtype)
            if folded := self._folded[rule, heads]:
                attend = self._apart if folded.prefix_apart else self._together
                return attend(query, key, value, folded.mask, heads, scale)
        mask, grouped = self.unpacked.mask(rule), query.shape[1] != key.shape[1]
        rows = self.rows(query, key, value)
        attended = scaled_dot_product_attention(*rows, attn_mask=mask, is_causal=mask is None, scale=scale, enable_gqa=grouped)
        return self.unpacked.packed(attended.transpose(1, 2))

    def rows(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The padded rows' queries, of shape (questions, heads, longest, size), and keys and values, which have the prefix."""
        return self.unpacked.rows(query), self.unpacked.rows_with_prefix(key), self.unpacked.rows_with_prefix(value)

    def _fold(self, rule: Rule | None, heads: int, dtype: torch.dtype) -> _Folded | None:
        """How so many heads that share keys are computed as one; None where it does not pay or fit memory."""
        mask = self.unpacked.mask(rule)
        if mask is None:
            if heads == 1:
                return None
            mask = self.unpacked.causal_mask()
        apart = self._start >= LONG_PREFIX and bool(mask[..., : self._start].all())
        seen = mask[..., self._start :] if apart else mask
        if heads * seen.numel() > MOST_PAIRS:
            return None
        added = torch.zeros(seen.shape, dtype=dtype).masked_fill(~seen, -torch.inf)
        return _Folded(torch.cat([added] * heads, dim=-2), apart)

    def _together(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, heads: int, scale: float | None
    ) -> torch.Tensor:
        """Attend to the prefix and the own row."""
        rows = self.rows(query, key, value)
        attended = scaled_dot_product_attention(_as_one(rows[0], heads), *rows[1:], attn_mask=mask, scale=scale)
        return self.unpacked.packed(_as_several(attended, heads))

    def _apart(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor, heads: int, scale: float | None
    ) -> torch.Tensor:
        """Attend to the own rows, and all together to the prefix."""
        key, own_key = key.tensor_split([self._start], dim=2)
        value, own_value = value.tensor_split([self._start], dim=2)
        queries, *own_rows = map(self.unpacked.rows, (query, own_key, own_value))
        own, own_lse = _flash(_as_one(queries, heads), *own_rows, attn_mask=mask, scale=scale)
        shared, shared_lse = _flash(query, key, value, scale=scale)
        own, own_lse = (self.unpacked.packed(_as_several(rows, heads)) for rows in (own, own_lse[..., None]))
        return joined_attention.join(own, own_lse, shared.transpose(1, 2), shared_lse.transpose(1, 2)[..., None])


def _as_one(query: torch.Tensor, heads: int) -> torch.Tensor:
    """Lay heads that share keys one behind the other.

    Shape (rows, keys' heads * heads, tokens, size) becomes (rows, keys' heads, heads * tokens, size).
    """
    return query.unflatten(1, (-1, heads)).flatten(2, 3)


def _as_several(attended: torch.Tensor, heads: int) -> torch.Tensor:
    """Undo `_as_one`, with tokens before heads: shape (rows, tokens, keys' heads * heads, size)."""
    return attended.unflatten(2, (heads, -1)).permute(0, 3, 1, 2, 4).flatten(2, 3)

"""How the rows of a packed pass attend: by which of PyTorch's kernels, and in which shape it gets them.

A GPU's kernel for rows of several lengths takes them as they are (see joined_attention.py). Else they are padded, to a batch of
rows of equal length; no real token sees padding, whose outputs are dropped. On a CPU, a long prefix is not copied for each row
but attended to by all tokens at once; what this gains is in benchmarks/measured/intel-xeon-amx-attention.md.
"""

from collections.abc import Sequence

import torch
from torch.nn.functional import scaled_dot_product_attention

from mmlu_kit.evaluation import joined_attention
from mmlu_kit.evaluation.joined_attention import JoinedAttention
from mmlu_kit.evaluation.rows import Layout
from mmlu_kit.evaluation.unpacked import Rule, Unpacked

# Where attending to the prefix apart pays on a CPU: of how many tokens it is at least, and a row at most.
LONG_PREFIX, SHORT_ROWS = 256, 256
# scaled_dot_product_attention's kernel on CPUs; it returns the log-sum-exp too.
_flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


class PackedAttention:
    """Attention of the rows of questions behind a prefix of `start` tokens, which one packed line has one after the other."""

    def __init__(self, layouts: Sequence[Layout], start: int, device: torch.device) -> None:
        self.unpacked = Unpacked(layouts, start, device)
        self._start, self._lengths = start, [len(layout.ids) for layout in layouts]
        self._pays = start >= LONG_PREFIX and max(self._lengths) <= SHORT_ROWS
        self._joined: JoinedAttention | None = None
        self._own_masks: dict[tuple[Rule | None, torch.dtype], torch.Tensor | None] = {}

    def __call__(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, rule: Rule | None, scale: float | None
    ) -> torch.Tensor:
        """What `query`, of shape (1, heads, tokens, size), attends to by the rule of its layer, as (1, tokens, heads, size).

        `key` and `value` are longer by the shared prefix, and may have fewer heads.
        """
        if joined_attention.fits(query, value) and self.unpacked.is_plain(rule):
            self._joined = self._joined or JoinedAttention(self._lengths, self._start, query.device)
            return self._joined(query, key, value, scale)
        if self._pays and _fits(query, key, value) and (own := self._own_mask(rule, query.dtype)) is not None:
            return self._prefix_apart(query, key, value, own, scale)
        mask, grouped = self.unpacked.mask(rule), query.shape[1] != key.shape[1]
        rows = self.rows(query, key, value)
        attended = scaled_dot_product_attention(*rows, attn_mask=mask, is_causal=mask is None, scale=scale, enable_gqa=grouped)
        return self.unpacked.packed(attended.transpose(1, 2))

    def rows(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The padded rows' queries, of shape (questions, heads, longest, size), and keys and values, which have the prefix."""
        return self.unpacked.rows(query), self.unpacked.rows_with_prefix(key), self.unpacked.rows_with_prefix(value)

    def _own_mask(self, rule: Rule | None, dtype: torch.dtype) -> torch.Tensor | None:
        """What is added to the scores of own rows; None if a token does not see all of the prefix."""
        if (rule, dtype) not in self._own_masks:
            mask = self.unpacked.mask(rule)
            assert mask is not None  # there is a prefix
            prefix, own = mask.tensor_split([self._start], dim=-1)
            added = torch.zeros(own.shape, dtype=dtype).masked_fill(~own, -torch.inf)
            self._own_masks[rule, dtype] = added if prefix.all() else None
        return self._own_masks[rule, dtype]

    def _prefix_apart(
        self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, own_mask: torch.Tensor, scale: float | None
    ) -> torch.Tensor:
        """Attend to the own rows, padded, and all at once to the prefix."""
        prefix, own = zip(*(tensor.tensor_split([self._start], dim=2) for tensor in (key, value)), strict=True)
        rows, rows_lse = _flash(*map(self.unpacked.rows, (query, *own)), attn_mask=own_mask, scale=scale)
        shared, shared_lse = _flash(query, *prefix, scale=scale)
        attended, lse = (self.unpacked.packed(part.transpose(1, 2)) for part in (rows, rows_lse[..., None]))
        return joined_attention.join(attended, lse, shared.transpose(1, 2), shared_lse.transpose(1, 2)[..., None])


def _fits(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> bool:
    """Whether the kernel on CPUs, which does not look itself, can compute these."""
    same_size = query.shape[-1] == key.shape[-1] == value.shape[-1]
    in_lines = all(tensor.is_cpu and tensor.stride(-1) == 1 for tensor in (query, key, value))
    return same_size and in_lines and query.shape[1] % key.shape[1] == 0

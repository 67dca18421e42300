"""Attention of one packed row on a GPU, by FlashAttention's kernel for rows of several lengths: nothing is padded or copied.

Each prompt's own tokens attend to each other, and all of them to the shared prefix, which is there once. The two are joined by
their log-sum-exp, which is exact but for rounding.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.attention import varlen

LARGEST_HEAD = 256
_CAPABILITY = (8, 0)
# The largest number of tokens before and after a token that it sees: all before it, none after it.
_CAUSAL = (-1, 0)
# torch 2.11 takes grouped heads unasked.
_GROUPED = {"enable_gqa": True} if "enable_gqa" in inspect.signature(varlen.varlen_attn).parameters else {}


def fits(query: torch.Tensor, value: torch.Tensor) -> bool:
    """Whether the kernel can compute heads of this number format and these sizes on this device."""
    return (
        query.is_cuda
        and query.dtype in (torch.bfloat16, torch.float16)
        and query.shape[-1] == value.shape[-1] <= LARGEST_HEAD
        and query.shape[-1] % 8 == 0
        and torch.cuda.get_device_capability(query.device) >= _CAPABILITY
    )


class JoinedAttention:
    """Attention of prompts of these lengths behind a prefix of `start` tokens, all in one line."""

    def __init__(self, lengths: Sequence[int], start: int, device: torch.device) -> None:
        self.start, self.tokens, self.longest = start, sum(lengths), max(lengths)
        self._own = torch.tensor([0, *lengths], device=device).cumsum(0).to(torch.int32)
        self._all = torch.tensor([0, self.tokens], dtype=torch.int32, device=device)
        self._prefix = torch.tensor([0, start], dtype=torch.int32, device=device)

    def __call__(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float | None) -> torch.Tensor:
        """What `query`, of shape (1, heads, tokens, size), attends to, as (1, tokens, heads, size).

        `key` and `value` are longer by the prefix, and may have fewer heads.
        """
        options: dict[str, Any] = {"scale": scale, "return_aux": varlen.AuxRequest(lse=True), **_GROUPED}
        query, key, value = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
        rows = key[self.start :], value[self.start :], self._own, self._own, self.longest, self.longest
        own, own_lse = varlen.varlen_attn(query, *rows, window_size=_CAUSAL, **options)
        if not self.start:
            return own[None]
        prefix = key[: self.start], value[: self.start], self._all, self._prefix, self.tokens, self.start
        shared, shared_lse = varlen.varlen_attn(query, *prefix, **options)
        return join(own, own_lse.transpose(0, 1)[..., None], shared, shared_lse.transpose(0, 1)[..., None])[None]


def join(own: torch.Tensor, own_lse: torch.Tensor, shared: torch.Tensor, shared_lse: torch.Tensor) -> torch.Tensor:
    """Join what tokens attend to among their own rows and in the prefix, by the log-sum-exps of its scores.

    Those have size 1 where the others have a head's size.
    """
    share = torch.sigmoid(own_lse - shared_lse)
    # Each share is rounded by itself, as what is left of the other may be less than half precision shows beside 1.
    return torch.addcmul(own * share.to(own.dtype), shared, (1 - share).to(own.dtype))

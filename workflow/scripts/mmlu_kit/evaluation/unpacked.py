"""Packed rows unpacked for attention: one row for each question, padded on the right, and which tokens each token sees.

A model makes a mask for each kind of its layers: causal, with a sliding window, in chunks. For packed rows a `Rule` stands in
for each mask. It is evaluated on the positions of tokens in their prompts, which are not their places in the packed line.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import masking_utils

from mmlu_kit.evaluation.rows import Layout

# Takes indices of a batch, a head, queries and keys, as transformers' mask functions do.
MaskFunction = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Rule:
    """Whether a token sees another one, by their positions in a prompt: a model's rule for one kind of layers."""

    sees: MaskFunction


class Unpacked:
    """The rows of questions behind a prefix of `start` tokens, which one packed line has one after the other.

    A token sees the prefix and its own row up to itself, as far as the rule of the layer allows.
    """

    def __init__(self, layouts: Sequence[Layout], start: int, device: torch.device) -> None:
        lengths = [len(layout.ids) for layout in layouts]
        self._layouts, self._start, self._device = layouts, start, device
        self._questions, self._longest = len(layouts), max(lengths)
        # The padded place of each token, and the token in each padded place. Padding repeats its row's first token, so that a
        # value that is not finite stays in its row.
        places = [number * self._longest + place for number, length in enumerate(lengths) for place in range(length)]
        begins = itertools.accumulate(lengths[:-1], initial=0)
        rows = [[*range(begin, begin + n), *[begin] * (self._longest - n)] for begin, n in zip(begins, lengths, strict=True)]
        self._places = torch.tensor(places, device=device)
        self._rows = torch.tensor(rows, device=device)
        prefix = torch.arange(start, device=device).expand(len(rows), -1)
        self._rows_with_prefix = torch.cat([prefix, start + self._rows], dim=1)
        self._forks = any(len(layout.paths) > 1 for layout in layouts)
        self._masks: dict[Rule | None, torch.Tensor | None] = {}
        self._plain: dict[Rule | None, bool] = {}

    def rows(self, packed: torch.Tensor) -> torch.Tensor:
        """Reshape (1, heads, tokens, size) to (questions, heads, longest, size)."""
        # A query's heads lie together in memory.
        rows = packed[0].transpose(0, 1).index_select(0, self._rows.flatten())
        return rows.unflatten(0, self._rows.shape).transpose(1, 2)

    def rows_with_prefix(self, packed: torch.Tensor) -> torch.Tensor:
        """Reshape (1, heads, start + tokens, size) to (questions, heads, start + longest, size)."""
        # A head's keys lie together in a cache.
        rows = packed[0].index_select(1, self._rows_with_prefix.flatten())
        return rows.unflatten(1, self._rows_with_prefix.shape).transpose(0, 1)

    def packed(self, rows: torch.Tensor) -> torch.Tensor:
        """Reshape (questions, longest, heads, size) back to (1, tokens, heads, size); padding is dropped."""
        return rows.flatten(0, 1).index_select(0, self._places)[None]

    def mask(self, rule: Rule | None) -> torch.Tensor | None:
        """Which tokens each token sees; None if each sees all those before it. No rule is the causal one.

        The shape is (longest, start + longest) or, if a question has several rows, (questions, 1, longest, start + longest).
        Padding sees itself.
        """
        if rule not in self._masks:
            self._masks[rule] = self._mask(rule)
        return self._masks[rule]

    def is_plain(self, rule: Rule | None) -> bool:
        """Whether questions have one row each, in which each token sees all those before it."""
        if rule not in self._plain:
            self._plain[rule] = not self._forks and (rule is None or self._allowed(rule) is None)
        return self._plain[rule]

    def causal_mask(self) -> torch.Tensor:
        """A token sees all those before it: shape (longest, start + longest)."""
        return self._earlier(self._longest)

    def _mask(self, rule: Rule | None) -> torch.Tensor | None:
        allowed = self._allowed(rule) if rule else None
        if allowed is None:
            if self._forks:
                return self._earlier(self._longest) & self._own_rows()
            return self._earlier(self._longest) if self._start else None
        if not self._forks:
            return allowed  # positions go on as places do
        # Padding has the first position, of which it sees itself.
        rows = [layout.positions + [self._start] * (self._longest - len(layout.ids)) for layout in self._layouts]
        positions = torch.tensor(rows, device=self._device)
        prefix = torch.arange(self._start, device=self._device).expand(self._questions, -1)
        keys = torch.cat([prefix, positions], dim=1)
        by_position = allowed[positions[:, :, None] - self._start, keys[:, None]][:, None]
        return by_position & self._earlier(self._longest) & self._own_rows()

    def _allowed(self, rule: Rule) -> torch.Tensor | None:
        """Which positions those behind the prefix see, shape (reach - start, reach); None if all those before them."""
        if rule.sees is masking_utils.causal_mask_function:
            return None
        reach = 1 + max(position for layout in self._layouts for position in layout.positions)
        positions, first = torch.arange(reach, device=self._device), torch.tensor(0, device=self._device)
        earlier = self._earlier(reach - self._start)
        allowed = rule.sees(first, first, positions[self._start :, None], positions[None]) & earlier
        return None if torch.equal(allowed, earlier) else allowed

    def _earlier(self, length: int) -> torch.Tensor:
        return torch.ones(length, self._start + length, dtype=torch.bool, device=self._device).tril(self._start)

    def _own_rows(self) -> torch.Tensor:
        """Which tokens are in a row with each token, the prefix included: shape (questions, 1, longest, start + longest)."""
        in_row = torch.eye(self._longest, dtype=torch.bool).repeat(self._questions, 1, 1)
        for number, layout in enumerate(self._layouts):
            for path in layout.paths:
                places = torch.tensor(path)
                in_row[number, places[:, None], places] = True
        return torch.nn.functional.pad(in_row.to(self._device), (self._start, 0), value=True)[:, None]

"""Scorers for models that cannot be packed: batches of rows that the model continues from its own cache of a shared prefix.

The model computes the prefix once and its cache is copied for each row of a batch, so the cache may be of any kind: keys and
values, or the states of recurrent layers. A batch has one row of tokens for each prompt. Shorter rows are padded on the right,
behind the tokens whose logits are wanted: a causal model does not let them see it. Batches hold rows of similar length.
"""

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import torch

from mmlu_kit.evaluation import packability, packing
from mmlu_kit.evaluation.rows import Row, Rows
from mmlu_kit.models import caches, positions, transformers_model


class NotContinuable(Exception):
    """The model returns no cache of what it has read, or does not read all of it when it goes on."""


class PrefixScorer:
    """Scores rows whose first `start` tokens are those of `row`, a whole one, for which they are computed once.

    `reference` are the next-token logits after each of the last `tail` tokens of `row`, scored alone: float32, shape (tail,
    vocabulary). With `start` 0 nothing is computed beforehand, and no cache is used. A model that cannot go on from its cache
    raises NotContinuable.
    """

    # A pass over single tokens is other code in many families, and may be wrong where one over several is right.
    shortest = 2

    def __init__(self, model: torch.nn.Module, row: Sequence[int], start: int, tail: int = 1) -> None:
        self.model, self.start = model, start
        self._takes_positions = "position_ids" in inspect.signature(model.forward).parameters
        self._cache: dict[str, Any] = self._prefix(row[:start]) if start else {}
        alone = packing.score_unpacked(model, Row(tuple(row), len(row) - start if start else tail))
        self.reference = alone[-tail:].clone()
        if start:
            # What a cache loses shows most in the first tokens behind the prefix.
            first = Row(tuple(row[: start + packability.TAIL]), min(packability.TAIL, len(row) - start))
            if not packability.agree(alone[: first.outputs], self([Rows("", (first,))]), model.dtype):
                raise NotContinuable

    @torch.inference_mode()
    def __call__(self, questions: Sequence[Rows], tail: int = 0) -> torch.Tensor:
        """The next-token logits wanted of each question's rows: float32, shape (outputs, vocabulary), on the model's device.

        With `tail`, the last row of the last question has at least this many outputs.
        """
        *others, last = [row for question in questions for row in question.rows]
        rows = [*others, last._replace(outputs=max(last.outputs, tail))]
        longest = max(self.shortest, max(len(row.ids) for row in rows) - self.start)
        ids = [[*row.ids[self.start :], *[row.ids[-1]] * (longest + self.start - len(row.ids))] for row in rows]
        positions.reset_rope(self.model)
        return self._logits(rows, torch.tensor(ids, device=self.model.device))

    def _logits(self, rows: Sequence[Row], ids: torch.Tensor) -> torch.Tensor:
        """The logits wanted of rows; `ids` are their tokens behind the prefix, padded on the right."""
        end = self.start + ids.shape[1]
        kept = end - min(len(row.ids) - row.outputs for row in rows)
        logits, _ = self._continued(ids, self._copies(len(rows)), 0, kept)
        # From the end, as some families compute the logits of all tokens.
        places = [(len(row.ids) - row.outputs - end, len(row.ids) - end) for row in rows]
        return torch.cat([one[begin : last or None] for one, (begin, last) in zip(logits, places, strict=True)]).float()

    def _continued(
        self, ids: torch.Tensor, cache: dict[str, Any], offset: int, outputs: int
    ) -> tuple[torch.Tensor, dict[str, Any]]:
        """The logits after the last tokens of `ids`, which begin `offset` tokens behind the prefix, and the cache with them."""
        options: dict[str, Any] = transformers_model.last_only(self.model, outputs)
        if cache and self._takes_positions:
            # Some families count from 0 again, whatever is in the cache.
            begin = self.start + offset
            options["position_ids"] = torch.arange(begin, begin + ids.shape[1], device=ids.device).expand(ids.shape)
        output = self.model(input_ids=ids, use_cache=bool(cache), **cache, **options)
        return output.logits, {name: getattr(output, name) for name in cache}

    @torch.inference_mode()
    def _prefix(self, ids: Sequence[int]) -> dict[str, Any]:
        """The cache of the prefix, by the name of its argument."""
        positions.reset_rope(self.model)
        options = transformers_model.last_only(self.model)
        output = self.model(input_ids=torch.tensor([list(ids)], device=self.model.device), use_cache=True, **options)
        if cache := caches.of(output):
            return cache
        raise NotContinuable

    def _copies(self, rows: int) -> dict[str, Any]:
        """The prefix's cache for this many rows; layers change a cache in place, so it shares no memory with the original."""
        if not self._cache:
            return {}
        ((name, cache),) = copy.deepcopy(self._cache).items()
        chosen = torch.zeros(rows, dtype=torch.long, device=self.model.device)
        if isinstance(cache, list):  # states of shape (1, …)
            return {name: [state.index_select(0, chosen) for state in cache]}
        cache.reorder_cache(chosen)
        return {name: cache}


class StepScorer(PrefixScorer):
    """Scores rows one token at a time, many rows at once, for layers that read their state only for a single new token.

    All rows are at the same position in each step. A row that has ended is fed its padding, and nothing is read from it.
    """

    shortest = 1

    def _logits(self, rows: Sequence[Row], ids: torch.Tensor) -> torch.Tensor:
        """The logits wanted of rows; `ids` are their tokens behind the prefix, padded on the right."""
        wanted: list[list[torch.Tensor]] = [[] for _ in rows]
        cache = self._copies(len(rows))
        for step in range(ids.shape[1]):
            logits, cache = self._continued(ids[:, step : step + 1], cache, step, 1)
            for number, row in enumerate(rows):
                if len(row.ids) - row.outputs <= self.start + step < len(row.ids):
                    wanted[number].append(logits[number, -1].float())
        return torch.stack([logits for one in wanted for logits in one])

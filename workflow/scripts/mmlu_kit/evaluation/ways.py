"""The ways in which questions are computed together, the fastest first, and where each of them pays.

Whether a way is exact for a model is found by scoring (see batches.py). Whether it pays depends on lengths alone and not on
measured times, so that a resumed run has the same batches.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, Protocol

import torch

from mmlu_kit.evaluation import packability
from mmlu_kit.evaluation.manner import Together
from mmlu_kit.evaluation.packability import Limit
from mmlu_kit.evaluation.packing import PackedScorer
from mmlu_kit.evaluation.prefixes import PrefixScorer, StepScorer
from mmlu_kit.evaluation.rows import Rows
from mmlu_kit.models import positions, quantized_layers

MOST_OUTPUTS = 512  # in a batch: float32 logits over 150,000 tokens take 0.3 GB, and their logarithms as much
_PADDED = 1.25  # how much longer than its shortest row a padded batch may be
# A pass over few tokens takes as long as one over this many, in which the weights are read from memory.
_SHORT_PASS = 16


class Scorer(Protocol):
    """Scores the rows of several questions at once.

    It is made with the model, a row, the length of the prefix that all rows share with it, and the number of its last tokens
    after which `reference` has the logits that the model alone gives.
    """

    reference: torch.Tensor

    def __call__(self, questions: Sequence[Rows], tail: int = 0) -> torch.Tensor:
        """The next-token logits wanted of each question's rows: float32, shape (outputs, vocabulary)."""
        ...


class Size(NamedTuple):
    """What a question adds to a batch: tokens to compute, and tokens after which logits are wanted.

    In a padded batch, each of its `rows` has as many tokens as its longest one.
    """

    tokens: int
    outputs: int
    rows: int = 1


Groups = list[list[int]]


class Way(NamedTuple):
    """One way to compute questions together, and for how long prompts it may be tried.

    With `padding`, its batches have padded rows; see `plan`. `pays` says whether a plan is worth it, and `tokens` how many of a
    batch's tokens take the memory of one.
    """

    name: Together
    scorer: Callable[[torch.nn.Module, Sequence[int], int, int], Scorer]
    limit: Callable[[torch.nn.Module], Limit]
    pays: Callable[[Sequence[Size | None], Groups, int], bool]
    padding: float | None = None
    tokens: int = 1
    has_prefix: bool = True

    def size(self, question: Rows, start: int) -> Size:
        """What a question adds to a batch behind a prefix of `start` tokens."""
        if self.padding is None:
            return Size(question.tokens(start), question.outputs)
        return Size(question.longest - start, question.outputs, len(question.rows))


def plan(sizes: Sequence[Size | None], tokens_per_batch: float, padding: float | None = None, copied: int = 0) -> Groups:
    """Group positions in `sizes` into batches of at most `tokens_per_batch` tokens and MOST_OUTPUTS (or of a single question).

    With `padding`, rows of a batch are padded to its longest one, which is at most this many times as long as its shortest, and
    each row takes the memory of `copied` tokens more.

    Questions are sorted by their tokens, the largest last; then those without a size, each on its own. The plan covers the
    whole list, so that a resumed run has the same batches.
    """
    groups: Groups = []
    known = {position: size for position, size in enumerate(sizes) if size is not None}
    tokens = outputs = rows = shortest = 0  # of the last group
    for position, size in sorted(known.items(), key=lambda item: (item[1].tokens, item[0])):
        outputs, rows = outputs + size.outputs, rows + size.rows
        tokens = tokens + size.tokens if padding is None else rows * (size.tokens + copied)
        uneven = padding is not None and size.tokens > padding * shortest
        if not groups or uneven or tokens > tokens_per_batch or outputs > MOST_OUTPUTS:
            groups.append([])
            outputs, rows, shortest = size.outputs, size.rows, size.tokens
            tokens = size.tokens if padding is None else size.rows * (size.tokens + copied)
        groups[-1].append(position)
    return groups + [[position] for position, size in enumerate(sizes) if size is None]


def _limit(model: torch.nn.Module) -> Limit:
    """How long a prompt may be if the pass that computes it has other tokens than the prompt's."""
    config = model.config.get_text_config()
    if quantized_layers.why_alone(model):
        return Limit(0, None)  # packability.limit says why
    # Layers with an index attend to the keys with the best scores. Many scores are 0, and which of equal ones count as the best
    # depends on the length of a pass.
    switch, keys = positions.rope_switch(model), getattr(config, "index_topk", None)
    limits = [
        *([Limit(switch, f"its rotary embedding changes beyond {switch:,} tokens")] if switch else []),
        *([Limit(keys, f"its layers attend to {keys:,} keys only")] if keys else []),
    ]
    return min(limits, default=Limit(None, None))


def _always(sizes: Sequence[Size | None], groups: Groups, start: int) -> bool:
    return True


def _has_prefix(sizes: Sequence[Size | None], groups: Groups, start: int) -> bool:
    return start > 0


def _steps_pay(sizes: Sequence[Size | None], groups: Groups, start: int) -> bool:
    """Whether steps cost at most half of what each row alone does, in tokens."""
    steps = alone = 0
    for group in groups:
        known = [size for position in group if (size := sizes[position]) is not None]
        steps += max((size.tokens for size in known), default=0) * max(_SHORT_PASS, sum(size.rows for size in known))
        alone += sum(size.rows * (start + size.tokens) for size in known)
    return start > 0 and 2 * steps <= alone


def _has_large_batches(sizes: Sequence[Size | None], groups: Groups, start: int) -> bool:
    """Whether batches have four rows on average; smaller ones gain less than their padding costs."""
    rows = [sum(size.rows for position in group if (size := sizes[position])) for group in groups]
    return sum(rows) >= 4 * sum(number > 0 for number in rows)


WAYS = (
    Way("packed", PackedScorer, packability.limit, _always),
    # For models whose last layer cannot be cut, as it is used several times or attends several times.
    Way("packed", partial(PackedScorer, whole_layers=True), packability.limit, _always),
    Way("prefix", PrefixScorer, _limit, _has_prefix, padding=_PADDED),
    # A step has one token of each row, and costs the less the more rows there are.
    Way("steps", StepScorer, _limit, _steps_pay, padding=math.inf, tokens=_SHORT_PASS),
    Way("whole", PrefixScorer, _limit, _has_large_batches, padding=_PADDED, has_prefix=False),
)

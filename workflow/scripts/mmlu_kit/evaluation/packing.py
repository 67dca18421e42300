"""Exact packing of prompts: their shared prefix is computed once and their suffixes are computed in one row without padding.

The suffixes of several prompts are concatenated into one row, so that matrix products work only on real tokens. Positions
restart for each prompt, and a token attends to the shared prefix and to its own prompt up to itself. No prompt sees another,
and the output layer is applied only where logits are wanted, such as to each prompt's last token.

A question may have several rows that begin alike: its choices, or its prompt in several orders. What they share is computed
once too, and no row sees what another one has of its own.
"""

import itertools
from collections.abc import Sequence
from typing import Any

import torch
import transformers

from mmlu_kit.evaluation.rows import Layout, Row, Rows
from mmlu_kit.models import positions, transformers_model

ATTENTION = "one_prompt_at_a_time"
# Arguments of attention functions that change nothing here: positions are already in queries and keys, a window is wider than
# every packed prompt (see packability.py), and dropout is off in evaluation mode.
_IGNORED = frozenset(
    "dropout is_causal position_ids cache_position sliding_window use_cache output_attentions output_hidden_states "
    "output_router_logits past_key_values return_dict logits_to_keep".split()
)


class NotPackable(Exception):
    """This model's attention does something that packed attention does not; the message says what."""


@torch.inference_mode()
def score_unpacked(model: torch.nn.Module, row: Row) -> torch.Tensor:
    """The next-token logits wanted of one row, by the model's own attention: float32, shape (outputs, vocabulary)."""
    positions.reset_rope(model)
    ids = torch.tensor([list(row.ids)], device=model.device)
    options = transformers_model.last_only(model, row.outputs)
    return model(input_ids=ids, use_cache=False, **options).logits[0, -row.outputs :].float()


class PackedScorer:
    """Scores rows whose first `start` tokens are those of `row`, a whole one, for which they are computed once.

    `reference` are the next-token logits after each of the last `tail` tokens of `row` by the model's own attention: float32,
    shape (tail, vocabulary).
    """

    @torch.inference_mode()
    def __init__(self, model: torch.nn.Module, row: Sequence[int], start: int, tail: int = 1) -> None:
        self.model, self.start = model, start
        positions.reset_rope(model)
        ids = torch.tensor([list(row)], device=model.device)
        # Unlike a cache made for the model, this one keeps what a window has passed.
        cache = transformers.DynamicCache()
        options = {"use_cache": True, "past_key_values": cache} if start else {"use_cache": False}
        self.reference = model(input_ids=ids, **options, **transformers_model.last_only(model, tail)).logits[0, -tail:].float()
        # Copies, so that the rest of the row's cache is freed.
        self._prefix = [(layer.keys[:, :, :start].clone(), layer.values[:, :, :start].clone()) for layer in cache.layers]

    @torch.inference_mode()
    def __call__(self, questions: Sequence[Rows], tail: int = 0) -> torch.Tensor:
        """The next-token logits wanted of each question's rows: float32, shape (outputs, vocabulary), on the model's device.

        With `tail`, the last row of the last question has at least this many outputs. Raises NotPackable if the model's
        attention needs more than packed attention computes.
        """
        cache = transformers.DynamicCache()
        for layer, (keys, values) in enumerate(self._prefix):
            cache.update(keys, values, layer)
        *others, last = questions
        layouts = [*(question.laid_out(self.start) for question in others), last.laid_out(self.start, tail)]
        lengths = [len(layout.ids) for layout in layouts]
        longest, begins = max(lengths), [0, *itertools.accumulate(lengths)]
        device = self.model.device
        # Where each token goes when the line is unpacked to one row for each question, padded on the right.
        places = [number * longest + place for number, length in enumerate(lengths) for place in range(length)]
        kept = [begin + place for begin, layout in zip(begins, layouts, strict=False) for place in layout.outputs]
        # Rows of one question may want the logits after the same token.
        distinct, wanted = torch.unique(torch.tensor(kept, device=device), return_inverse=True)
        positions.reset_rope(self.model)
        original = self.model.config._attn_implementation
        self.model.set_attn_implementation(ATTENTION)
        try:
            packed = self.model(
                input_ids=torch.tensor([[token for layout in layouts for token in layout.ids]], device=device),
                position_ids=torch.tensor([[place for layout in layouts for place in layout.positions]], device=device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=distinct,
                unpacked=(len(layouts), longest),
                places=torch.tensor(places, device=device),
                mask=_mask(layouts, self.start, longest, device),
            ).logits[0]
        finally:
            self.model.set_attn_implementation(original)
        return packed.float()[wanted]


def _mask(layouts: Sequence[Layout], start: int, longest: int, device: torch.device) -> torch.Tensor | None:
    """Which tokens each token sees; None if each sees all those before it.

    The shape is (longest, start + longest) or, if a question has several rows, (questions, 1, longest, start + longest).
    """
    earlier = torch.ones(longest, start + longest, dtype=torch.bool, device=device).tril(start)
    if all(len(layout.paths) == 1 for layout in layouts):
        return earlier if start else None
    in_row = torch.eye(longest, dtype=torch.bool).repeat(len(layouts), 1, 1)  # padding sees itself
    for number, layout in enumerate(layouts):
        for path in layout.paths:
            places = torch.tensor(path)
            in_row[number, places[:, None], places] = True
    return (earlier & torch.nn.functional.pad(in_row.to(device), (start, 0), value=True))[:, None]


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Compute attention for one packed row, with transformers' attention interface.

    `query` has shape (1, heads, tokens, size); `key` and `value` are longer by the shared prefix. Returns (1, tokens, heads,
    size). Only here are prompts padded, to a batch of rows of equal length. A token attends to the prefix and to its own row up
    to itself, as far as the mask allows, so no real token sees padding; the outputs of padding are dropped. Raises NotPackable
    if the model passes a mask or an argument that may change what is attended to.
    """
    if attention_mask is not None:
        raise NotPackable("its attention has a mask of its own")
    if "unpacked" not in options:
        raise NotPackable("its layers do not pass arguments on to its attention")
    unknown = {name for name, value in options.items() if value is not None} - _IGNORED - {"unpacked", "places", "mask"}
    if unknown:
        raise NotPackable(f"its attention has an argument of its own ({min(unknown)})")
    prompts, longest = options["unpacked"]
    places = options["places"]
    start = key.shape[2] - query.shape[2]

    def rows(packed: torch.Tensor) -> torch.Tensor:
        """Reshape (1, heads, tokens, size) to (prompts, heads, longest, size)."""
        padded = packed.new_zeros(prompts * longest, packed.shape[1], packed.shape[3])
        padded[places] = packed[0].transpose(0, 1)
        return padded.view(prompts, longest, packed.shape[1], packed.shape[3]).transpose(1, 2)

    def with_prefix(packed: torch.Tensor) -> torch.Tensor:
        suffixes = rows(packed[:, :, start:])
        return torch.cat([packed[:, :, :start].expand(prompts, -1, -1, -1), suffixes], dim=2) if start else suffixes

    attended = torch.nn.functional.scaled_dot_product_attention(
        rows(query),
        with_prefix(key),
        with_prefix(value),
        attn_mask=options["mask"],
        is_causal=options["mask"] is None,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return attended.transpose(1, 2).flatten(0, 1)[places][None], None


transformers.AttentionInterface.register(ATTENTION, _attention)

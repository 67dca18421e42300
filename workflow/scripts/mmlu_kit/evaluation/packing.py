"""Exact packing of prompts: their shared prefix is computed once and their suffixes are computed in one row without padding.

The suffixes of several prompts are concatenated into one row, so that matrix products work only on real tokens. Positions
restart for each prompt, and a token attends to the shared prefix and to its own prompt up to itself. No prompt sees another,
and the output layer is applied only where logits are wanted, such as to each prompt's last token.

A question may have several rows that begin alike: its choices, or its prompt in several orders. What they share is computed
once too, and no row sees what another one has of its own.
"""

import itertools
import sys
from collections.abc import Sequence
from typing import Any

import torch
import transformers

from mmlu_kit.evaluation.last_layer import LastLayer
from mmlu_kit.evaluation.packed_attention import PackedAttention
from mmlu_kit.evaluation.rows import Row, Rows
from mmlu_kit.evaluation.unpacked import MaskFunction, Rule
from mmlu_kit.models import positions, transformers_model

ATTENTION = "one_prompt_at_a_time"
# Arguments of attention functions that change nothing here: positions are already in queries and keys, windows are in the mask,
# and dropout is off in evaluation mode.
_IGNORED = frozenset(
    "dropout is_causal position_ids cache_position sliding_window use_cache output_attentions output_hidden_states "
    "output_router_logits past_key_values return_dict logits_to_keep".split()
)
# Eager attention holds the scores of all pairs of tokens, and some copies: of so many pairs at a time, within a gigabyte.
MOST_SCORES = 2**26


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
    shape (tail, vocabulary). With `whole_layers`, the last layer computes all tokens, as the others do.
    """

    @torch.inference_mode()
    def __init__(
        self, model: torch.nn.Module, row: Sequence[int], start: int, tail: int = 1, whole_layers: bool = False
    ) -> None:
        self.model, self.start = model, start
        self._last_layer = LastLayer(None if whole_layers else model)
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
        begins = itertools.accumulate((len(layout.ids) for layout in layouts), initial=0)
        kept = [begin + place for begin, layout in zip(begins, layouts, strict=False) for place in layout.outputs]
        device = self.model.device
        # Rows of one question may want the logits after the same token.
        distinct, wanted = torch.unique(torch.tensor(kept, device=device), return_inverse=True)
        ids = torch.tensor([[token for layout in layouts for token in layout.ids]], device=device)
        positions.reset_rope(self.model)
        original = self.model.config._attn_implementation
        self.model.set_attn_implementation(ATTENTION)
        try:
            with self._last_layer.only(distinct, ids.shape[1]):
                packed = self.model(
                    input_ids=ids,
                    position_ids=torch.tensor([[place for layout in layouts for place in layout.positions]], device=device),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=distinct,
                    packed_attention=PackedAttention(layouts, self.start, device),
                    last_layer=self._last_layer,
                    implementation=original,
                ).logits[0]
        finally:
            self.model.set_attn_implementation(original)
        return packed.float()[wanted]


def _rule(
    mask_function: MaskFunction,
    attention_mask: torch.Tensor | None = None,
    allow_is_causal_skip: bool = True,
    **options: Any,
) -> Rule:
    """Return the rule of a model's layers, with transformers' mask interface; the model hands it on to them as their mask.

    Raises NotPackable if the mask depends on more than positions: on padding, or on what the model combines with it.
    """
    if not allow_is_causal_skip or (attention_mask is not None and not attention_mask.all()):
        raise NotPackable("its attention has a mask of its own")
    return Rule(mask_function)


def _attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: Rule | torch.Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    packed_attention: PackedAttention | None = None,
    last_layer: LastLayer | None = None,
    implementation: str = "",
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Compute attention for one packed row, with transformers' attention interface.

    `query` has shape (1, heads, tokens, size); `key` and `value` are longer by the shared prefix. Returns (1, tokens, heads,
    size). Arguments that change the attention go with padded rows to the model's own function. Raises NotPackable if the model
    passes a mask or an argument that is not understood.
    """
    if attention_mask is not None and not isinstance(attention_mask, Rule):
        raise NotPackable("its attention has a mask of its own")
    if packed_attention is None or last_layer is None:
        raise NotPackable("its layers do not pass arguments on to its attention")
    last_layer.attended(module)
    special = {name: option for name, option in options.items() if option is not None and name not in _IGNORED}
    if not special:
        return packed_attention(query, key, value, attention_mask, scaling), None
    unpacked, rows = packed_attention.unpacked, packed_attention.rows(query, key, value)
    mask = unpacked.mask(attention_mask)
    mask = unpacked.causal_mask() if mask is None else mask
    return unpacked.packed(_own_attention(module, rows, mask, scaling, implementation, special)), None


def _own_attention(
    module: torch.nn.Module,
    rows: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
    mask: torch.Tensor,
    scaling: float | None,
    implementation: str,
    options: dict[str, Any],
) -> torch.Tensor:
    """Compute rows by the model's own attention, with `options` of its own: shape (rows, longest, heads, size).

    A soft cap, or a sink for each head, is the same for all tokens; an argument that is not raises NotPackable.
    """
    for name, option in options.items():
        if not isinstance(option, int | float | torch.nn.Parameter):
            raise NotPackable(f"its attention has an argument of its own ({name})")
    names = vars(sys.modules[type(module).__module__])
    if implementation not in {"eager", "sdpa"} or not {"ALL_ATTENTION_FUNCTIONS", "eager_attention_forward"} <= names.keys():
        raise NotPackable(f"its attention has an argument of its own ({min(options)})")
    attention = names["ALL_ATTENTION_FUNCTIONS"].get_interface(implementation, names["eager_attention_forward"])
    mask = mask.expand(len(rows[0]), 1, -1, -1)
    if implementation == "eager":  # it adds its mask
        lowest = torch.finfo(rows[0].dtype).min
        mask = torch.zeros(mask.shape, dtype=rows[0].dtype, device=mask.device).masked_fill(~mask, lowest)
    at_a_time = max(1, MOST_SCORES // (rows[0].shape[1] * mask.shape[2] * mask.shape[3]))
    parts = zip(*(tensor.split(at_a_time) for tensor in (*rows, mask)), strict=True)
    return torch.cat([attention(module, *part, scaling=scaling, dropout=0.0, **options)[0] for part in parts])


transformers.AttentionInterface.register(ATTENTION, _attention)
transformers.AttentionMaskInterface.register(ATTENTION, _rule)

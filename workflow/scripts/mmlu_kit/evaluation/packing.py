"""Exact batching of prompts: their shared prefix is computed once and their suffixes are packed without padding.

The suffixes of several prompts are concatenated into one row, so that matrix products work only on real tokens. Positions
restart for each prompt, and a token attends to the shared prefix and to its own prompt up to itself. No prompt sees another,
and the output layer is applied only to each prompt's last token.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import transformers

ATTENTION = "one_prompt_at_a_time"
# Takes the suffixes of prompts and returns the next-token logits after each.
PrefixScorer = Callable[[Sequence[Sequence[int]]], torch.Tensor]


def shared_prefix(rows: Sequence[tuple[int, ...]]) -> int:
    """The length of the prefix that all rows share; at least one token of each row is left out of it."""
    # In lexicographic order, all rows share what the first and the last one share.
    first, last = min(rows, key=tuple), max(rows, key=tuple)
    longest = min(len(row) for row in rows) - 1
    return next((place for place in range(longest) if first[place] != last[place]), longest)


def plan(lengths: Sequence[int], tokens_per_batch: int) -> list[list[int]]:
    """Group positions in `lengths` into batches of at most `tokens_per_batch` tokens (or of a single longer prompt).

    Prompts are sorted by length, the longest last. The plan covers the whole list, so that a resumed run has the same batches.
    """
    groups: list[list[int]] = []
    room = 0
    for position in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if not groups or lengths[position] > room:
            groups.append([])
            room = tokens_per_batch
        groups[-1].append(position)
        room -= lengths[position]
    return groups


def can_pack(model: torch.nn.Module) -> bool:
    """Whether packing is exact for this model: plain causal attention in every layer, and no rounding across tokens.

    bitsandbytes' 8-bit products choose outlier columns from all tokens of a call, so other prompts in the row would change a
    score.
    """
    config = model.config.get_text_config()
    plain = all(kind == "full_attention" for kind in getattr(config, "layer_types", None) or ())
    windowed = getattr(config, "sliding_window", None) and getattr(config, "use_sliding_window", True)
    switchable = getattr(model, "_supports_sdpa", False) and getattr(model, "_supports_attention_backend", False)
    in_8_bits = any(parameter.dtype == torch.int8 for parameter in model.parameters())
    return bool(switchable and plain and not windowed and not in_8_bits)


@torch.inference_mode()
def score_unpacked(model: torch.nn.Module, row: Sequence[int]) -> torch.Tensor:
    """Next-token logits after one row of token ids, by the model's own attention: float32, shape (1, vocabulary)."""
    ids = torch.tensor([list(row)], device=model.device)
    return model(input_ids=ids, logits_to_keep=1, use_cache=False).logits[0].float()


@torch.inference_mode()
def prefix_scorer(model: torch.nn.Module, prefix: Sequence[int]) -> PrefixScorer:
    """Compute the shared prefix once and return a function that scores suffixes of prompts, at least one token each.

    The function returns next-token logits after each prompt: float32, shape (prompts, vocabulary), on the model's device.
    """
    prefix_cache: list[tuple[torch.Tensor, torch.Tensor]] = []
    if prefix:
        ids = torch.tensor([list(prefix)], device=model.device)
        cache = model(input_ids=ids, use_cache=True, logits_to_keep=1).past_key_values
        prefix_cache = [(layer.keys, layer.values) for layer in cache.layers]

    @torch.inference_mode()
    def logits(suffixes: Sequence[Sequence[int]]) -> torch.Tensor:
        cache = transformers.DynamicCache()
        for layer, (keys, values) in enumerate(prefix_cache):
            cache.update(keys, values, layer)
        lengths = [len(suffix) for suffix in suffixes]
        longest, start = max(lengths), len(prefix)
        device = model.device
        # Where each token goes when the row is unpacked to one row per prompt, padded on the right.
        within = torch.cat([torch.arange(length) for length in lengths])
        rows = torch.repeat_interleave(torch.arange(len(suffixes)), torch.tensor(lengths))
        original = model.config._attn_implementation
        model.set_attn_implementation(ATTENTION)
        try:
            packed = model(
                input_ids=torch.tensor([[token for suffix in suffixes for token in suffix]], device=device),
                position_ids=(start + within)[None].to(device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=torch.tensor(lengths, device=device).cumsum(0) - 1,
                unpacked=(len(suffixes), longest),
                places=(rows * longest + within).to(device),
                mask=torch.ones(longest, start + longest, dtype=torch.bool, device=device).tril(start) if start else None,
            ).logits[0]
        finally:
            model.set_attn_implementation(original)
        return packed.float()

    return logits


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
    to itself, so no real token sees padding; the outputs of padding are dropped.
    """
    prompts, longest = options["unpacked"]
    places = options["places"]
    start = key.shape[2] - query.shape[2]

    def rows(packed: torch.Tensor) -> torch.Tensor:
        """Reshape (1, heads, tokens, size) to (prompts, heads, longest, size)."""
        padded = packed.new_zeros(prompts * longest, packed.shape[1], packed.shape[3])
        padded[places] = packed[0].transpose(0, 1)
        return padded.view(prompts, longest, packed.shape[1], packed.shape[3]).transpose(1, 2)

    def with_prefix(packed: torch.Tensor) -> torch.Tensor:
        own = rows(packed[:, :, start:])
        return torch.cat([packed[:, :, :start].expand(prompts, -1, -1, -1), own], dim=2) if start else own

    attended = torch.nn.functional.scaled_dot_product_attention(
        rows(query),
        with_prefix(key),
        with_prefix(value),
        attn_mask=options["mask"],
        is_causal=not start,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return attended.transpose(1, 2).flatten(0, 1)[places][None], None


transformers.AttentionInterface.register(ATTENTION, _attention)

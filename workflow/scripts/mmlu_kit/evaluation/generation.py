"""Greedy generation of an answer."""

from collections.abc import Sequence
from typing import Any

import torch
import transformers

from mmlu_kit.models import number_formats, positions
from mmlu_kit.user_errors import UserError


class NotFinite(UserError):
    """The model's output is not finite."""


@torch.inference_mode()
def greedy(
    model: torch.nn.Module, ids: Sequence[int], max_new_tokens: int, tokenizer: Any, end_id: int | None = None
) -> list[int]:
    """The tokens that the model generates greedily after `ids`, up to its end token, `end_id` or `max_new_tokens`.

    Where they cross a switch of rotary frequencies, each is computed from all those before it, as a cache would have the
    frequencies of both sides. Output that is not finite raises NotFinite; transformers would take any token for the most
    probable one.
    """
    configured = model.generation_config.eos_token_id
    switch = positions.rope_switch(model)
    crosses = switch is not None and len(ids) <= switch < len(ids) + max_new_tokens
    ends = {*(configured if isinstance(configured, list) else [configured]), end_id} - {None}
    positions.reset_rope(model)

    def check(tokens: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        if not torch.isfinite(logits).all():
            raise NotFinite(number_formats.not_finite(model))
        return logits

    prompt = torch.tensor([list(ids)], device=model.device)
    written = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        use_cache=not crosses,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(ends) or None,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
        logits_processor=transformers.LogitsProcessorList([check]),
    )
    tokens = list(written[0, len(ids) :].tolist())
    # The tokenizer does not leave out a template's mark that is not special.
    return tokens[:-1] if end_id is not None and tokens[-1] == end_id else tokens

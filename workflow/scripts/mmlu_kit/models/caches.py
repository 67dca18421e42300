"""The caches of models, and how many tokens a model reads at once when it goes on from one."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch

from mmlu_kit.models import transformers_model

# What models call their cache, in their outputs and in their arguments.
_NAMES = ("past_key_values", "cache_params", "state")

Cache = dict[str, Any]  # by the name of its argument


def of(output: Any) -> Cache:
    """Return the cache in a model's output, by the name of its argument; empty if there is none."""
    return next(({name: getattr(output, name)} for name in _NAMES if getattr(output, name, None) is not None), {})


@torch.inference_mode()
def read(
    model: torch.nn.Module, ids: Sequence[int], cache: Cache, start: int, outputs: int = 1, use_cache: bool = True
) -> tuple[torch.Tensor, Cache]:
    """Return the logits after the last `outputs` tokens of `ids`, shape (outputs, vocabulary), and the cache with all of them.

    `cache` has the `start` tokens before `ids`; it may be changed in place.
    """
    inputs = torch.tensor([list(ids)], device=model.device)
    options: dict[str, Any] = transformers_model.last_only(model, outputs)
    if cache and "position_ids" in inspect.signature(model.forward).parameters:
        # Some families count from 0 again, whatever is in the cache.
        options["position_ids"] = torch.arange(start, start + len(ids), device=inputs.device)[None]
    output = model(input_ids=inputs, use_cache=use_cache, **cache, **options)
    return output.logits[0, -outputs:], of(output) if use_cache else {}

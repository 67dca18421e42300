"""How many tokens a model reads at once behind its cache, so that its replies stay those of the whole prompt.

Some families forget their state when several tokens come at once, and some have no cache that can be passed on. Classes do not
tell, so a few tokens are read in each way.
"""

import torch

from mmlu_kit.evaluation import packability
from mmlu_kit.models import caches, positions

STEP = 128  # a reply can be stopped between two steps
_BEFORE, _BEHIND = 16, packability.TAIL


def longest_step(model: torch.nn.Module) -> int:
    """Return the largest number of tokens that the model reads exactly behind its cache: STEP, 1, or 0 if none."""
    rows = model.get_input_embeddings().weight.shape[0]
    ids = [rows * number // (_BEFORE + _BEHIND) for number in range(_BEFORE + _BEHIND)]
    positions.reset_rope(model)
    expected, _ = caches.read(model, ids, {}, 0, _BEHIND, use_cache=False)
    for step in (STEP, 1):
        try:
            logits = _continued(model, ids, step)
        except Exception:  # whatever the code of a model's class raises
            continue
        if logits is not None and packability.agree(expected.float(), logits.float(), model.dtype):
            return step
    return 0


def _continued(model: torch.nn.Module, ids: list[int], step: int) -> torch.Tensor | None:
    """The logits after the last tokens of `ids`, read behind the cache of those before; None if there is no cache."""
    _, cache = caches.read(model, ids[:_BEFORE], {}, 0)
    parts = []
    for start in range(_BEFORE, len(ids), step):
        if not cache:
            return None
        part = ids[start : start + step]
        logits, cache = caches.read(model, part, cache, start, len(part))
        parts.append(logits)
    return torch.cat(parts)

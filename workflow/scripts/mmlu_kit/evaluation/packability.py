"""Whether packing is exact for a model and its prompts: what its configuration says, and a comparison of scores.

Classes' flags are not trusted, so a long prompt is scored both ways: packed, and alone by the model's own attention.
"""

from typing import NamedTuple

import torch

from mmlu_kit.models import positions, quantized_layers

# The mean difference between two ways to compute log-probabilities that rounding explains, in nats. With
# SmolLM2-135M-Instruct, passes of different lengths differ by 8e-6 in float32, 0.1 in bfloat16 and 0.016 in float16 (median of
# 100 questions), attention logits that are 10 % too large by 0.24.
ROUNDING = {torch.float32: 1e-4, torch.bfloat16: 0.2, torch.float16: 0.05}
# Over how many tokens of a prompt, and how many of the most probable next tokens after each, the difference is averaged.
TAIL, NEXT = 8, 20
_PACKED_LAYERS = {"full_attention", "sliding_attention", "chunked_attention"}


class Limit(NamedTuple):
    """The longest prompt that may be packed, in tokens (None: any; 0: none), and why longer ones may not."""

    tokens: int | None
    reason: str | None

    def allows(self, length: int) -> bool:
        """Whether a prompt of this many tokens may be packed."""
        return self.tokens is None or length <= self.tokens


def limit(model: torch.nn.Module) -> Limit:
    """How long a prompt may be packed, as far as the model's configuration says."""
    config = model.config.get_text_config()
    if not getattr(model, "_supports_attention_backend", False):
        return Limit(0, "its attention cannot be replaced")
    if reason := quantized_layers.why_alone(model):
        return Limit(0, reason)
    others = sorted(set(getattr(config, "layer_types", None) or ()) - _PACKED_LAYERS)
    if others:
        return Limit(0, f"it has layers of another kind ({others[0]})")
    switch = positions.rope_switch(model)
    return Limit(switch, f"its rotary embedding changes beyond {switch:,} tokens") if switch else Limit(None, None)


def agree(reference: torch.Tensor, packed: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether packed logits are those of the model's own attention, but for what rounding in `dtype` explains.

    Both have shape (tokens, vocabulary).
    """
    expected = torch.log_softmax(reference, dim=-1)
    if not expected.isfinite().all():
        return True  # reported with the question's name later
    likely = expected.topk(min(NEXT, expected.shape[-1])).indices
    apart = (torch.log_softmax(packed, dim=-1) - expected).gather(-1, likely).abs().mean()
    return float(apart) <= ROUNDING.get(dtype, max(ROUNDING.values()))

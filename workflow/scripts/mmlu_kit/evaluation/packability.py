"""Whether packing is exact for a model and its prompts: what its configuration says, and a comparison of scores.

Classes' flags are not trusted, so a long prompt is scored both ways: packed, and alone by the model's own attention.
"""

from typing import NamedTuple

import torch

from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.models import positions

# The largest difference between two ways to compute a log-probability that rounding explains, in nats. Measured with
# SmolLM2-135M-Instruct on 100 questions: at most 4e-5 in float32, 0.57 in bfloat16 and 0.08 in float16. In bfloat16, padding a
# prompt alone moves them as much.
ROUNDING = {torch.float32: 1e-3, torch.bfloat16: 0.75, torch.float16: 0.15}
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
    if any(type(module).__name__ == "Linear8bitLt" for module in model.modules()):
        # They choose outlier columns from all tokens of a call.
        return Limit(0, "bitsandbytes' 8-bit products depend on what else is in the batch")
    others = sorted(set(getattr(config, "layer_types", None) or ()) - _PACKED_LAYERS)
    if others:
        return Limit(0, f"it has layers of another kind ({others[0]})")
    window, switch = positions.window(model), positions.rope_switch(model)
    limits = [
        *([Limit(window, f"its attention window is {window:,} tokens")] if window else []),
        *([Limit(switch, f"its rotary embedding changes beyond {switch:,} tokens")] if switch else []),
    ]
    return min(limits, default=Limit(None, None))


def difference(own: torch.Tensor, packed: torch.Tensor, prompt: Prompt, dtype: torch.dtype) -> str | None:
    """Compare a prompt's logits by the model's own attention with packed ones: say how they differ, None if they agree.

    Both have shape (vocabulary). They agree if the log-probabilities of the letters and of the most probable token differ by no
    more than rounding in `dtype` explains.
    """
    expected = torch.log_softmax(own, dim=-1)
    tokens = [*prompt.letter_ids, int(own.argmax())]
    apart = (torch.log_softmax(packed, dim=-1) - expected)[tokens].abs().nan_to_num(torch.inf)
    # A model whose own output is not finite is reported with the question's name later.
    largest = float(apart.max()) if expected.isfinite().all() else 0.0
    if largest <= ROUNDING.get(dtype, max(ROUNDING.values())):
        return None
    return f"packed scores differ from its own by {largest:.2g} nats"

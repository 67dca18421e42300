"""A model's replies, greedy or sampled, and streamed, with a KV cache that is kept from one prompt to the next.

The prefix shared with the previous prompt and reply is reused from the cache. In exact arithmetic this cannot change a reply,
and in float32 it does not change a greedy one. Where a family's cache would change one (see steps.py), less is reused, or
nothing.
"""

import time
from collections.abc import Callable, Collection, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from mmlu_kit.chat import steps
from mmlu_kit.chat.views import Sampling
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.models import caches, number_formats, positions, transformers_model
from mmlu_kit.models.caches import Cache
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Reply:
    """The tokens and times of one reply.

    `ids` are its tokens without the end token; `ended` is 'end' (by the model itself), 'length' or 'interrupted';
    `first_token_s` is None if the reply was stopped before its first token.
    """

    prompt_tokens: int
    cached_tokens: int
    new_tokens: int
    first_token_s: float | None
    total_s: float
    ended: Literal["end", "length", "interrupted"]
    ids: tuple[int, ...]


class Replier:
    """Generates the replies of a loaded `transformers` causal language model with its tokenizer's chat template."""

    def __init__(self, model: Any, template: ChatTemplate) -> None:
        self.model, self.template, self.tokenizer = model, template, template.tokenizer
        self._last: Reply | None = None
        self._ends = end_ids(model, template)
        self._switch = positions.rope_switch(model)
        self._step = steps.longest_step(model)
        self.forget()

    @property
    def last(self) -> Reply:
        """The tokens and times of the newest reply; there must be one."""
        assert self._last is not None
        return self._last

    def forget(self) -> None:
        """Drop the cache, so that the next reply is computed from its prompt alone."""
        self._cache: Cache = {}
        self._ids: list[int] = []

    def reply(
        self,
        ids: Sequence[int],
        max_new_tokens: int,
        stop: Collection[int] = (),
        cold: bool = False,
        sampling: Sampling | None = None,
    ) -> Generator[str, None, None]:
        """Yield the reply to a prompt piece by piece (a piece may be empty); afterwards `last` describes it.

        The reply ends at the model's end tokens, at a token in `stop`, or after `max_new_tokens`. The generator may be closed
        at any piece; the cache stays valid. Without `sampling` the reply is greedy. With `cold` the cache is dropped first.
        Raises UserError if memory runs out, the model's output is not finite, or the model has no embedding for a token.
        """
        started = time.perf_counter()
        transformers_model.check_tokens(self.model, self.tokenizer, ids)
        # Beyond this length all positions are others, so nothing that was computed on the other side is valid.
        changes = self._switch is not None and max(len(ids), len(self._ids)) > self._switch
        if cold or changes:
            self.forget()
        # The last token is always computed: its logits give the reply's first token.
        cached = self._keep(shared_prefix(self._ids, ids[:-1]))
        if cached and self._step < min(len(ids) - cached, steps.STEP):
            self.forget()
            cached = 0
        choose = chooser(sampling)
        new: list[int] = []
        text = Text(self.tokenizer)
        first_token_s: float | None = None
        ended: Literal["end", "length", "interrupted"] = "interrupted"
        try:
            step = len(ids) if changes or self._step < steps.STEP else steps.STEP
            for start in range(cached, len(ids), step):
                if start > cached:
                    yield ""
                logits = self._next(ids[start : start + step])
            while len(new) < max_new_tokens:
                token = choose(logits)
                first_token_s = first_token_s or time.perf_counter() - started
                if token in self._ends or token in stop:
                    ended = "end"
                    break
                new.append(token)
                yield text.add(token)
                if len(new) < max_new_tokens:
                    if not self._step or len(ids) + len(new) - 1 == self._switch:
                        self.forget()
                        logits = self._next([*ids, *new])
                    else:
                        logits = self._next([token])
            else:
                ended = "length"
            yield text.rest()
        finally:
            total_s = time.perf_counter() - started
            self._last = Reply(len(ids), cached, len(new), first_token_s, total_s, ended, tuple(new))

    def _next(self, ids: Sequence[int]) -> torch.Tensor:
        """The logits after `ids`, which follow the tokens in the cache."""
        cache, cached_ids = self._cache, self._ids
        # An interrupted computation leaves layers of different lengths, so the cache is valid only once it is done.
        self.forget()
        if not cache:
            positions.reset_rope(self.model)
        try:
            logits, cache = caches.read(self.model, ids, cache, len(cached_ids), use_cache=self._step > 0)
        except torch.OutOfMemoryError as error:
            raise UserError(
                "the chat no longer fits the device's memory: /clear it, or choose a strategy that shows less of it"
            ) from error
        if not torch.isfinite(logits).all():
            raise UserError(number_formats.not_finite(self.model))
        if cache:
            self._cache, self._ids = cache, [*cached_ids, *ids]
        return logits[-1]

    def _keep(self, length: int) -> int:
        """Cut the cache to its first `length` tokens and return how many are left: none if it cannot be cut."""
        surplus = len(self._ids) - length
        if length == 0 or (surplus and not crop(self._cache, surplus)):
            self.forget()
        elif surplus:
            del self._ids[length:]
        return len(self._ids)


class Text:
    """Decodes tokens one by one: yields only complete characters, with spaces as in the complete text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._returned = ""  # the part of these tokens' text that was returned already

    def add(self, token: int) -> str:
        """The text that a token adds; empty while some of a character's bytes are missing."""
        self._ids.append(token)
        text = self._decoded()
        if text.endswith("\ufffd"):
            return ""
        piece = text[len(self._returned) :]
        # Some tokenizers drop a space at the start of a text, so the last token is kept in front of the next ones.
        self._ids = self._ids[-1:]
        self._returned = self._decoded()
        return piece

    def rest(self) -> str:
        """The rest at the end of the text: bytes that do not form a character."""
        return self._decoded()[len(self._returned) :]

    def _decoded(self) -> str:
        return self._tokenizer.decode(self._ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def chooser(sampling: Sampling | None) -> Callable[[torch.Tensor], int]:
    """Return what chooses a reply's tokens, one after another, from their logits; without `sampling` the likeliest ones."""
    if sampling is None:
        return lambda logits: int(logits.argmax())
    # On the CPU the same seed draws the same numbers whatever device the model is on.
    generator = torch.Generator().manual_seed(sampling["seed"])

    def draw(logits: torch.Tensor) -> int:
        scores = logits.cpu().double()
        # With the largest at 0, the lowest temperature cannot make a score infinite.
        probabilities = torch.softmax((scores - scores.max()) / sampling["temperature"], dim=-1)
        return int(torch.multinomial(probabilities, 1, generator=generator))

    return draw


def shared_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """The length of the prefix that two sequences share."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def end_ids(model: Any, template: ChatTemplate) -> frozenset[int]:
    """The tokens that end a reply: of the model's generation settings, of its tokenizer, and of its chat template."""
    configured = model.generation_config.eos_token_id
    ends = configured if isinstance(configured, list | tuple) else [configured]
    return frozenset(end for end in [*ends, template.tokenizer.eos_token_id, template.end_id()] if end is not None)


def crop(cache: Cache, tokens: int) -> bool:
    """Cut the last tokens off a cache; False if it cannot be cut, as its layers keep only a window or a summary of the past."""
    (keys_and_values,) = cache.values()
    layers = getattr(keys_and_values, "layers", [])
    if not layers or not all(layer.is_croppable and not getattr(layer, "is_sliding", False) for layer in layers):
        return False
    try:
        keys_and_values.crop(-tokens)
    except RuntimeError:  # some layers promise it and cannot
        return False
    return True

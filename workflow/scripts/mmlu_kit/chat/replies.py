"""A model's replies, greedy and streamed, with a KV cache that is kept from one prompt to the next.

The prefix shared with what the model computed last is reused from the cache. In exact arithmetic the reply would be the same
as from a cold start; in float32 it is.
"""

import time
from collections.abc import Collection, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from mmlu_kit.user_errors import UserError

# Tokens of a prompt that are computed at a time: between two of these steps a reply can be stopped.
STEP = 128


@dataclass(frozen=True)
class Reply:
    """What one reply took: `ids` are its tokens without the one that ended it, `ended` is 'end' (by the model itself),
    'length' or 'interrupted'; `first_token_s` is None where there was none."""

    prompt_tokens: int
    cached_tokens: int
    new_tokens: int
    first_token_s: float | None
    total_s: float
    ended: Literal["end", "length", "interrupted"]
    ids: tuple[int, ...]


class Replier:
    """Replies of one loaded model, a `transformers` causal language model, by its tokenizer."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer
        self._last: Reply | None = None
        self._ends = end_ids(model, tokenizer)
        self.forget()

    @property
    def last(self) -> Reply:
        """What the newest reply took; there must be one."""
        assert self._last is not None
        return self._last

    def forget(self) -> None:
        """Drop the cache: the next reply is computed from its prompt alone."""
        self._cache: Any = None
        self._ids: list[int] = []

    def reply(
        self, ids: Sequence[int], max_new_tokens: int, stop: Collection[int] = (), cold: bool = False
    ) -> Generator[str, None, None]:
        """Yield the reply to a prompt piece by piece; a piece may be empty. Then `last` says what it took.

        It ends at the model's own end tokens, at a token of `stop`, or after `max_new_tokens`. The generator may be closed
        at any piece: the cache stays right. With `cold` the cache is dropped first.
        """
        started = time.perf_counter()
        if cold:
            self.forget()
        # The last token is always computed: its logits give the reply's first token.
        cached = self._keep(shared_prefix(self._ids, ids[:-1]))
        new: list[int] = []
        text = Text(self.tokenizer)
        first: float | None = None
        ended: Literal["end", "length", "interrupted"] = "interrupted"
        try:
            for begin in range(cached, len(ids), STEP):
                if begin > cached:
                    yield ""
                logits = self._next(ids[begin : begin + STEP])
            while len(new) < max_new_tokens:
                token = int(logits.argmax())
                first = first or time.perf_counter() - started
                if token in self._ends or token in stop:
                    ended = "end"
                    break
                new.append(token)
                yield text.add(token)
                if len(new) < max_new_tokens:
                    logits = self._next([token])
            else:
                ended = "length"
            yield text.rest()
        finally:
            total = time.perf_counter() - started
            self._last = Reply(len(ids), cached, len(new), first, total, ended, tuple(new))

    def _next(self, ids: Sequence[int]) -> torch.Tensor:
        """The logits after `ids`, which come after what the cache has."""
        cache, known = self._cache, self._ids
        # A computation that breaks off leaves layers of different lengths: the cache counts again once it is done.
        self.forget()
        try:
            with torch.inference_mode():
                inputs = torch.tensor([list(ids)], device=self.model.device)
                output = self.model(input_ids=inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        except torch.OutOfMemoryError as error:
            raise UserError(
                "the chat no longer fits the device's memory: /clear it, or choose a strategy that shows less of it"
            ) from error
        self._cache, self._ids = output.past_key_values, [*known, *ids]
        return output.logits[0, -1]

    def _keep(self, length: int) -> int:
        """Cut the cache to its first `length` tokens and return how many it has then: none where it cannot be cut."""
        surplus = len(self._ids) - length
        if length == 0 or (surplus and not croppable(self._cache)):
            self.forget()
        elif surplus:
            self._cache.crop(-surplus)
            del self._ids[length:]
        return len(self._ids)


class Text:
    """The text of tokens that come one by one: whole characters only, with spaces as in the whole text."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._ids: list[int] = []
        self._returned = ""  # what of these tokens' text was returned already

    def add(self, token: int) -> str:
        """The text that a token adds; empty while some of a character's bytes are missing."""
        self._ids.append(token)
        text = self._decoded()
        if text.endswith("\ufffd"):
            return ""
        piece = text[len(self._returned) :]
        # Some tokenizers drop a space at the very beginning of a text, so one token is kept before the next ones.
        self._ids = self._ids[-1:]
        self._returned = self._decoded()
        return piece

    def rest(self) -> str:
        """What is left at the end of the text: bytes that became no character."""
        return self._decoded()[len(self._returned) :]

    def _decoded(self) -> str:
        return self._tokenizer.decode(self._ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def shared_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    return next((place for place, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """The tokens that end a reply, by the model's generation settings and by its tokenizer."""
    configured = model.generation_config.eos_token_id
    ends = configured if isinstance(configured, list | tuple) else [configured]
    return frozenset(end for end in [*ends, tokenizer.eos_token_id] if end is not None)


def croppable(cache: Any) -> bool:
    """Whether the end of a cache can be cut off. Not where a layer keeps a window of the past only, or a sum of it."""
    layers = getattr(cache, "layers", [])
    return bool(layers) and all(layer.is_croppable and not getattr(layer, "is_sliding", False) for layer in layers)

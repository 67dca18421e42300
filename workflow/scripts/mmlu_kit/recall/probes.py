"""What a reader is shown of each conversation under each strategy, and what it replies.

A probe is one trial under one strategy: the view of its log as tokens. Nothing here measures time; everything is the same on
every run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from mmlu_kit import files
from mmlu_kit.chat import replies, views
from mmlu_kit.evaluation import encoding
from mmlu_kit.recall import judging, oracle
from mmlu_kit.recall.conversations import Material, Trial
from mmlu_kit.user_errors import UserError

BATCH = 16  # prompts; what a killed run loses at most


@dataclass(frozen=True)
class Probe:
    """A view's prompt. `trial` is the trial's place in their list, `left_out` the turns not shown.

    `before` is what the key-value cache holds when the probe is asked: the prompt of the turn before under the same
    strategy, and the reply to it; `cached` is how many of the probe's first tokens are in it.
    """

    trial: int
    strategy: str
    ids: tuple[int, ...]
    before: tuple[int, ...]
    cached: int
    left_out: int
    in_context: bool
    stale_in_context: bool


def probes(trials: Sequence[Trial], strategies: Sequence[views.Strategy], tokenizer: Any, limit: int | None) -> list[Probe]:
    """Every trial under every strategy; `limit` is the longest prompt in tokens. One that cannot hold even the system
    message and the question is a UserError."""

    @cache
    def ids(said: tuple[tuple[str, str], ...]) -> tuple[int, ...]:
        return tuple(encoding.prompt_ids([{"role": role, "content": text} for role, text in said], tokenizer))

    def prompt(shown: Sequence[views.Message]) -> tuple[int, ...]:
        return ids(tuple((message["role"], message["content"]) for message in shown))

    found = []
    for number, trial in enumerate(trials):
        for strategy in strategies:
            try:
                view = views.view(trial.messages, strategy, lambda shown: len(prompt(shown)), limit)
                earlier = views.view(trial.messages[:-2], strategy, lambda shown: len(prompt(shown)), limit)
            except views.PromptTooLong as error:
                raise UserError(
                    f"strategy {strategy}: {error.tokens} tokens are needed at least, and it has {error.room}"
                ) from None
            said = tokenizer(trial.messages[-2]["content"], add_special_tokens=False, split_special_tokens=True)["input_ids"]
            before, asked = (*prompt(earlier.messages), *said), prompt(view.messages)
            shared = replies.shared_prefix(before, asked)
            states = [trial.states(view.messages, value) for value in (trial.value, trial.stale)]
            found.append(Probe(number, str(strategy), asked, before, shared, view.left_out, *states))
        ids.cache_clear()  # trials share no views
    return found


def distinct(asked: Iterable[Probe]) -> list[tuple[int, ...]]:
    """The prompts of all probes, each once; neighbours begin alike, so that a cache holds what they share."""
    return sorted({probe.ids for probe in asked})


def answers(
    prompts: Sequence[tuple[int, ...]],
    replier: Any,
    max_new_tokens: int,
    kept: Mapping[int, list[dict]] = MappingProxyType({}),
    done: Callable[[int, list[dict]], None] = lambda number, replies: None,
) -> dict[tuple[int, ...], str]:
    """A model's greedy reply to each prompt, by its tokens.

    They are asked in batches, each from an empty cache. `done` is told of each new batch, its number and [{text}]; `kept` has
    those of an earlier run.
    """
    found = {}
    for number, begin in enumerate(range(0, len(prompts), BATCH)):
        batch = prompts[begin : begin + BATCH]
        if number not in kept:
            replier.forget()
            said = [{"text": "".join(replier.reply(list(ids), max_new_tokens))} for ids in batch]
            done(number, said)
        found.update(zip(batch, (one["text"] for one in kept.get(number) or said), strict=True))
    return found


def looked_up(asked: Iterable[Probe], tokenizer: Any, material: Material) -> dict[tuple[int, ...], str]:
    """The oracle's reply to each prompt, by its tokens: it reads exactly what the model is given."""
    return {ids: oracle.reply(tokenizer.decode(list(ids)), material) for ids in {probe.ids for probe in asked}}


def described(trial: Trial) -> dict[str, Any]:
    """A trial as results have it: its messages follow from the seed, so their hash is enough."""
    kept = {key: value for key, value in asdict(trial).items() if key != "messages"}
    text = "\n".join(f"{message['role']}: {message['content']}" for message in trial.messages)
    turns = sum(message["role"] == "user" for message in trial.messages)
    return {**kept, "turns": turns, "messages_sha256": files.sha256(text)}


def record(probe: Probe, trial: Trial, said: dict[str, str], material: Material) -> dict:
    """A probe with the replies to it, by reader, and what they say."""
    return {
        "trial": probe.trial,
        "strategy": probe.strategy,
        "in_context": probe.in_context,
        "stale_in_context": probe.stale_in_context,
        "left_out": probe.left_out,
        "prompt_tokens": len(probe.ids),
        "cached_tokens": probe.cached,
        "replies": {
            reader: {
                "text": text,
                "outcome": judging.outcome(text, trial, material),
                "rule_kept": judging.keeps_rule(text, trial.word) if trial.word else None,
            }
            for reader, text in said.items()
        },
    }

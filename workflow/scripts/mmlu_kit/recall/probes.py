"""What a reader is shown of each conversation under each strategy, and what it replies.

A probe is one trial under one strategy: the view of its log as tokens. Nothing here measures time; everything is the same on
every run.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from mmlu_kit import files
from mmlu_kit.chat import replies, views
from mmlu_kit.chat.replies import Replier
from mmlu_kit.chat.views import Message, Strategy
from mmlu_kit.evaluation import encoding
from mmlu_kit.recall import judging, oracle
from mmlu_kit.recall.conversations import Material, Trial
from mmlu_kit.recall.documents import ProbeRecord, Replies, ReplyRecord, TrialRecord
from mmlu_kit.user_errors import UserError

BATCH = 16  # prompts; what a killed run loses at most
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Probe:
    """A view's prompt. `trial` is the trial's place in their list, `left_out` the turns not shown.

    `before` is what the KV cache holds when the probe is asked: the prompt of the turn before under the same strategy, and
    the reply to it; `cached` is how many of the probe's first tokens are in it.
    """

    trial: int
    strategy: str
    ids: Ids
    before: Ids
    cached: int
    left_out: int
    in_context: bool
    stale_in_context: bool


def probes(trials: Sequence[Trial], strategies: Sequence[Strategy], tokenizer: Any, limit: int | None) -> list[Probe]:
    """Every trial under every strategy; `limit` is the longest prompt in tokens.

    A strategy that cannot hold even the system message and the question raises UserError.
    """
    made = []
    for number, trial in enumerate(trials):
        ids = _cached_ids(tokenizer)  # of one trial alone, as trials share no views
        made += [_probe(number, trial, strategy, ids, tokenizer, limit) for strategy in strategies]
    return made


def distinct(probes: Iterable[Probe]) -> list[Ids]:
    """The prompts of all probes, each once; neighbours begin alike, so that a cache holds what they share."""
    return sorted({probe.ids for probe in probes})


def answers(
    prompts: Sequence[Ids],
    replier: Replier,
    max_new_tokens: int,
    kept: Mapping[int, Sequence[str]] = MappingProxyType({}),
    done: Callable[[int, Sequence[str]], None] = lambda number, texts: None,
) -> dict[Ids, str]:
    """A model's greedy reply to each prompt, by its tokens.

    They are asked in batches, each from an empty cache. `done` is called with the number and the replies of each new batch;
    `kept` has those of an earlier run.
    """
    texts: dict[Ids, str] = {}
    for number, begin in enumerate(range(0, len(prompts), BATCH)):
        batch = prompts[begin : begin + BATCH]
        if number in kept:
            new = kept[number]
        else:
            replier.forget()
            new = ["".join(replier.reply(list(ids), max_new_tokens)) for ids in batch]
            done(number, new)
        texts.update(zip(batch, new, strict=True))
    return texts


def oracle_answers(prompts: Iterable[Ids], tokenizer: Any, material: Material) -> dict[Ids, str]:
    """The oracle's reply to each prompt, by its tokens: it reads exactly what the model is shown."""
    return {ids: oracle.reply(tokenizer.decode(list(ids)), material) for ids in prompts}


def trial_record(trial: Trial) -> TrialRecord:
    """A trial as recall.json has it."""
    text = "\n".join(f"{message['role']}: {message['content']}" for message in trial.messages)
    return TrialRecord(
        kind=trial.kind,
        distance=trial.distance,
        fact=trial.fact,
        value=trial.value,
        stale=trial.stale,
        word=trial.word,
        turns=sum(message["role"] == "user" for message in trial.messages),
        messages_sha256=files.sha256(text),
    )


def probe_record(probe: Probe, trial: Trial, model: str, oracle: str, material: Material) -> ProbeRecord:
    """A probe as recall.json has it, with the replies of the model and of the oracle."""
    return ProbeRecord(
        trial=probe.trial,
        strategy=probe.strategy,
        in_context=probe.in_context,
        stale_in_context=probe.stale_in_context,
        left_out=probe.left_out,
        prompt_tokens=len(probe.ids),
        cached_tokens=probe.cached,
        replies=Replies(model=_reply_record(model, trial, material), oracle=_reply_record(oracle, trial, material)),
    )


def _probe(
    number: int,
    trial: Trial,
    strategy: Strategy,
    ids: Callable[[Sequence[Message]], Ids],
    tokenizer: Any,
    limit: int | None,
) -> Probe:
    """One trial, the `number`th, under one strategy; `ids` gives the tokens of messages as a prompt."""
    try:
        view = views.view(trial.messages, strategy, lambda messages: len(ids(messages)), limit)
        earlier = views.view(trial.messages[:-2], strategy, lambda messages: len(ids(messages)), limit)
    except views.PromptTooLong as error:
        raise UserError(f"strategy {strategy}: {error.tokens} tokens are needed at least, and it has {error.room}") from None
    reply = tokenizer(trial.messages[-2]["content"], add_special_tokens=False, split_special_tokens=True)["input_ids"]
    before, prompt = (*ids(earlier.messages), *reply), ids(view.messages)
    return Probe(
        trial=number,
        strategy=str(strategy),
        ids=prompt,
        before=before,
        cached=replies.shared_prefix(before, prompt),
        left_out=view.left_out,
        in_context=trial.tells(trial.value, view.messages),
        stale_in_context=trial.tells(trial.stale, view.messages),
    )


def _reply_record(text: str, trial: Trial, material: Material) -> ReplyRecord:
    return ReplyRecord(
        text=text,
        outcome=judging.outcome(text, trial, material),
        rule_kept=judging.keeps_rule(text, trial.word) if trial.word else None,
    )


def _cached_ids(tokenizer: Any) -> Callable[[Sequence[Message]], Ids]:
    """A function that gives the tokens of messages as a prompt and keeps them for the next time."""

    @cache
    def encode(messages: tuple[tuple[Any, str], ...]) -> Ids:
        return tuple(encoding.prompt_ids([{"role": role, "content": content} for role, content in messages], tokenizer))

    return lambda messages: encode(tuple((message["role"], message["content"]) for message in messages))

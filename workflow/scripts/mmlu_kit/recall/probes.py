"""Views of each conversation under each strategy, and the replies to them.

A probe is one trial under one strategy: the view of its log as tokens. Nothing here measures time; the results are the same in
every run.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any

from mmlu_kit import files
from mmlu_kit.chat import replies, views
from mmlu_kit.chat.replies import Replier
from mmlu_kit.chat.views import Message, Strategy
from mmlu_kit.evaluation import token_ids
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.recall import judging, oracle
from mmlu_kit.recall.conversations import Material, Trial
from mmlu_kit.recall.documents import ProbeRecord, Replies, ReplyRecord, TrialRecord
from mmlu_kit.user_errors import UserError

BATCH = 16  # prompts; a killed run loses at most one batch
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Probe:
    """The prompt of a view. `trial` is the trial's index, `left_out` the number of turns not in the view.

    `before` holds the tokens in the KV cache before the probe: the previous turn's prompt under the same strategy and the reply
    to it. `cached` is the length of the prefix that the probe shares with them.
    """

    trial: int
    strategy: str
    ids: Ids
    before: Ids
    cached: int
    left_out: int
    in_context: bool
    stale_in_context: bool


def probes(trials: Sequence[Trial], strategies: Sequence[Strategy], template: ChatTemplate, limit: int | None) -> list[Probe]:
    """Return every trial under every strategy; `limit` is the longest prompt in tokens.

    A strategy that cannot hold even the system message and the question raises UserError.
    """
    made = []
    for number, trial in enumerate(trials):
        ids = _cached_ids(template)  # a new cache for each trial, as trials share no views
        made += [_probe(number, trial, strategy, ids, template.tokenizer, limit) for strategy in strategies]
    return made


def distinct_prompts(probes: Iterable[Probe]) -> list[Ids]:
    """The prompts of all probes without duplicates, sorted so that neighbours share long prefixes for the KV cache."""
    return sorted({probe.ids for probe in probes})


def answers(
    prompts: Sequence[Ids],
    replier: Replier,
    max_new_tokens: int,
    kept: Mapping[int, Sequence[str]] = MappingProxyType({}),
    done: Callable[[int, Sequence[str]], None] = lambda number, texts: None,
) -> dict[Ids, str]:
    """Return a model's greedy reply to each prompt, by the prompt's tokens.

    Prompts run in batches, each from an empty cache. `done` is called with the number and the replies of each new batch; `kept`
    holds the replies of batches from an earlier run.
    """
    texts: dict[Ids, str] = {}
    for number in range(math.ceil(len(prompts) / BATCH)):
        prompts_of_batch = batch(prompts, number)
        if number in kept:
            batch_texts = kept[number]
        else:
            replier.forget()
            batch_texts = ["".join(replier.reply(list(ids), max_new_tokens)) for ids in prompts_of_batch]
            done(number, batch_texts)
        texts.update(zip(prompts_of_batch, batch_texts, strict=True))
    return texts


def batch(prompts: Sequence[Ids], number: int) -> Sequence[Ids]:
    """Return the prompts of a batch, by its number from 0; none if there is no such batch."""
    return prompts[number * BATCH : (number + 1) * BATCH]


def oracle_answers(prompts: Iterable[Ids], tokenizer: Any, material: Material) -> dict[Ids, str]:
    """Return the oracle's reply to each prompt, by the prompt's tokens: it reads exactly what the model sees."""
    return {ids: oracle.reply(tokenizer.decode(list(ids)), material) for ids in prompts}


def trial_record(trial: Trial) -> TrialRecord:
    """A trial as stored in recall.json."""
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
    """A probe as stored in recall.json, with the replies of the model and of the oracle."""
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
    """The trial with index `number` under one strategy; `ids` returns the tokens of messages as a prompt."""
    try:
        view = views.view(trial.messages, strategy, lambda messages: len(ids(messages)), limit)
        earlier = views.view(trial.messages[:-2], strategy, lambda messages: len(ids(messages)), limit)
    except views.PromptTooLong as error:
        need = f"the shortest view takes {error.tokens} tokens, but it may have {error.room}"
        raise UserError(f"strategy {strategy}: {need}: allow more tokens") from None
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


def _cached_ids(template: ChatTemplate) -> Callable[[Sequence[Message]], Ids]:
    """A function that returns the tokens of messages as a prompt and caches them."""

    @cache
    def encode(messages: tuple[tuple[Any, str], ...]) -> Ids:
        return tuple(token_ids.prompt_ids([{"role": role, "content": content} for role, content in messages], template))

    return lambda messages: encode(tuple((message["role"], message["content"]) for message in messages))

"""What history costs: the time to a reply's first token with the key-value cache and without it, and the time of messages that
need no history. Seconds; they differ from run to run and stand in a file of their own."""

from collections.abc import Callable, Sequence
from typing import Any

from mmlu_kit.chat import views
from mmlu_kit.evaluation import encoding
from mmlu_kit.recall.conversations import Trial
from mmlu_kit.recall.probes import Probe

# How messages that need nothing said before are asked: history, and whether the cache of the message before is kept.
MODES = {
    "on": (views.Strategy("full"), True),
    "on_without_cache": (views.Strategy("full"), False),
    "off": (views.Strategy("none"), True),
}


def chosen(probes: Sequence[Probe], trials: Sequence[Trial], each: int) -> list[Probe]:
    """Of each strategy and distance the first `each` probes of facts told."""
    found: dict[tuple, list[Probe]] = {}
    for probe in probes:
        trial = trials[probe.trial]
        if trial.kind == "told":
            found.setdefault((probe.strategy, trial.distance), []).append(probe)
    return [probe for group in found.values() for probe in group[:each]]


def first_token(probe: Probe, trial: Trial, replier: Any) -> dict:
    """Seconds to the first token of a probe's reply: after the turn before it, whose cache is kept, and from nothing."""
    _read(replier, probe.before, cold=True)
    warm = _read(replier, probe.ids)
    cold = _read(replier, probe.ids, cold=True)
    return {
        "strategy": probe.strategy,
        "distance": trial.distance,
        "prompt_tokens": len(probe.ids),
        "cached_tokens": warm.cached_tokens,
        "warm_s": warm.first_token_s,
        "cold_s": cold.first_token_s,
    }


def independent(
    system: str,
    said: Sequence[str],
    mode: str,
    tokenizer: Any,
    replier: Any,
    limit: int | None,
    max_new_tokens: int,
    advance: Callable[[int], None],
) -> list[dict]:
    """What each of these messages took, asked one after the other with the model's own replies in the log, in one of MODES."""
    strategy, cached = MODES[mode]
    log = [{"role": "system", "content": system}]
    replier.forget()
    found = []
    for text in said:
        log.append({"role": "user", "content": text})
        view = views.view(log, strategy, lambda shown: len(encoding.prompt_ids(shown, tokenizer)), limit)
        ids = encoding.prompt_ids(view.messages, tokenizer)
        reply = "".join(replier.reply(ids, max_new_tokens, cold=not cached))
        log.append({"role": "assistant", "content": reply})
        took = {key: getattr(replier.last, key) for key in ("prompt_tokens", "new_tokens", "first_token_s", "total_s")}
        found.append({"mode": mode, **took})
        advance(1)
    return found


def _read(replier: Any, ids: Sequence[int], cold: bool = False) -> Any:
    """What reading a prompt up to the reply's first token took."""
    for _ in replier.reply(list(ids), 1, cold=cold):
        pass
    return replier.last

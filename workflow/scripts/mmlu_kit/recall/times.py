"""The cost of history: times to first token with and without the KV cache, and times of messages that need no history.

Times differ from run to run, so they are in a separate file.
"""

from collections.abc import Callable, Sequence

from mmlu_kit.chat import views
from mmlu_kit.chat.replies import Replier, Reply
from mmlu_kit.chat.views import Message, Strategy
from mmlu_kit.evaluation import token_ids
from mmlu_kit.recall.conversations import Trial
from mmlu_kit.recall.documents import FirstToken, IndependentMessage, Mode
from mmlu_kit.recall.probes import Probe

# How messages that need no history are sent: the strategy, and whether the previous message's KV cache is kept.
MODES: dict[Mode, tuple[Strategy, bool]] = {
    "on": (Strategy("full"), True),
    "on_without_cache": (Strategy("full"), False),
    "off": (Strategy("none"), True),
}


def to_time(probes: Sequence[Probe], trials: Sequence[Trial], each: int) -> list[Probe]:
    """The probes to time: the first `each` of told facts for each strategy and distance."""
    groups: dict[tuple[str, int], list[Probe]] = {}
    for probe in probes:
        trial = trials[probe.trial]
        if trial.kind == "told":
            groups.setdefault((probe.strategy, trial.distance), []).append(probe)
    return [probe for group in groups.values() for probe in group[:each]]


def first_token(probe: Probe, trial: Trial, replier: Replier) -> FirstToken:
    """Measure the time to first token of a probe's reply, with the previous turn's cache and without a cache."""
    _read(replier, probe.before, cold=True)
    warm = _read(replier, probe.ids)
    cold = _read(replier, probe.ids, cold=True)
    assert warm.first_token_s is not None and cold.first_token_s is not None
    return FirstToken(
        strategy=probe.strategy,
        distance=trial.distance,
        prompt_tokens=len(probe.ids),
        cached_tokens=warm.cached_tokens,
        warm_s=warm.first_token_s,
        cold_s=cold.first_token_s,
    )


def independent(
    system: str,
    user: Sequence[str],
    mode: Mode,
    replier: Replier,
    limit: int | None,
    max_new_tokens: int,
    advance: Callable[[int], None],
) -> list[IndependentMessage]:
    """Measure the replies to messages sent one after another in one mode, with the model's own replies in the log."""
    strategy, cached = MODES[mode]
    template = replier.template
    log: list[Message] = [{"role": "system", "content": system}]
    replier.forget()
    measured = []
    for text in user:
        log.append({"role": "user", "content": text})
        view = views.view(log, strategy, lambda messages: len(token_ids.prompt_ids(messages, template)), limit)
        ids = token_ids.prompt_ids(view.messages, template)
        reply = "".join(replier.reply(ids, max_new_tokens, cold=not cached))
        log.append({"role": "assistant", "content": reply})
        last = replier.last
        assert last.first_token_s is not None
        measured.append(
            IndependentMessage(
                mode=mode,
                prompt_tokens=last.prompt_tokens,
                new_tokens=last.new_tokens,
                first_token_s=last.first_token_s,
                total_s=last.total_s,
            )
        )
        advance(1)
    return measured


def _read(replier: Replier, ids: Sequence[int], cold: bool = False) -> Reply:
    """Read a prompt up to the reply's first token and return the times."""
    for _ in replier.reply(list(ids), 1, cold=cold):
        pass
    return replier.last

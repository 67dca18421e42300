"""Chat experiments made up for tests: real conversations and views, a count of words for tokens, and replies as a test says."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from mmlu_kit.chat import views
from mmlu_kit.recall import conversations, judging, oracle, probes, summary

from tests.helpers import results

RECALL = Path(__file__).parents[2] / "workflow/recall"
MATERIAL = conversations.read(RECALL / "conversations.yaml")
STRATEGIES = ("none", "full", "last_turns(2)", "token_budget(60)")
DISTANCES = (1, 4)


def length(messages) -> int:
    """Words, and four tokens of a template for each message."""
    return sum(4 + len(message["content"].split()) for message in messages)


def knows_what_it_sees(trial, shown) -> str:
    """The oracle's reply: the best that a model can do."""
    text = "\n".join(message["content"] for message in shown)
    return oracle.reply(text, MATERIAL)


def knows_nothing(trial, shown) -> str:
    return "I do not know. You have not told me."


def recall(
    reply: Callable = knows_what_it_sees,
    model: str = "m",
    strategies: tuple[str, ...] = STRATEGIES,
    distances: tuple[int, ...] = DISTANCES,
    each: int = 10,
    context: int | None = 2048,
) -> dict:
    """recall.json of a model that gives `reply(trial, messages shown)` to each probe."""
    trials = conversations.trials(MATERIAL, distances, each, 7)
    found = []
    for number, trial in enumerate(trials):
        for strategy in map(views.parse, strategies):
            view = views.view(trial.messages, strategy, length, None)
            states = [trial.states(view.messages, value) for value in (trial.value, trial.stale)]
            probe = probes.Probe(number, str(strategy), (0,) * view.tokens, (), view.tokens // 2, view.left_out, *states)
            said = {"model": reply(trial, view.messages), "oracle": knows_what_it_sees(trial, view.messages)}
            found.append(probes.record(probe, trial, said, MATERIAL))
    example = conversations.example(MATERIAL, "name", "Alice")
    return {
        "schema": "mmlu-kit/recall/1",
        "model": model,
        "repository": None,
        "commit": None,
        "parameters": 1000,
        "model_files": {},
        "requested": {"device": "cpu", "dtype": "float32", "quantization": "none"},
        "effective": results.effective(),
        "reason": None,
        "context": context,
        "strategies": list(strategies),
        "distances": list(distances),
        "trials_each": each,
        "max_new_tokens": 48,
        "seed": 7,
        "trials": [probes.described(trial) for trial in trials],
        "probes": found,
        "alice": {"on": session(example, reply, example.messages), "off": session(example, reply, example.messages[-1:])},
    }


default = cache(recall)  # of tests that change nothing in it


def session(example, reply, shown) -> dict:
    """The writeup's example where the model sees `shown` at its end."""
    said = reply(example, shown)
    kept = {"prompt_tokens": 20, "left_out": 0, "ended": "end"}
    turns = [{"user": "My name is Alice.", "assistant": "Hello Alice!", **kept}]
    turns.append({"user": "What is my name?", "assistant": said, **kept})
    return {"turns": turns, "outcome": judging.outcome(said, example, MATERIAL)}


def times(model: str = "m", on: float = 0.03, cached: float = 0.012, off: float = 0.01) -> dict:
    """times.json; `on`, `cached` and `off` are seconds of an independent question in each mode."""
    first = {"distance": 1, "prompt_tokens": 80, "cached_tokens": 40, "warm_s": 0.004, "cold_s": 0.008}
    modes = {"on": cached, "on_without_cache": on, "off": off}
    kept = {"prompt_tokens": 50, "new_tokens": 5, "first_token_s": 0.002}
    return {
        "schema": "mmlu-kit/recall_times/1",
        "model": model,
        "repository": None,
        "commit": None,
        "machine": results.timing("m", "anatomy")["machine"],
        "threads": 1,
        "first_token": [{"strategy": strategy, **first} for strategy in STRATEGIES for _ in range(2)],
        "independent": [{"mode": mode, "total_s": took, **kept} for mode, took in modes.items() for _ in range(3)],
    }


def transcripts(same: bool = True) -> dict:
    """transcripts.json's part of chat.json."""
    shown = {"turns": 8, "most_left_out": 5, "most_prompt_tokens": 90}
    named = {"sliding_window": "last_turns(2)", "token_budget_history_on": "token_budget(160)", "saved_and_restored": "full"}
    chats = [{"name": name, "strategy": strategy, **shown} for name, strategy in named.items()]
    return {"model": "m", "chats": chats, "restored": {"saved_after": 3, "same": same}}


def chat(*recalls: dict, same: bool = True, **seconds: float) -> dict:
    """chat.json of these models."""
    models = [summary.of(one, times(one["model"], **seconds)) for one in recalls or (default(),)]
    return {"schema": "mmlu-kit/chat_summary/1", "models": models, "transcripts": transcripts(same)}

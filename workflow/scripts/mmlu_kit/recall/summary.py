"""The recall experiment in numbers: for each reader, strategy and distance what was recalled, and what prompts cost.

Counts, not percentages: who shows them divides. A cell is `n`, how many trials it has, and how many of them; intervals are
Wilson's at 95 %.
"""

from collections.abc import Iterable, Sequence

from mmlu_kit import statistics
from mmlu_kit.evaluation import records
from mmlu_kit.results import timing_setups

_ABOUT = ("model", "repository", "commit", "parameters", "requested", "effective", "reason", "context")
_ASKED = ("strategies", "distances", "trials_each", "max_new_tokens", "seed", "alice")
READERS = ("model", "oracle")
RECALLED = ("told", "corrected")  # the kinds whose fact was told and is asked for


def of(recall: dict, times: dict) -> dict:
    """A model's part of chat.json, from its recall.json and times.json; nothing but the reason where it was not run."""
    if not records.was_run(recall):
        return {**{key: recall[key] for key in ("model", "requested", "reason")}, "effective": None}
    strategies = recall["strategies"]
    return {
        **{key: recall[key] for key in (*_ABOUT, *_ASKED)},
        "rows": rows(recall["trials"], recall["probes"], strategies, recall["distances"]),
        "comparisons": comparisons(recall["trials"], recall["probes"], strategies),
        "first_token": first_token(times["first_token"], strategies),
        "independent": independent(times["independent"]),
        "machine": times["machine"],
        "threads": times["threads"],
    }


def rows(trials: Sequence[dict], probes: Sequence[dict], strategies: Iterable[str], distances: Sequence[int]) -> list[dict]:
    """One row for each reader, strategy and distance, and one over all distances (`distance` null)."""
    return [
        {
            "reader": reader,
            "strategy": strategy,
            "distance": distance,
            **row(trials, _chosen(trials, probes, strategy, distance), reader),
        }
        for reader in READERS
        for strategy in strategies
        for distance in (None, *distances)
    ]


def row(trials: Sequence[dict], probes: Sequence[dict], reader: str) -> dict:
    """`recall, corrected, never, rule` (counts) and `prompt_tokens, cached_tokens` of some probes."""
    by_kind: dict[str, list[dict]] = {}
    for probe in probes:
        by_kind.setdefault(trials[probe["trial"]]["kind"], []).append(probe)
    told = [probe for kind in RECALLED for probe in by_kind.get(kind, [])]
    corrected, never, ruled = (by_kind.get(kind, []) for kind in ("corrected", "never", "rule"))
    right = [probe for probe in told if _outcome(probe, reader) == "right"]
    low, high = statistics.wilson(len(right), len(told))
    tokens = [probe["prompt_tokens"] for probe in probes]
    return {
        "recall": {
            "n": len(told),
            "in_context": sum(probe["in_context"] for probe in told),
            "right": len(right),
            "right_in_context": sum(probe["in_context"] for probe in right),
            "low": low,
            "high": high,
            **{name: _count(told, reader, name) for name in ("other", "not_knowing", "unclear")},
        },
        "corrected": {"n": len(corrected), "stale": _count(corrected, reader, "stale")},
        "never": {
            "n": len(never),
            "false_recall": _count(never, reader, "other"),
            "not_knowing": _count(never, reader, "not_knowing"),
        },
        "rule": {"n": len(ruled), "kept": sum(probe["replies"][reader]["rule_kept"] for probe in ruled)},
        "prompt_tokens": {"mean": sum(tokens) / len(tokens), "max": max(tokens)},
        "cached_tokens": {"mean": sum(probe["cached_tokens"] for probe in probes) / len(probes)},
    }


def comparisons(trials: Sequence[dict], probes: Sequence[dict], strategies: Iterable[str], against: str = "full") -> list[dict]:
    """Every other strategy beside full history, on the same facts told: exact McNemar tests of the model's recall, corrected
    for their number by Holm's method."""
    right = {strategy: _right(trials, _chosen(trials, probes, strategy, None)) for strategy in (against, *strategies)}
    found = []
    for strategy, mine in right.items():
        if strategy != against:
            only_full, only_it = (len(one - other) for one, other in ((right[against], mine), (mine, right[against])))
            p = statistics.mcnemar(only_full, only_it)
            found.append({"strategy": strategy, "only_full": only_full, "only_strategy": only_it, "p": p})
    corrected = statistics.holm([one["p"] for one in found])
    return [{**one, "p_holm": value} for one, value in zip(found, corrected, strict=True)]


def first_token(times: Sequence[dict], strategies: Iterable[str]) -> list[dict]:
    """For each strategy the time to the first token with the cache of the turn before and without it."""
    return [
        {"strategy": strategy, "n": len(mine)}
        | {
            kind: timing_setups.spread([one[kind] for one in mine])
            for kind in ("warm_s", "cold_s", "prompt_tokens", "cached_tokens")
        }
        for strategy in strategies
        if (mine := [one for one in times if one["strategy"] == strategy])
    ]


def independent(times: Sequence[dict]) -> dict[str, dict]:
    """By mode what a message took that needs nothing said before, and how long its prompt and its reply were."""
    kinds = ("first_token_s", "total_s", "prompt_tokens", "new_tokens")
    modes = dict.fromkeys(one["mode"] for one in times)
    chosen = {mode: [one for one in times if one["mode"] == mode] for mode in modes}
    return {
        mode: {"n": len(mine)} | {kind: timing_setups.spread([one[kind] for one in mine]) for kind in kinds}
        for mode, mine in chosen.items()
    }


def _chosen(trials: Sequence[dict], probes: Iterable[dict], strategy: str, distance: int | None) -> list[dict]:
    return [
        probe for probe in probes if probe["strategy"] == strategy and distance in (None, trials[probe["trial"]]["distance"])
    ]


def _right(trials: Sequence[dict], probes: Iterable[dict]) -> set[int]:
    """The trials whose told fact the model recalled."""
    told = [probe for probe in probes if trials[probe["trial"]]["kind"] in RECALLED]
    return {probe["trial"] for probe in told if _outcome(probe, "model") == "right"}


def _outcome(probe: dict, reader: str) -> str:
    return probe["replies"][reader]["outcome"]


def _count(probes: Iterable[dict], reader: str, outcome: str) -> int:
    return sum(_outcome(probe, reader) == outcome for probe in probes)

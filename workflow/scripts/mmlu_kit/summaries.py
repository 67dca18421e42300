"""Numbers of the report, summed from merged.json: for a model, a group, a subject. Accuracies are fractions."""

import itertools
from collections.abc import Iterable, Sequence

from statsmodels.stats.proportion import proportion_confint

from . import configurations, ledger

_COUNTS = ("questions", "correct", "correct_generated", "parsed")
_SECONDS = (*(f"{part}_s" for part in ledger.PARTS), "real_s", "cpu_user_s", "cpu_system_s", "gpu_s", "gpu_energy_j")


def order(merged: dict) -> list[str]:
    """The models that have results, each once, as the report lists them: a baseline that is in no group, then the groups'."""
    ran = list(dict.fromkeys(result["model"] for result in merged["results"]))
    grouped = dict.fromkeys(model for group in merged["study"]["groups"] for model in group["models"])
    return [model for model in ran if model not in grouped] + [model for model in grouped if model in ran]


def of(merged: dict, model: str, subjects: Iterable[str]) -> dict | None:
    """A model's counts, accuracies and times over `subjects`; None where it has no result for any of them.

    Times are summed over subjects, null if one is null or they are of several machines; `machine` is the place of its one
    machine in merged.json. `startup_s` and `load_s` are summed over processes, as each starts
    and loads the model once.
    """
    chosen = set(subjects)
    results = [result for result in merged["results"] if result["model"] == model and result["subject"] in chosen]
    if not results:
        return None
    counts = {name: sum(result["totals"][name] for result in results) for name in _COUNTS}
    low, high = wilson(counts["correct"], counts["questions"])
    places = {result["machine"] for result in results}
    first = {result["process"] or result["subject"]: result for result in results}
    seconds = {name: _sum(result[name] for result in results) for name in _SECONDS}
    seconds |= {f"{part}_s": _sum(result[f"{part}_s"] for result in first.values()) for part in ledger.ONCE}
    reasons = {name: reason for result in results for name, reason in result["reasons"].items()}
    if len(places) > 1:
        seconds = dict.fromkeys(seconds)
        reasons |= dict.fromkeys((*seconds, "cpu_s"), "its subjects were run on several machines")
    memory, peaks = ([result[key] for result in results] for key in ("peak_rss_bytes", "peak_gpu_bytes"))
    return {
        "model": model,
        "label": label(merged, model),
        "device": (merged["models"][model]["effective"] or {"device": None})["device"],
        "machine": places.pop() if len(places) == 1 else None,
        "subjects": len(results),
        **counts,
        "accuracy": counts["correct"] / counts["questions"],
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_generated": counts["correct_generated"] / counts["questions"],
        "parse_rate": counts["parsed"] / counts["questions"],
        **seconds,
        "cpu_s": _sum([seconds["cpu_user_s"], seconds["cpu_system_s"]]),
        "peak_rss_bytes": None if None in memory else max(memory),
        "peak_gpu_bytes": None if None in peaks else max(peaks),
        "reasons": reasons,
        "resumed": any(result["resumed"] for result in results),
        "questions_sha256": sorted(result["questions_sha256"] for result in results),
        # With the process's own peak memory: GNU time 1.7 logs four times as much.
        "processes": {
            name: {**merged["processes"][name], "peak_rss_bytes": peak}
            for name, peak in _peaks(results).items()
            if name in merged["processes"]
        },
    }


def label(merged: dict, model: str) -> str:
    """A model's name, with what ran and what was asked for where these differ: 'm (cpu instead of cuda)'."""
    if imported(merged, model):
        return model
    differs = configurations.differences(merged["models"][model]["requested"], merged["models"][model]["effective"])
    return f"{model} ({', '.join(differs)})" if differs else model


def imported(merged: dict, model: str) -> bool:
    """Whether a model's answers are those of another run, of which nothing else is known."""
    return merged["models"][model]["effective"] is None


def speedups(models: Iterable[dict], machines: dict[str, dict]) -> list[dict]:
    """Every summary of a model on a GPU beside every one on the CPU that answered the same questions: `times` as fast.

    `machines` are the machines by model; where a time is no measurement, nothing is compared.
    """
    timed = [one for one in models if one["real_s"]]
    found = []
    for cpu, gpu in itertools.product(timed, timed):
        across = cpu["device"] == "cpu" and gpu["device"] in ("cuda", "mps")
        if across and cpu["questions_sha256"] == gpu["questions_sha256"]:
            named = [machines[cpu["model"]], machines[gpu["model"]]]
            found.append({"cpu": cpu, "gpu": gpu, "times": cpu["real_s"] / gpu["real_s"], "machines": named})
    return found


def of_group(merged: dict, group: dict) -> list[dict]:
    """The summaries of a group's models over the study's subjects, in the group's order, those without results left out."""
    found = [of(merged, model, merged["study"]["subjects"]) for model in group["models"]]
    return [summary for summary in found if summary]


def by_subject(merged: dict, models: Sequence[str]) -> list[dict]:
    """For each subject of the study, in its order: `subject, questions, accuracy {model: fraction}, interval {model: (low,
    high)}`, the interval at 95 %; only what has results."""
    rows = []
    for subject in merged["study"]["subjects"]:
        found = {model: of(merged, model, [subject]) for model in models}
        found = {model: summary for model, summary in found.items() if summary}
        if found:
            rows.append(
                {
                    "subject": subject,
                    "questions": max(summary["questions"] for summary in found.values()),
                    "accuracy": {model: summary["accuracy"] for model, summary in found.items()},
                    "interval": {
                        model: (summary["accuracy_low"], summary["accuracy_high"]) for model, summary in found.items()
                    },
                }
            )
    return rows


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion."""
    low, high = proportion_confint(successes, trials, alpha=0.05, method="wilson")
    return float(low), float(high)


def _peaks(results: Iterable[dict]) -> dict[str, int]:
    """The largest memory of each process, by its log's name."""
    found: dict[str, int] = {}
    for result in (result for result in results if result["process"]):
        found[result["process"]] = max(result["peak_rss_bytes"], found.get(result["process"], 0))
    return found


def _sum(values: Iterable[float | None]) -> float | None:
    values = list(values)
    return None if any(value is None for value in values) else sum(values)

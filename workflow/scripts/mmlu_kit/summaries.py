"""Numbers of the report, summed from merged.json: for a model, a group, a subject. Accuracies are fractions."""

from collections.abc import Iterable, Sequence

from statsmodels.stats.proportion import proportion_confint

_COUNTS = ("questions", "correct", "correct_generated", "parsed")
_SECONDS = ("real_s", "cpu_user_s", "cpu_system_s", "gpu_s")


def of(merged: dict, model: str, subjects: Iterable[str]) -> dict | None:
    """A model's counts, accuracies and times over `subjects`; None where it has no result for any of them.

    Times are summed over subjects, null if one is null. `load_s` is summed over processes, as each loads the model once.
    """
    chosen = set(subjects)
    results = [result for result in merged["results"] if result["model"] == model and result["subject"] in chosen]
    if not results:
        return None
    counts = {name: sum(result["totals"][name] for result in results) for name in _COUNTS}
    low, high = wilson(counts["correct"], counts["questions"])
    loads = {result["process"] or result["subject"]: result["load_s"] for result in results}
    seconds = {name: _sum(result[name] for result in results) for name in _SECONDS}
    return {
        "model": model,
        "subjects": len(results),
        **counts,
        "accuracy": counts["correct"] / counts["questions"],
        "accuracy_low": low,
        "accuracy_high": high,
        "accuracy_generated": counts["correct_generated"] / counts["questions"],
        "parse_rate": counts["parsed"] / counts["questions"],
        **seconds,
        "cpu_s": _sum([seconds["cpu_user_s"], seconds["cpu_system_s"]]),
        "load_s": _sum(loads.values()),
        "peak_rss_bytes": max(result["peak_rss_bytes"] for result in results),
        "resumed": any(result["resumed"] for result in results),
        "processes": {name: merged["processes"][name] for name in loads if name in merged["processes"]},
    }


def of_group(merged: dict, group: dict) -> list[dict]:
    """The summaries of a group's models over the study's subjects, in the group's order, those without results left out."""
    found = [of(merged, model, merged["study"]["subjects"]) for model in group["models"]]
    return [summary for summary in found if summary]


def by_subject(merged: dict, models: Sequence[str]) -> list[dict]:
    """For each subject of the study, in its order: `subject, accuracy {model: fraction}, questions`; only what has results."""
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
                }
            )
    return rows


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion."""
    low, high = proportion_confint(successes, trials, alpha=0.05, method="wilson")
    return float(low), float(high)


def _sum(values: Iterable[float | None]) -> float | None:
    values = list(values)
    return None if any(value is None for value in values) else sum(values)

"""A row of the comparison of published numbers with a run's: what this run has beside it, and the verdict."""

from mmlu_kit import statistics

REPRODUCED, DIFFERS, NOT_RUN = "reproduced", "differs", "not run"


def row(name: str, section: str, what: str, unit: str, published: float, here: dict | str) -> dict:
    """A row from what this run has (`run, low, high, stage, reason`), or from the reason why it has nothing.

    `what` names the number among those of `name`, a model or a run: 'accuracy on anatomy'.
    """
    about = {"id": f"{name}: {what}", "section": section, "what": f"{what} of {name}", "unit": unit, "published": published}
    if isinstance(here, str):
        return {**about, "run": None, "low": None, "high": None, "verdict": NOT_RUN, "stage": None, "reason": here}
    if here["low"] <= published <= here["high"]:
        return {**about, **here, "verdict": REPRODUCED, "stage": None}
    return {**about, **here, "verdict": DIFFERS}


def share(counts: dict) -> dict[str, float]:
    """Accuracy by the generated letter with its Wilson interval: `run, low, high`."""
    low, high = statistics.wilson(counts["correct_generated"], counts["questions"])
    return {"run": counts["correct_generated"] / counts["questions"], "low": low, "high": high}


def within(value: float, factor: float) -> dict[str, float]:
    """A number that counts as any other within a factor: `run, low, high`."""
    return {"run": value, "low": value / factor, "high": value * factor}


def elsewhere(value: float, published: float, machine: dict) -> str:
    """What must be said of a time beside that of another machine."""
    ratio = f"{value / published:.2g} times the published time"
    return f"{ratio}, on another machine: {machine.in_words()}; the writeup does not name its own"


def because(here: dict | str, stage: str | None, reason: str) -> dict | str:
    """What this run has with where and why it may differ; a reason for having nothing stays as it is."""
    return here if isinstance(here, str) else {**here, "stage": stage, "reason": reason}

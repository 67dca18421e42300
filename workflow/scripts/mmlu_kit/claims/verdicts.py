"""What every predicate of a claim uses: verdicts, the models that a claim names, and numbers as a line of evidence has them."""

from mmlu_kit import formatting, statistics

HOLDS, DOES_NOT_HOLD, NOT_TESTABLE = "holds", "does not hold", "not testable here"

Verdict = tuple[str, str]


class Untestable(Exception):
    """Why evidence says neither yes nor no to a claim."""


def verdict(holds: bool, line: str) -> Verdict:
    """A verdict with its line of evidence."""
    return HOLDS if holds else DOES_NOT_HOLD, line


def named(evidence: dict, name: str) -> dict:
    """The model that stands for one of the writeup's; Untestable where there is none."""
    for model in evidence["models"]:
        if model["stands_for"] == name:
            return model
    raise Untestable(f"no result of {name} here")


def many(count: int, thing: str) -> str:
    """'1 model', '3 models'."""
    return f"{count} {thing}{'' if count == 1 else 's'}"


def on(evidence: dict, device: str, at_least: int = 1) -> list[dict]:
    """The models that ran on a device (or were to, where nothing tells what ran), smallest first."""
    found = [model for model in evidence["models"] if (model["effective"] or model["asked"])["device"] == device]
    if len(found) < at_least:
        raise Untestable(f"{many(len(found), 'model')} on {device} here, and it takes {at_least}")
    return found


def is_about(value: float, target: float, within: float) -> bool:
    """Whether a value is within a factor of a target."""
    return target / within <= value <= target * within


def accuracy(found: dict) -> float:
    """The accuracy of a model or of one of its subjects."""
    return found["correct"] / found["questions"]


def with_interval(found: dict) -> str:
    """'9.1% (7.6% to 10.7%)', the 95 % Wilson interval."""
    low, high = statistics.wilson(found["correct"], found["questions"])
    return f"{formatting.percent(accuracy(found))} ({formatting.percent(low)} to {formatting.percent(high)})"

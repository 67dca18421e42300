"""What the predicates of claims share: verdicts, why there is none, and the models that a claim names."""

from mmlu_kit import formatting
from mmlu_kit.claims.document import ClaimVerdict, Judgement
from mmlu_kit.claims.evidence import Evidence, ModelEvidence


class Untestable(Exception):
    """Why evidence says neither yes nor no to a claim."""


def verdict(holds: bool, line: str) -> Judgement:
    """Return the judgement that a claim holds or does not, with its line of evidence."""
    return Judgement(verdict=ClaimVerdict.HOLDS if holds else ClaimVerdict.DOES_NOT_HOLD, evidence=line)


def named(evidence: Evidence, name: str) -> ModelEvidence:
    """Return the model that stands for one of the writeup's; raises Untestable where there is none."""
    for model in evidence.models:
        if model.stands_for == name:
            return model
    raise Untestable(f"no result of {name} here")


def on(evidence: Evidence, device: str, at_least: int = 1) -> list[ModelEvidence]:
    """Return the models on a device, smallest first; raises Untestable where there are too few."""
    models = [model for model in evidence.models if model.configuration.device == device]
    if len(models) < at_least:
        raise Untestable(f"{formatting.plural(len(models), 'model')} on {device} here, and it takes {at_least}")
    return models


def real_times(first: ModelEvidence, second: ModelEvidence) -> tuple[float, float]:
    """Return the real times of two models; raises Untestable where one was not measured."""
    if not (first.real_s and second.real_s):
        raise Untestable("one of the two models has no time")
    return first.real_s, second.real_s


def is_about(value: float, target: float, within: float) -> bool:
    """Whether a value is within a factor of a target."""
    return target / within <= value <= target * within

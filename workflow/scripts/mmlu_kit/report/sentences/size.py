"""The sentence on accuracy by size: what the paired tests of the error analysis show of each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from mmlu_kit import formatting
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.formatting import p_value, percent, ratio
from mmlu_kit.report.cells import listed
from mmlu_kit.results.summaries import Summary
from mmlu_kit.statistics import ALPHA


@dataclass(frozen=True)
class Sized:
    """A model's summary and its number of parameters."""

    summary: Summary
    parameters: int


@dataclass(frozen=True)
class Step:
    """Two models, the smaller first: the larger's accuracy minus the smaller's, and the paired test's p if there is one."""

    smaller: Summary
    larger: Summary
    difference: float
    p: float | None

    @property
    def shown(self) -> bool:
        """Whether the test shows a difference."""
        return self.p is not None and self.p < ALPHA

    def __str__(self) -> str:
        """Return the two models and the test: 'from a to b (p = 0.3)'."""
        test = f" ({p_value(self.p)})" if self.p is not None else " (not tested)"
        return f"from {self.smaller.label} to {self.larger.label}{test}"


def size(models: Sequence[Sized], analysis: AnalysisFile) -> str | None:
    """Say how accuracy depends on the parameter count, by the analysis's paired tests with Holm's correction.

    Models that nearly always chose one letter are left out and named. None for one model or if models have the same size.
    """
    models = sorted(models, key=lambda model: model.parameters)
    if len(models) < 2 or len({model.parameters for model in models}) < len(models):
        return None
    constant = {model.model for model in analysis.models if model.always}
    left_out = [model.summary.label for model in models if model.summary.model in constant]
    models = [model for model in models if model.summary.model not in constant]
    without = f" {listed(left_out)} nearly always chose one letter and {_are(left_out)} left out." if left_out else ""
    if len(models) < 2:
        return f"Nothing can be said of accuracy and parameter count:{without}"
    steps = [step(smaller.summary, larger.summary, analysis) for smaller, larger in pairwise(models)]
    ends = step(models[0].summary, models[-1].summary, analysis)
    named = " and ".join(
        f"{model.summary.label} ({formatting.count(model.parameters)}) reaches {percent(model.summary.accuracy)}"
        for model in (models[-1], models[0])
    )
    return f"{_finding(steps, ends)}: {named}{_compared(ends)}.{_exceptions(steps)}{without}"


def step(smaller: Summary, larger: Summary, analysis: AnalysisFile) -> Step:
    """Return a step from one model to another, with the test of their pair if the analysis has it."""
    difference = larger.accuracy - smaller.accuracy
    for pair in analysis.pairs:
        if set(pair.models) == {smaller.model, larger.model}:
            wins = pair.mcnemar.only_second - pair.mcnemar.only_first
            paired = wins if pair.models == (smaller.model, larger.model) else -wins
            return Step(smaller, larger, paired / pair.questions, pair.test.p_holm)
    return Step(smaller, larger, difference, None)


def _finding(steps: Sequence[Step], ends: Step) -> str:
    """Return what is shown of all steps and of the whole way."""
    if all(one.shown and one.difference > 0 for one in steps):
        return "Accuracy rises with every step in parameter count"
    if any(one.difference <= 0 for one in steps):
        whole = "Accuracy does not rise with every step in parameter count"
    else:
        whole = "Accuracy is higher with every step in parameter count, but not every step is shown"
    if ends.shown:
        return f"{whole}; the largest model is {'better' if ends.difference > 0 else 'worse'} than the smallest"
    return f"{whole}; no difference between the largest and the smallest model is shown"


def _compared(ends: Step) -> str:
    """Return how many times the smallest model's accuracy and real time the largest one has, as far as that is shown."""
    smallest, largest = ends.smaller, ends.larger
    text = f", {ratio(largest.accuracy / smallest.accuracy)} the accuracy" if ends.shown and smallest.accuracy else ""
    if smallest.real_s and largest.real_s and smallest.machine == largest.machine:
        text += f" in {ratio(largest.real_s / smallest.real_s)} the real time"
    return text


def _exceptions(steps: Sequence[Step]) -> str:
    """Return the steps that go down, and those of which no difference is shown, with their tests."""
    falls = [str(one) for one in steps if one.shown and one.difference < 0]
    unshown = [str(one) for one in steps if not one.shown]
    sentences = [f"It falls {'; '.join(falls)}."] if falls else []
    sentences += [f"No difference is shown {'; '.join(unshown)}."] if unshown else []
    return "".join(f" {sentence}" for sentence in [*sentences, "Paired tests with Holm's correction."] if sentences)


def _are(labels: Sequence[str]) -> str:
    return "is" if len(labels) == 1 else "are"

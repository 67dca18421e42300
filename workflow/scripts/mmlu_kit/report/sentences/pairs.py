"""Sentences on models beside each other: whether they miss the same questions, choose the same wrong answers, differ at all."""

from collections.abc import Mapping

from mmlu_kit.analysis.difficulty_document import CochranQ, ModelsWrong
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.statistics import ALPHA


def models_wrong(counts: ModelsWrong) -> str:
    """Say whether models miss the same questions more often than independent models would."""
    if counts.p is None or counts.chi2 is None:
        return "Whether this differs from independent mistakes could not be tested."
    test = f"(chi-square = {counts.chi2:.1f}, {p_value(counts.p)})"
    if counts.p >= ALPHA:
        return (
            f"**No common pattern is shown:** the counts do not differ significantly from those of independent mistakes {test}."
        )
    observed, expected = counts.observed[-1], counts.expected[-1]
    if observed > expected:
        finding = "**Models fail on the same questions more often than their accuracies alone explain**"
    else:
        finding = "The counts differ from those of independent mistakes, but models do *not* fail together more often"
    independent = f"independent models with these accuracies would all miss {expected:.0f}"
    return f"{finding} {test}: all models missed {observed} questions; {independent}."


def same_wrong(pair: PairAnalysis, labels: Mapping[str, str], best: str) -> str | None:
    """Say whether two models choose the same wrong answer more often than unrelated ones; None if it could not be tested.

    `best` is what the models' answers are called, 'best letter' or 'best answer'.
    """
    rate, null, p = pair.same_wrong_rate, pair.same_wrong_null, pair.same_wrong_p
    if rate is None or null is None or p is None:
        return None
    often = "more often" if p < ALPHA and rate > null.mean else "no more often"
    names = " and ".join(labels[model] for model in pair.models)
    numbers = f"{percent(rate)} against {percent(null.mean)}, permutation test, {p_value(p)}"
    answer, bias = ("letter", "letter bias") if best == "best letter" else ("answer", "bias")
    return f"{names} choose the same wrong {answer} {often} than two unrelated models with the same {bias} would ({numbers})."


def accuracies_differ(q: CochranQ | None) -> str | None:
    """Say whether the models' accuracies differ at all; None if it could not be tested."""
    if q is None or q.p is None:
        return None
    finding = "The models' accuracies differ" if q.p < ALPHA else "No difference between the models' accuracies is shown"
    return f"{finding} (Cochran's Q = {q.statistic:.1f}, {p_value(q.p)})."

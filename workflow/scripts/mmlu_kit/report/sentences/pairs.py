"""Sentences on models beside each other: whether they miss the same questions, choose the same wrong answers, differ at all."""

from collections.abc import Mapping

from mmlu_kit.analysis.difficulty_document import CochranQ
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.sentences.difficulty import constant_models
from mmlu_kit.statistics import ALPHA, DRAWS
from mmlu_kit.statistics.counts import pairs_wrong


def models_wrong(analysis: AnalysisFile) -> str:
    """Say whether models miss the same questions more often than independent models would; first, which models are left out."""
    constant = constant_models(analysis)
    first = f"{constant}: left out of this count. " if constant else ""
    wrong = analysis.models_wrong
    if not wrong:
        few = len(analysis.compared) - len(analysis.constant_models) < 2
        needs = "two other models" if few else "questions with a readable answer of each"
        return f"{first}Whether models miss the same questions needs {needs}, so nothing is concluded."
    if wrong.p is None:
        return f"{first}Whether this differs from independent mistakes could not be tested."
    together = f"{pairs_wrong(wrong.observed):.0f} times two models miss the same question, {pairs_wrong(wrong.expected):.0f}"
    test = f"({together} if mistakes were independent, permutation test, {p_value(wrong.p, DRAWS)}"
    if wrong.differs_within and wrong.p_within is not None:
        test += f"; {pairs_wrong(wrong.expected_within):.0f} if independent within subjects, {p_value(wrong.p_within, DRAWS)}"
    if wrong.p_within is not None and wrong.p_within < ALPHA:
        within = " and the difficulty of subjects" if wrong.differs_within else ""
        finding = f"**Models fail on the same questions more often than their accuracies{within} alone explain**"
    elif wrong.p < ALPHA:
        finding = "**Models fail on the same questions, as some subjects are harder; more than that is not shown**"
    else:
        finding = (
            "**No common pattern is shown:** models do not miss the same questions significantly more often than independent "
            "ones would"
        )
    return f"{first}{finding} {test})."


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

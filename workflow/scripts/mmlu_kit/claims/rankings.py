"""Predicates of claims on whether models rank subjects by accuracy in the same order.

A predicate takes evidence and the claim's parameters, and returns a judgement. It holds, or does not, where an interval or a
test shows that; models that nearly always choose one letter are left out.
"""

import math
from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Counts, Evidence, ModelEvidence
from mmlu_kit.claims.verdicts import Untestable, answering, choosing, counterpart, most_whole, shared_answers, shown
from mmlu_kit.statistics import ALPHA, DRAWS, ranks, resampling, shuffled_subjects
from mmlu_kit.statistics.resampling import Correlations, Estimate
from mmlu_kit.statistics.strata import strata

FEWEST_SUBJECTS = 3  # to rank


def subjects_agree(evidence: Evidence, at_least: float, exempt: list[str] | None = None) -> Judgement:
    """The mean Spearman correlation of every two models' rankings of subjects, without exempt models, is at least this high, by
    its 95 % bootstrap interval.
    """
    exempted = [model.short for model in evidence.models if model.published_name in (exempt or ())]
    candidates = [model for model in evidence.models if model.published_name not in (exempt or ())]
    candidates, partial = most_whole(evidence, candidates)
    models, note = answering(candidates)
    note = f"; without {', '.join(exempted)}, which the claim exempts{note}{partial}" if exempted else note + partial
    if len(models) < 2:
        raise Untestable(f"{formatting.plural(len(models), 'model')} here, and a comparison needs two{note}")
    correlations = _correlations(models)
    pairs = [(pair, first.short, second.short) for (first, second), pair in _by_pair(models, correlations)]
    (low, *least), (high, *most) = min(pairs), max(pairs)
    mean = correlations.mean
    line = (
        f"mean Spearman correlation {_interval(mean)} over {len(models)} models, "
        f"from {low.value:.2f} ({' and '.join(least)}) to {high.value:.2f} ({' and '.join(most)})"
    )
    return shown(mean.low >= at_least, mean.high < at_least, line + note)


def differ_systematically(evidence: Evidence, p_under: float) -> Judgement:
    """The models' mean accuracy differs between subjects more than if subjects were shuffled over the questions (permutation
    test). It does not hold if it does not, and models agree on the ranking of subjects less than with shuffled ones.

    Models that are nearly alike agree whatever the subjects are, so their agreement alone shows nothing. Published averages
    cannot tell agreement on subjects from agreement on single questions.
    """
    if evidence.is_published:
        accuracies = [[counts.accuracy for counts in subjects] for subjects in _shared(evidence.models)]
        agreement = ranks.kendall_w(numpy.array(accuracies))
        if agreement is None:
            raise Untestable("every model has the same accuracy on all subjects")
        line = f"Kendall's W {agreement.w:.2f} over {len(evidence.models)} models, {formatting.p_value(agreement.p)}"
        same = "all models answered the same questions, so agreement on subjects may come from the questions alone"
        return shown(False, False, f"{line}; {same}")
    candidates, partial = most_whole(evidence, evidence.models)
    models, note = choosing(candidates)
    note += partial
    _shared(models)
    answers = shared_answers(models)
    right = numpy.column_stack([each.right for each in answers])
    counts = shuffled_subjects.count_by_subject(right, strata(answers[0].subjects), answers[0].choices)
    if not counts.ranked().any():
        raise Untestable(f"every model has the same accuracy on all subjects{note}")
    w, expected, p = counts.concordance()
    differs = counts.mean_differs().p
    line = (
        f"differences between subjects in the mean accuracy of {len(models)} models: {formatting.p_value(differs, DRAWS)}; "
        f"Kendall's W {w:.2f}, {expected:.2f} with shuffled subjects, {formatting.p_value(p, DRAWS)}"
    )
    disagree = p > 1 - ALPHA and w < expected and not math.isclose(w, expected)
    return shown(differs < p_under, disagree, line + note)


def is_the_exception(evidence: Evidence, smaller: str, larger: str, at_least: float) -> Judgement:
    """Among neighbours in size, only these two rank subjects differently: all others reach this Spearman correlation, by 95 %
    bootstrap intervals.
    """
    pair = (counterpart(evidence, smaller), counterpart(evidence, larger))
    candidates, partial = most_whole(evidence, evidence.models)
    models, note = choosing(candidates)
    note += partial
    neighbours = list(pairwise(models))
    steps = [(step, rho) for step, rho in _by_pair(models, _correlations(models)) if step in neighbours]
    exceptional = [rho for step, rho in steps if step == pair]
    others = [rho for step, rho in steps if step != pair]
    if not others or not exceptional:
        raise Untestable(f"these two models are not neighbours in size here, or there is no other model to compare with{note}")
    line = "; ".join(f"{first.short} and {second.short} {_interval(rho)}" for (first, second), rho in steps)
    (jump,) = exceptional
    return shown(
        jump.high < at_least and min(rho.low for rho in others) >= at_least,
        jump.low >= at_least or any(rho.high < at_least for rho in others),
        f"Spearman correlation of subjects: {line}{note}",
    )


def _shared(models: Sequence[ModelEvidence]) -> list[list[Counts]]:
    """Return each model's counts on the subjects that all share. Raises Untestable if there is too little to rank."""
    if len(models) < 2:
        raise Untestable(f"{formatting.plural(len(models), 'model')} here, and a comparison needs two")
    shared = [name for name in models[0].subjects if all(name in model.subjects for model in models)]
    if len(shared) < FEWEST_SUBJECTS:
        raise Untestable(f"the models share {formatting.plural(len(shared), 'subject')}, too few to rank")
    return [[model.subjects[name] for name in shared] for model in models]


def _correlations(models: Sequence[ModelEvidence]) -> Correlations:
    """Return Spearman's correlations of the models' accuracies."""
    shared = _shared(models)
    for model, subjects in zip(models, shared, strict=True):
        if len({counts.accuracy for counts in subjects}) == 1:
            raise Untestable(f"{model.short} has the same accuracy on all subjects")
    correct = numpy.array([[counts.correct for counts in subjects] for subjects in shared], int)
    questions = numpy.array([[counts.questions for counts in subjects] for subjects in shared], int)
    return resampling.rank_correlations(correct, questions)


def _by_pair(
    models: Sequence[ModelEvidence], correlations: Correlations
) -> list[tuple[tuple[ModelEvidence, ModelEvidence], Estimate]]:
    return list(zip(combinations(models, 2), correlations.pairs, strict=True))


def _interval(rho: Estimate) -> str:
    return f"{rho.value:.2f} ({rho.low:.2f} to {rho.high:.2f})"

"""Predicates of claims on whether models rank subjects by accuracy in the same order.

A predicate takes evidence and the claim's parameters, and returns a judgement.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

from scipy import stats

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence, ModelEvidence
from mmlu_kit.claims.verdicts import Untestable, counterpart, verdict

ModelPair = tuple[ModelEvidence, ModelEvidence]
FEWEST_SUBJECTS = 3  # to rank


def subjects_agree(evidence: Evidence, at_least: float) -> Judgement:
    """The mean Spearman correlation of every two models' rankings of subjects is at least this high.

    It is equivalent to Kendall's W for m models, (m W - 1) / (m - 1), but does not depend on m.
    """
    w, _, _ = _concordance(evidence.models)
    rhos = [(rho, first.short, second.short) for (first, second), rho in _correlations(evidence.models)]
    (low, *least), (high, *most) = min(rhos), max(rhos)
    mean = sum(rho for rho, _, _ in rhos) / len(rhos)
    line = f"mean Spearman correlation {mean:.2f} over {len(evidence.models)} models (Kendall's W {w:.2f}), from"
    return verdict(mean >= at_least, f"{line} {low:.2f} ({' and '.join(least)}) to {high:.2f} ({' and '.join(most)})")


def differ_systematically(evidence: Evidence, p_under: float) -> Judgement:
    """The models' rankings of subjects agree more than by chance, by Friedman's test."""
    w, chi2, p = _concordance(evidence.models)
    line = f"Friedman's chi-squared {chi2:.1f} over {len(evidence.models)} models (Kendall's W {w:.2f})"
    return verdict(p < p_under, f"{line}, {formatting.p_value(p)}")


def is_the_exception(evidence: Evidence, smaller: str, larger: str, at_least: float) -> Judgement:
    """Among neighbours in size, only these two rank subjects differently: all others reach this Spearman correlation."""
    pair = (counterpart(evidence, smaller), counterpart(evidence, larger))
    correlations = _correlations(evidence.models)
    neighbours = list(pairwise(evidence.models))
    steps = [(models, rho) for models, rho in correlations if models in neighbours]
    others = [rho for models, rho in steps if models != pair]
    if not others or len(others) == len(steps):
        raise Untestable("these two models are not neighbours in size here, or there is no other model to compare with")
    exceptional = all(rho < at_least for models, rho in steps if models == pair)
    line = "; ".join(f"{first.short} and {second.short} {rho:.2f}" for (first, second), rho in steps)
    return verdict(exceptional and min(others) >= at_least, f"Spearman correlation of subjects: {line}")


def _profiles(models: Sequence[ModelEvidence]) -> list[list[float]]:
    """Return each model's accuracies on the subjects that all share. Raises Untestable if there is too little to rank."""
    if len(models) < 2:
        raise Untestable(f"{formatting.plural(len(models), 'model')} here, and a comparison needs two")
    shared = [name for name in models[0].subjects if all(name in model.subjects for model in models)]
    if len(shared) < FEWEST_SUBJECTS:
        raise Untestable(f"the models share {formatting.plural(len(shared), 'subject')}, too few to rank")
    return [[model.subjects[name].accuracy for name in shared] for model in models]


def _concordance(models: Sequence[ModelEvidence]) -> tuple[float, float, float]:
    """Return Kendall's W corrected for ties, Friedman's chi-squared and its p."""
    by_subject = list(zip(*_profiles(models), strict=True))
    chi2, p = stats.friedmanchisquare(*by_subject)
    if chi2 != chi2:
        raise Untestable("every model has the same accuracy on all subjects")
    return chi2 / (len(models) * (len(by_subject) - 1)), chi2, p


def _correlations(models: Sequence[ModelEvidence]) -> list[tuple[ModelPair, float]]:
    """Return Spearman's correlation of every two models' accuracies."""
    profiles = _profiles(models)
    for model, profile in zip(models, profiles, strict=True):
        if len(set(profile)) == 1:
            raise Untestable(f"{model.short} has the same accuracy on all subjects")
    pairs = zip(combinations(models, 2), combinations(profiles, 2), strict=True)
    return [(pair, float(stats.spearmanr(*accuracies).statistic)) for pair, accuracies in pairs]

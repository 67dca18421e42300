"""Predicates of claims on which questions models miss together.

A predicate takes evidence and the claim's parameters, and returns a judgement. It holds, or does not, where a test shows that.
"""

from itertools import combinations

import numpy

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence
from mmlu_kit.claims.verdicts import Untestable, answering, counterpart, most_whole, shared_answers, shown
from mmlu_kit.statistics import ALPHA, intervals, resampling, two_by_two
from mmlu_kit.statistics.strata import strata


def are_wrong_together(evidence: Evidence, share: float) -> Judgement:
    """Models are right on similar questions: over all pairs of models, the mean of Cohen's kappa is at least this share of the
    largest kappa that their accuracies allow, by its 95 % bootstrap interval.
    """
    candidates, partial = most_whole(evidence, evidence.models)
    models, note = answering(candidates)
    note += partial
    if len(models) < 2:
        raise Untestable(f"{formatting.plural(len(models), 'model')} here to compare, and a comparison needs two{note}")
    answers = shared_answers(models)
    kappas = resampling.shared_kappa(numpy.column_stack([each.right for each in answers]), answers[0].choices)
    if kappas is None:
        raise Untestable("two models here are always right or always wrong, so their agreement cannot be computed")
    pairs = list(combinations([model.short for model in models], 2))
    worst, least = min(zip(kappas.pairs, pairs, strict=True))
    mean, low, high = kappas.mean
    line = (
        f"{formatting.plural(len(pairs), 'pair')} of models on {len(answers[0].questions)} questions: kappa is on average "
        f"{mean:.2f} ({low:.2f} to {high:.2f}) of the largest possible, least {worst.value:.2f} for {' and '.join(least)}"
    )
    return shown(low >= share, high < share, line + note)


def is_hard_for_both(evidence: Evidence, first: str, second: str) -> Judgement:
    """The second model misses more than half of the questions that the first misses (95 % interval), and more of them than if
    the two were independent within subject and right letter (exact test). It does not hold if either is plainly untrue.
    """
    models, note = answering(counterpart(evidence, name) for name in (first, second))
    if len(models) < 2:
        raise Untestable(f"nothing follows from what such a model misses{note}")
    one, other = shared_answers(models)
    if one.right.all():
        raise Untestable(f"{models[0].short} misses no question here")
    together = two_by_two.both_wrong(~one.right, ~other.right, strata(one.subjects, one.choices, one.gold))
    missed, both = int((~one.right).sum()), int((~one.right & ~other.right).sum())
    low, high = intervals.wilson(both, missed)
    line = (
        f"of {missed} questions that {models[0].short} misses, {models[1].short} misses {formatting.percent(both / missed)} "
        f"({formatting.percent(low)} to {formatting.percent(high)}), {formatting.percent(together.expected / missed)} if they "
        f"were independent within subject and right letter, {formatting.p_value(together.p_more)}"
    )
    return shown(low > 0.5 and together.p_more < ALPHA, high < 0.5 or together.p_less < ALPHA, line)

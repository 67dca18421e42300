"""Predicates of claims on models: accuracy, how it goes with size, and which questions models miss together.

A predicate takes evidence and the claim's parameters, and returns a judgement. In a run a model's accuracy is that of its best
letter, as everywhere in the report.
"""

from itertools import pairwise

from mmlu_kit import formatting, statistics
from mmlu_kit.analysis.document import PairAnalysis
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence
from mmlu_kit.claims.verdicts import Untestable, is_about, named, on, real_times, verdict
from mmlu_kit.settings import CHANCE


def rises_with_size(evidence: Evidence, device: str) -> Judgement:
    """Each step in parameters raises accuracy by more than the two intervals can explain."""
    models = on(evidence, device, at_least=2)
    if not all(smaller.parameters < larger.parameters for smaller, larger in pairwise(models)):
        raise Untestable("two models here have the same number of parameters")
    intervals = [model.total.interval for model in models]
    rises = all(high < low for (_, high), (low, _) in pairwise(intervals))
    return verdict(rises, "; ".join(f"{model.short} {model.total}" for model in models))


def ratios(evidence: Evidence, larger: str, smaller: str, accuracy_times: float, time_times: float, within: float) -> Judgement:
    """The larger model's accuracy and real time are so many times the smaller's, within a factor."""
    large, small = named(evidence, larger), named(evidence, smaller)
    large_s, small_s = real_times(large, small)
    if not small.total.correct:
        raise Untestable(f"{small.short} has no answer right here")
    if large.machine != small.machine:
        raise Untestable("the two models were timed on different machines")
    accuracy_ratio, time_ratio = large.total.accuracy / small.total.accuracy, large_s / small_s
    accuracies = f"{formatting.percent(large.total.accuracy)} / {formatting.percent(small.total.accuracy)}"
    times = f"{large_s / 60:.1f} min / {small_s / 60:.1f} min"
    return verdict(
        is_about(accuracy_ratio, accuracy_times, within) and is_about(time_ratio, time_times, within),
        f"{accuracies} = {formatting.ratio(accuracy_ratio)}; {times} = {formatting.ratio(time_ratio)}",
    )


def at_chance(evidence: Evidence, model: str) -> Judgement:
    """The interval of the model's accuracy contains the accuracy of guessing."""
    tested = named(evidence, model)
    low, high = tested.total.interval
    line = f"{tested.short}: {tested.total}; guessing one of four letters gives {CHANCE:.0%}"
    if tested.parsed is None and high < CHANCE:
        line += f", or this if only {formatting.percent(tested.total.accuracy / CHANCE)} of answers could be parsed"
    return verdict(low <= CHANCE <= high, line)


def above_chance(evidence: Evidence, model: str) -> Judgement:
    """The model is right more often than guessing: exact binomial test, one-sided, 5 %."""
    tested = named(evidence, model)
    p = statistics.better_than_guessing(tested.total.correct, tested.total.questions)
    line = f"{tested.short}: {tested.total} against {CHANCE:.0%}; {formatting.p_value(p)}"
    return verdict(p < statistics.ALPHA, line)


def is_often_unreadable(evidence: Evidence, model: str, under: float) -> Judgement:
    """A letter could be parsed from less than a share of the model's answers."""
    tested = named(evidence, model)
    if tested.parsed is None:
        share = formatting.percent(tested.total.accuracy / CHANCE)
        line = "how many answers could be parsed is not published"
        raise Untestable(f"{line}; guessing would give this accuracy if {share} could")
    line = f"{tested.short}: a letter could be parsed from {tested.parsed} of {tested.total.questions} answers"
    return verdict(tested.parsed / tested.total.questions < under, line)


def are_wrong_together(evidence: Evidence, share: float) -> Judgement:
    """Every two models agree in which questions they get right: Cohen's kappa is at least this share of the largest that
    their accuracies allow."""
    kappas = [(pair, pair.kappa, pair.kappa_max) for pair in _pairs(evidence) if pair.kappa is not None and pair.kappa_max]
    if not kappas:
        raise Untestable("no two models here whose agreement can be computed")
    pair, kappa, kappa_max = min(kappas, key=lambda entry: entry[1] / entry[2])
    line = (
        f"{formatting.plural(len(kappas), 'pair')} of models, least alike {' and '.join(pair.models)}: both wrong on "
        f"{pair.both_wrong} of {pair.questions} questions, {pair.both_wrong_expected:.0f} if independent; kappa {kappa:.2f} "
        f"of at most {kappa_max:.2f}"
    )
    return verdict(kappa >= share * kappa_max, line)


def is_hard_for_both(evidence: Evidence, first: str, second: str) -> Judgement:
    """Of the questions the first model misses, the second misses more than half, and more than independence would give."""
    models = [named(evidence, name) for name in (first, second)]
    names = [model.name for model in models]
    pair = next((pair for pair in _pairs(evidence) if set(pair.models) == set(names)), None)
    if pair is None:
        raise Untestable("these two models have no questions in common here")
    # The first model also missed what only the other one of the pair got right.
    in_order = pair.models[0] == names[0]
    missed = pair.both_wrong + (pair.mcnemar.only_second if in_order else pair.mcnemar.only_first)
    if not missed:
        raise Untestable(f"{models[0].short} misses no question here")
    share, expected = pair.both_wrong / missed, pair.both_wrong_expected / missed
    line = f"of {missed} questions that {models[0].short} misses, {models[1].short} misses {formatting.percent(share)}"
    return verdict(share > 0.5 and share > expected, f"{line}, {formatting.percent(expected)} if they were independent")


def _pairs(evidence: Evidence) -> tuple[PairAnalysis, ...]:
    if evidence.pairs is None:
        raise Untestable("no answers to single questions are published, only averages of subjects")
    return evidence.pairs

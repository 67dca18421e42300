"""Predicates of claims on models: accuracy, how it depends on size, and which questions models miss together.

A predicate takes evidence and the claim's parameters, and returns a judgement. In a run, accuracy is by the best answer, as
everywhere in the report.
"""

from itertools import pairwise

from mmlu_kit import formatting, statistics
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence
from mmlu_kit.claims.reference import Factor
from mmlu_kit.claims.verdicts import Untestable, counterpart, is_about, models_on, real_times, verdict
from mmlu_kit.statistics import proportions


def rises_with_size(evidence: Evidence, device: str) -> Judgement:
    """Accuracy rises with every step in the number of parameters, and the 95 % intervals of neighbours do not overlap."""
    models = models_on(evidence, device, at_least=2)
    if not all(smaller.parameters < larger.parameters for smaller, larger in pairwise(models)):
        raise Untestable("two models here have the same number of parameters")
    intervals = [model.total.interval for model in models]
    rises = all(high < low for (_, high), (low, _) in pairwise(intervals))
    return verdict(rises, "; ".join(f"{model.short} {model.total}" for model in models))


def ratios(
    evidence: Evidence, larger: str, smaller: str, accuracy_times: float, time_times: float, within: Factor
) -> Judgement:
    """The ratios of the larger model's accuracy and real time to the smaller's are as published, within a factor."""
    large, small = counterpart(evidence, larger), counterpart(evidence, smaller)
    large_s, small_s = real_times(large, small)
    if not small.total.correct:
        raise Untestable(f"{small.short} has no right answer here")
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
    """The 95 % interval of the model's accuracy includes the accuracy of guessing."""
    tested = counterpart(evidence, model)
    (low, high), guessing = tested.total.interval, tested.total.guessing
    line = f"{tested.short}: {tested.total}; guessing gives {formatting.percent(guessing)}"
    # A run has a best answer to every question; of the published answers, some may have been unparsed.
    if tested.effective is None and high < guessing:
        line += f", or this accuracy if only {formatting.percent(tested.total.accuracy / guessing)} of the answers are parsed"
    return verdict(low <= guessing <= high, line)


def above_chance(evidence: Evidence, model: str) -> Judgement:
    """The model does better than guessing: exact one-sided test at the 5 % level."""
    tested = counterpart(evidence, model)
    # Where questions differ in their number of choices, guessing varies less than with the mean chance at each of them.
    p = proportions.better_than_guessing(tested.total.correct, [tested.total.guessing] * tested.total.questions)
    line = f"{tested.short}: {tested.total} against {formatting.percent(tested.total.guessing)}; {formatting.p_value(p)}"
    return verdict(p < statistics.ALPHA, line)


def is_often_unparsed(evidence: Evidence, model: str, under: float) -> Judgement:
    """A letter could be parsed from fewer than this share of the model's answers."""
    tested = counterpart(evidence, model)
    if tested.parsed is None:
        share = formatting.percent(tested.total.accuracy / tested.total.guessing)
        guessing = f"; guessing would give this accuracy if {share} of the answers were parsed"
        raise Untestable(f"{tested.not_parsed}{'' if tested.effective else guessing}")
    line = f"{tested.short}: a letter could be parsed from {tested.parsed} of {tested.total.questions} answers"
    return verdict(tested.parsed / tested.total.questions < under, line)


def are_wrong_together(evidence: Evidence, share: float) -> Judgement:
    """Every two models are right on similar questions: Cohen's kappa is at least this share of the largest kappa that their
    accuracies allow."""
    kappas = [(pair, pair.kappa, pair.kappa_max) for pair in _pairs(evidence) if pair.kappa is not None and pair.kappa_max]
    if not kappas:
        raise Untestable("there are no two models here whose agreement can be computed")
    pair, kappa, kappa_max = min(kappas, key=lambda entry: entry[1] / entry[2])
    line = (
        f"{formatting.plural(len(kappas), 'pair')} of models, least agreement of {' and '.join(pair.models)}: both wrong on "
        f"{pair.both_wrong} of {pair.questions} questions, {pair.both_wrong_expected:.0f} if independent; kappa {kappa:.2f} "
        f"of at most {kappa_max:.2f}"
    )
    return verdict(kappa >= share * kappa_max, line)


def is_hard_for_both(evidence: Evidence, first: str, second: str) -> Judgement:
    """The second model misses more than half of the questions that the first misses, and more than if they were independent."""
    models = [counterpart(evidence, name) for name in (first, second)]
    names = [model.name for model in models]
    pair = next((pair for pair in _pairs(evidence) if set(pair.models) == set(names)), None)
    if pair is None:
        raise Untestable("these two models have no questions in common here")
    # The first model also missed the questions that only the other model got right.
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

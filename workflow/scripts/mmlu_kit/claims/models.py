"""Predicates of claims on models: how right they are, how that goes with size, which questions they miss together.

A predicate takes evidence (see evidence.py) and parameters, and gives a verdict and a line of numbers.
In a run a model's accuracy is that of its best letter, as everywhere in the report.
"""

from itertools import pairwise

from scipy import stats

from mmlu_kit import formatting, statistics
from mmlu_kit.claims.verdicts import Untestable, Verdict, accuracy, is_about, many, named, on, verdict, with_interval

CHANCE = 0.25


def rises_with_size(evidence: dict, device: str) -> Verdict:
    """Each step in parameters raises accuracy by more than the two intervals can explain."""
    models = on(evidence, device, at_least=2)
    bounds = [statistics.wilson(model["correct"], model["questions"]) for model in models]
    rises = all(high < low for (_, high), (low, _) in pairwise(bounds))
    sizes = [model["parameters"] for model in models]
    grows = all(a < b for a, b in pairwise(sizes))
    if not grows:
        raise Untestable("two models here have the same number of parameters")
    return verdict(rises, "; ".join(f"{model['short']} {with_interval(model)}" for model in models))


def ratios(evidence: dict, larger: str, smaller: str, accuracy_times: float, time_times: float, within: float) -> Verdict:
    """The larger model's accuracy and real time are so many times the smaller's, within a factor."""
    one, other = named(evidence, larger), named(evidence, smaller)
    if not (one["real_s"] and other["real_s"]):
        raise Untestable("one of the two models has no time")
    if not other["correct"]:
        raise Untestable(f"{other['short']} has no answer right here")
    if one["machine"] != other["machine"]:
        raise Untestable("the two models were timed on different machines")
    more, longer = accuracy(one) / accuracy(other), one["real_s"] / other["real_s"]
    shares = f"{formatting.percent(accuracy(one))} / {formatting.percent(accuracy(other))} = {more:.1f}"
    times = f"{one['real_s'] / 60:.1f} min / {other['real_s'] / 60:.1f} min = {longer:.1f}"
    return verdict(is_about(more, accuracy_times, within) and is_about(longer, time_times, within), f"{shares}; {times}")


def at_chance(evidence: dict, model: str) -> Verdict:
    """The interval of the model's accuracy holds the 25 % of guessing."""
    found = named(evidence, model)
    low, high = statistics.wilson(found["correct"], found["questions"])
    line = f"{found['short']}: {with_interval(found)}; guessing one of four letters gives 25%"
    if found["parsed"] is None and high < CHANCE:
        line += f", or this if only {formatting.percent(accuracy(found) / CHANCE)} of answers could be read"
    return verdict(low <= CHANCE <= high, line)


def above_chance(evidence: dict, model: str) -> Verdict:
    """The model is right more often than guessing: exact binomial test, one-sided, 5 %."""
    found = named(evidence, model)
    p = stats.binomtest(found["correct"], found["questions"], CHANCE, alternative="greater").pvalue
    return verdict(p < 0.05, f"{found['short']}: {with_interval(found)} against 25%; {formatting.p_value(p)}")


def is_often_unreadable(evidence: dict, model: str, under: float) -> Verdict:
    """Fewer of the model's answers than a share could be read as a letter."""
    found = named(evidence, model)
    if found["parsed"] is None:
        share = formatting.percent(accuracy(found) / CHANCE)
        raise Untestable(f"how many answers could be read is not published; guessing would give this accuracy if {share} could")
    line = f"{found['short']}: {found['parsed']} of {found['questions']} answers could be read as a letter"
    return verdict(found["parsed"] / found["questions"] < under, line)


def are_wrong_together(evidence: dict, share: float) -> Verdict:
    """Every two models agree in which questions they get right: Cohen's kappa is at least this share of the largest that
    their accuracies allow."""
    known = [pair for pair in _pairs(evidence) if pair["kappa"] is not None and pair["kappa_max"]]
    if not known:
        raise Untestable("no two models here whose agreement can be computed")
    least = min(known, key=lambda pair: pair["kappa"] / pair["kappa_max"])
    wrong = f"both wrong on {least['both_wrong']} of {least['questions']} questions"
    kappa = f"kappa {least['kappa']:.2f} of at most {least['kappa_max']:.2f}"
    line = f"{many(len(known), 'pair')} of models, least alike {' and '.join(least['models'])}: {wrong}"
    holds = least["kappa"] >= share * least["kappa_max"]
    return verdict(holds, f"{line}, {least['both_wrong_expected']:.0f} if independent; {kappa}")


def is_hard_for_both(evidence: dict, first: str, second: str) -> Verdict:
    """Of the questions the first model misses, the second misses more than half, and more than independence would give."""
    names = [named(evidence, name)["name"] for name in (first, second)]
    shorts = [named(evidence, name)["short"] for name in (first, second)]
    pair = next((pair for pair in _pairs(evidence) if set(pair["models"]) == set(names)), None)
    if pair is None:
        raise Untestable("these two models have no questions in common here")
    # McNemar's counts: `only_first` was right for the first of the pair alone.
    missed = pair["both_wrong"] + pair["mcnemar"]["only_second" if pair["models"][0] == names[0] else "only_first"]
    if not missed:
        raise Untestable(f"{shorts[0]} misses no question here")
    share, expected = pair["both_wrong"] / missed, pair["both_wrong_expected"] / missed
    line = f"of {missed} questions that {shorts[0]} misses, {shorts[1]} misses {formatting.percent(share)}"
    return verdict(share > 0.5 and share > expected, f"{line}, {formatting.percent(expected)} if they were independent")


def _pairs(evidence: dict) -> list[dict]:
    if evidence["pairs"] is None:
        raise Untestable("no answers to single questions are published, only averages of subjects")
    return evidence["pairs"]

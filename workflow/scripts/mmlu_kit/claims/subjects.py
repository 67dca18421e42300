"""Predicates of claims on subjects: which are hard, for whom, and whether models agree on it.

A predicate takes evidence (see evidence.py) and parameters, and gives a verdict and a line of numbers. One that names a subject
is about MMLU's questions, and is tested on no others.
"""

from itertools import combinations, pairwise

from scipy import stats

from mmlu_kit import formatting, statistics
from mmlu_kit.claims.verdicts import Untestable, Verdict, accuracy, many, named, on, verdict, with_interval

CHANCE = 0.25


def has_subjects(evidence: dict, number: int) -> Verdict:
    """Several models each answered so many of MMLU's subjects."""
    models = _on_mmlu(evidence)
    counts = sorted({len(model["subjects"]) for model in models})
    line = f"{many(len(models), 'model')} on {' or '.join(map(str, counts))} subjects each"
    return verdict(counts == [number] and len(models) > 1, line)


def is_lowest_everywhere(evidence: dict, subject: str) -> Verdict:
    """No other subject has a lower accuracy, for any model."""
    exceptions = []
    models = _on_mmlu(evidence, subject)
    for model in models:
        lowest = min(model["subjects"], key=lambda name: accuracy(model["subjects"][name]))
        low, mine = accuracy(model["subjects"][lowest]), accuracy(model["subjects"][subject])
        if low < mine:
            exceptions.append(f"{model['short']} has {lowest} {formatting.percent(low)} below it at {formatting.percent(mine)}")
    line = f"lowest for {len(models) - len(exceptions)} of {many(len(models), 'model')}"
    return verdict(not exceptions, "; ".join([line, *exceptions]))


def is_hardest_but(evidence: dict, subject: str, place: int) -> Verdict:
    """By the mean of the models' accuracies the subject has this place, counted from the hardest."""
    models = _on_mmlu(evidence, subject)
    shared = _shared_subjects(models)
    means = {name: sum(accuracy(model["subjects"][name]) for model in models) / len(models) for name in shared}
    found = 1 + sum(mean < means[subject] for mean in means.values())
    places = ", ".join(f"{_place(model, subject, hardest=True)} for {model['short']}" for model in models)
    return verdict(
        found == place, f"mean accuracy {formatting.percent(means[subject])}, place {found} from the hardest; {places}"
    )


def are_hardest_everywhere(evidence: dict, subjects: list[str]) -> Verdict:
    """For every model no other subject is harder than these."""
    models = _on_mmlu(evidence, *subjects)
    exceptions = []
    for model in models:
        beyond = [name for name in subjects if _place(model, name, hardest=True) > len(subjects)]
        exceptions += [f"{name} is place {_place(model, name, hardest=True)} for {model['short']}" for name in beyond]
    held = len(models) - len({line.rsplit(" for ", 1)[1] for line in exceptions})
    return verdict(not exceptions, "; ".join([f"the hardest for {held} of {many(len(models), 'model')}", *exceptions]))


def is_below_average_everywhere(evidence: dict, subject: str) -> Verdict:
    """For every model the subject's accuracy is below the mean of the model's subjects."""
    models = _on_mmlu(evidence, subject)
    found = [(model["short"], accuracy(model["subjects"][subject]), _mean(model)) for model in models]
    line = "; ".join(f"{name} {formatting.percent(mine)}, mean {formatting.percent(mean)}" for name, mine, mean in found)
    return verdict(all(mine < mean for _, mine, mean in found), line)


def is_among_best(evidence: dict, subject: str, places: int, parameters_from: float = 0) -> Verdict:
    """For every model from a size on, the subject is among its best few."""
    models = [model for model in _on_mmlu(evidence, subject) if model["parameters"] >= parameters_from]
    if not models:
        raise Untestable(f"no model of {formatting.count(parameters_from)} parameters or more here")
    found = [(model["short"], _place(model, subject), model["subjects"][subject]) for model in models]
    line = ", ".join(f"{place} for {name} ({formatting.percent(accuracy(mine))})" for name, place, mine in found)
    return verdict(all(place <= places for _, place, _ in found), f"place from the best: {line}")


def is_strong(evidence: dict, subject: str, device: str) -> Verdict:
    """For every model on a device the subject is above guessing (by its interval) and above the model's mean."""
    if evidence["other_questions"]:
        raise Untestable(evidence["other_questions"])
    models = [model for model in on(evidence, device) if subject in model["subjects"]]
    if not models:
        raise Untestable(f"no result on {subject} here")
    found = [(model, model["subjects"][subject]) for model in models]
    strong = all(statistics.wilson(**_counts(mine))[0] > CHANCE and accuracy(mine) > _mean(model) for model, mine in found)
    line = "; ".join(
        f"{model['short']} {with_interval(mine)}, mean {formatting.percent(_mean(model))}" for model, mine in found
    )
    return verdict(strong, line)


def subjects_agree(evidence: dict, at_least: float) -> Verdict:
    """The mean Spearman correlation of every two models' rankings of subjects reaches a value.

    It says the same as Kendall's W, which also depends on how many models there are: (m W - 1) / (m - 1).
    """
    w, _, _ = _concordance(evidence["models"])
    rhos = [(rho, one["short"], other["short"]) for one, other, rho in _correlations(evidence["models"])]
    (low, *first), (high, *second) = min(rhos), max(rhos)
    mean = sum(rho for rho, _, _ in rhos) / len(rhos)
    line = f"mean Spearman correlation {mean:.2f} over {len(evidence['models'])} models (Kendall's W {w:.2f}), from"
    return verdict(mean >= at_least, f"{line} {low:.2f} ({' and '.join(first)}) to {high:.2f} ({' and '.join(second)})")


def differ_systematically(evidence: dict, p_under: float) -> Verdict:
    """The models rank subjects more alike than chance would: Friedman's test."""
    w, chi2, p = _concordance(evidence["models"])
    line = f"Friedman's chi-squared {chi2:.1f} over {len(evidence['models'])} models (Kendall's W {w:.2f})"
    return verdict(p < p_under, f"{line}, {formatting.p_value(p)}")


def is_the_exception(evidence: dict, smaller: str, larger: str, at_least: float) -> Verdict:
    """Of neighbours in size, these two alone rank subjects differently: every other two reach a Spearman correlation."""
    pair = [named(evidence, name) for name in (smaller, larger)]
    steps = [(one, other, rho) for one, other, rho in _correlations(evidence["models"]) if _neighbours(evidence, one, other)]
    others = [rho for one, other, rho in steps if [one, other] != pair]
    if not others or len(others) == len(steps):
        raise Untestable("these two are no neighbours in size here, or there is no other model to compare with")
    exceptional = all(rho < at_least for one, other, rho in steps if [one, other] == pair)
    line = "; ".join(f"{one['short']} and {other['short']} {rho:.2f}" for one, other, rho in steps)
    return verdict(exceptional and min(others) >= at_least, f"Spearman correlation of subjects: {line}")


def _counts(found: dict) -> dict[str, int]:
    return {"successes": found["correct"], "trials": found["questions"]}


def _on_mmlu(evidence: dict, *subjects: str) -> list[dict]:
    """Models that answered these subjects; Untestable where there are none, or the questions are not MMLU's."""
    if evidence["other_questions"]:
        raise Untestable(evidence["other_questions"])
    found = [model for model in evidence["models"] if set(subjects) <= set(model["subjects"])]
    if not found:
        raise Untestable(f"no result on {', '.join(subjects) or 'any subject'} here")
    return found


def _place(model: dict, subject: str, hardest: bool = False) -> int:
    """A subject's place among a model's, from the best or the hardest; equal ones share the better place."""
    mine = accuracy(model["subjects"][subject])
    sign = -1 if hardest else 1
    return 1 + sum(sign * accuracy(other) > sign * mine for other in model["subjects"].values())


def _mean(model: dict) -> float:
    return sum(map(accuracy, model["subjects"].values())) / len(model["subjects"])


def _shared_subjects(models: list[dict]) -> list[str]:
    return [name for name in models[0]["subjects"] if all(name in model["subjects"] for model in models)]


def _profiles(models: list[dict]) -> list[list[float]]:
    """Each model's accuracies on the subjects that all have."""
    if len(models) < 2:
        raise Untestable(f"{many(len(models), 'model')} here, and it takes two to compare")
    shared = _shared_subjects(models)
    if len(shared) < 3:
        raise Untestable(f"the models share {len(shared)} subjects, too few to rank")
    return [[accuracy(model["subjects"][name]) for name in shared] for model in models]


def _concordance(models: list[dict]) -> tuple[float, float, float]:
    """Kendall's W with ties, Friedman's chi-squared and its p."""
    profiles = _profiles(models)
    by_subject = list(zip(*profiles, strict=True))
    chi2, p = stats.friedmanchisquare(*by_subject)
    if chi2 != chi2:
        raise Untestable("every model has the same accuracy on all subjects")
    return chi2 / (len(models) * (len(by_subject) - 1)), chi2, p


def _correlations(models: list[dict]) -> list[tuple[dict, dict, float]]:
    profiles = _profiles(models)
    for model, profile in zip(models, profiles, strict=True):
        if len(set(profile)) == 1:
            raise Untestable(f"{model['short']} has the same accuracy on all subjects")
    found = combinations(zip(models, profiles, strict=True), 2)
    return [(one, other, float(stats.spearmanr(a, b).statistic)) for (one, a), (other, b) in found]


def _neighbours(evidence: dict, one: dict, other: dict) -> bool:
    return any(one is a and other is b for a, b in pairwise(evidence["models"]))

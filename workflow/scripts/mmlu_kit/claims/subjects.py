"""Predicates of claims on single subjects: which are hard or easy, and for which models.

A predicate takes evidence and the claim's parameters, and returns a judgement. Claims on subjects are about MMLU's
questions and are tested on no others.
"""

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence, ModelEvidence
from mmlu_kit.claims.verdicts import Untestable, models_on, verdict


def has_subjects(evidence: Evidence, number: int) -> Judgement:
    """Several models each answered this many of MMLU's subjects."""
    models = _on_mmlu(evidence)
    counts = sorted({len(model.subjects) for model in models})
    line = f"{formatting.plural(len(models), 'model')} on {' or '.join(map(str, counts))} subjects each"
    return verdict(counts == [number] and len(models) > 1, line)


def is_lowest_everywhere(evidence: Evidence, subject: str) -> Judgement:
    """No model has a lower accuracy on another subject."""
    models = _on_mmlu(evidence, subject)
    exceptions = []
    for model in models:
        lowest = min(model.subjects, key=lambda name: model.subjects[name].accuracy)
        low, accuracy = model.subjects[lowest].accuracy, model.subjects[subject].accuracy
        if low < accuracy:
            lower = f"{formatting.percent(low)} on {lowest}, below {formatting.percent(accuracy)} on {subject}"
            exceptions.append(f"{model.short} reaches {lower}")
    line = f"lowest for {len(models) - len(exceptions)} of {formatting.plural(len(models), 'model')}"
    return verdict(not exceptions, "; ".join([line, *exceptions]))


def has_rank_from_hardest(evidence: Evidence, subject: str, rank: int) -> Judgement:
    """By the mean of the models' accuracies, the subject has this rank, counted from the hardest."""
    models = _on_mmlu(evidence, subject)
    means = {
        name: sum(model.subjects[name].accuracy for model in models) / len(models)
        for name in models[0].subjects
        if all(name in model.subjects for model in models)
    }
    mean_rank = 1 + sum(mean < means[subject] for mean in means.values())
    ranks = ", ".join(f"{model.rank(subject, hardest=True)} for {model.short}" for model in models)
    line = f"mean accuracy {formatting.percent(means[subject])}, rank {mean_rank} from the hardest; by model {ranks}"
    return verdict(mean_rank == rank, line)


def are_hardest_everywhere(evidence: Evidence, subjects: list[str]) -> Judgement:
    """No model finds another subject harder than these."""
    models = _on_mmlu(evidence, *subjects)
    exceptions, held = [], 0
    for model in models:
        ranks = {name: model.rank(name, hardest=True) for name in subjects}
        easier = [name for name in subjects if ranks[name] > len(subjects)]
        exceptions += [f"{name} has rank {ranks[name]} for {model.short}" for name in easier]
        held += not easier
    line = f"the hardest for {held} of {formatting.plural(len(models), 'model')}"
    return verdict(not exceptions, "; ".join([line, *exceptions]))


def is_below_average_everywhere(evidence: Evidence, subject: str) -> Judgement:
    """For every model, the subject's accuracy is below the model's mean over subjects."""
    models = _on_mmlu(evidence, subject)
    accuracies = [(model.short, model.subjects[subject].accuracy, model.macro_accuracy) for model in models]
    line = "; ".join(f"{name} {formatting.percent(value)}, mean {formatting.percent(mean)}" for name, value, mean in accuracies)
    return verdict(all(value < mean for _, value, mean in accuracies), line)


def is_among_best(evidence: Evidence, subject: str, places: int, parameters_from: float = 0) -> Judgement:
    """The subject is among the best few of every model of at least this size."""
    models = [model for model in _on_mmlu(evidence, subject) if model.parameters >= parameters_from]
    if not models:
        raise Untestable(f"no model with {formatting.count(parameters_from)} or more parameters here")
    line = ", ".join(
        f"{model.rank(subject)} for {model.short} ({formatting.percent(model.subjects[subject].accuracy)})" for model in models
    )
    return verdict(all(model.rank(subject) <= places for model in models), f"rank from the best: {line}")


def is_strong(evidence: Evidence, subject: str, device: str) -> Judgement:
    """For every model on a device, the subject's interval is above guessing, and its accuracy is above the model's mean."""
    models = _on_mmlu(evidence, subject, device=device)
    pairs = [(model.subjects[subject], model.macro_accuracy) for model in models]
    strong = all(counts.interval[0] > counts.guessing and counts.accuracy > mean for counts, mean in pairs)
    line = "; ".join(
        f"{model.short} {model.subjects[subject]}, mean {formatting.percent(model.macro_accuracy)}" for model in models
    )
    return verdict(strong, line)


def _on_mmlu(evidence: Evidence, *subjects: str, device: str | None = None) -> list[ModelEvidence]:
    """Return the models (on a device) that answered these subjects.

    Raises Untestable if there are none, or if the questions are not MMLU's.
    """
    if evidence.other_questions:
        raise Untestable(evidence.other_questions)
    candidates = models_on(evidence, device) if device else evidence.models
    models = [model for model in candidates if set(subjects) <= set(model.subjects)]
    if not models:
        raise Untestable(f"no result on {', '.join(subjects) or 'any subject'} here")
    return models

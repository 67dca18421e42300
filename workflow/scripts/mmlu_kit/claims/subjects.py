"""Predicates of claims on single subjects: which are hard or easy, and for which models.

A predicate takes evidence and the claim's parameters, and returns a judgement. Claims on subjects are about MMLU's
questions and are tested on no others. A claim on every model holds if a test shows it for each, and does not hold if a test
shows the contrary for one, or if published numbers themselves do; models that nearly always choose one letter are left out.
What compares a subject with all others needs all of the publication's: the hardest of half of them may not be the hardest.
"""

from mmlu_kit import formatting
from mmlu_kit.claims import subject_tests
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Counts, Evidence, ModelEvidence
from mmlu_kit.claims.subject_tests import Tested
from mmlu_kit.claims.verdicts import Untestable, choosing, models_on, verdict, whole
from mmlu_kit.statistics import proportions

MOST_EXCEPTIONS = 5  # named in a line of evidence


def has_subjects(evidence: Evidence, number: int) -> Judgement:
    """Several models each answered this many of MMLU's subjects."""
    models = _on_mmlu(evidence)
    counts = sorted({len(model.subjects) for model in models})
    line = f"{formatting.plural(len(models), 'model')} on {' or '.join(map(str, counts))} subjects each"
    return verdict(counts == [number] and len(models) > 1, line)


def is_lowest_everywhere(evidence: Evidence, subject: str) -> Judgement:
    """Each model's accuracy is lower than on any other subject (Fisher's exact tests)."""
    models, note = _on_every_subject(evidence, subject)
    exceptions = []
    for model in models:
        lowest = min(model.subjects, key=lambda name: model.subjects[name].accuracy)
        low, accuracy = model.subjects[lowest].accuracy, model.subjects[subject].accuracy
        if low < accuracy:
            lower = f"{formatting.percent(low)} on {lowest}, below {formatting.percent(accuracy)} on {subject}"
            exceptions.append(f"{model.short} reaches {lower}")
    line = f"lowest for {len(models) - len(exceptions)} of {formatting.plural(len(models), 'model')}"
    tested = [
        subject_tests.lower(model, [(model.subjects[subject], other) for other in _others(model, subject)]) for model in models
    ]
    return subject_tests.everywhere(tested, _some(line, exceptions) + note)


def has_rank_from_hardest(evidence: Evidence, subject: str, rank: int) -> Judgement:
    """For each model, the subject has this rank, counted from the hardest: as many subjects are harder and all others easier
    (Fisher's exact tests).
    """
    models, note = _on_every_subject(evidence, subject)
    places = subject_tests.places(models, subject, hardest=True)
    line = ", ".join(f"{place.rank} ({place.lowest} to {place.highest}) for {place.model.short}" for place in places)
    return subject_tests.places_are(places, rank, rank, f"rank from the hardest, and ranks not excluded: {line}{note}")


def are_hardest_everywhere(evidence: Evidence, subjects: list[str]) -> Judgement:
    """For each model, each of these subjects is harder than all others (Fisher's exact tests)."""
    return _are_first_everywhere(evidence, subjects, hardest=True)


def are_easiest_everywhere(evidence: Evidence, subjects: list[str]) -> Judgement:
    """For each model, each of these subjects is easier than all others (Fisher's exact tests)."""
    return _are_first_everywhere(evidence, subjects, hardest=False)


def _are_first_everywhere(evidence: Evidence, subjects: list[str], hardest: bool) -> Judgement:
    models, note = _on_every_subject(evidence, *subjects)
    exceptions, held = [], 0
    for model in models:
        ranks = {name: model.rank(name, hardest) for name in subjects}
        others = [name for name in subjects if ranks[name] > len(subjects)]
        exceptions += [f"{name} has rank {ranks[name]} for {model.short}" for name in others]
        held += not others
    line = f"the {'hardest' if hardest else 'easiest'} for {held} of {formatting.plural(len(models), 'model')}"
    tested = []
    for model in models:
        pairs = [(model.subjects[name], other) for name in subjects for other in _others(model, *subjects)]
        tested.append(subject_tests.lower(model, pairs if hardest else [(other, this) for this, other in pairs]))
    return subject_tests.everywhere(tested, _some(line, exceptions) + note)


def _some(line: str, exceptions: list[str]) -> str:
    """Return a line with its first exceptions and the number of the others."""
    more = [f"and {len(exceptions) - MOST_EXCEPTIONS} more"] if len(exceptions) > MOST_EXCEPTIONS else []
    return "; ".join([line, *exceptions[:MOST_EXCEPTIONS], *more])


def is_below_average_everywhere(evidence: Evidence, subject: str) -> Judgement:
    """Each model's accuracy is lower than on its other subjects together (Fisher's exact test)."""
    models, note = _on_every_subject(evidence, subject)
    return _each_lower([(model, model.subjects[subject], _rest(model, subject)) for model in models], note)


def is_harder_than(evidence: Evidence, harder: list[str], easier: list[str]) -> Judgement:
    """Each model's accuracy on some subjects together is lower than on others together (Fisher's exact test)."""
    if both := set(harder) & set(easier):
        raise Untestable(f"{min(both)} cannot be harder than itself")
    models, note = choosing(_on_mmlu(evidence, *harder, *easier))
    pooled = []
    for model in models:
        low, high = (subject_tests.together([model.subjects[name] for name in names]) for names in (harder, easier))
        pooled.append((model, low, high))
    return _each_lower(pooled, note)


def _each_lower(pairs: list[tuple[ModelEvidence, Counts, Counts]], note: str) -> Judgement:
    """Return the judgement that each model's first accuracy is lower than its second."""
    line = "; ".join(
        f"{model.short} {formatting.percent(low.accuracy)} against {formatting.percent(high.accuracy)}"
        for model, low, high in pairs
    )
    return subject_tests.everywhere([subject_tests.lower(model, [(low, high)]) for model, low, high in pairs], line + note)


def is_among_best(evidence: Evidence, subject: str, places: int, parameters_from: float = 0) -> Judgement:
    """The subject is among the best few of every model of at least this size: enough others are worse (Fisher's tests)."""
    models, note = _on_every_subject(evidence, subject, parameters_from=parameters_from)
    ranked = subject_tests.places(models, subject)
    line = ", ".join(f"{place.rank} ({place.lowest} to {place.highest}) for {place.model.short}" for place in ranked)
    return subject_tests.places_are(ranked, 1, places, f"rank from the best, and ranks not excluded: {line}{note}")


def is_strong(evidence: Evidence, subject: str, device: str) -> Judgement:
    """For every model on a device, the subject's accuracy is above guessing and above that on its other subjects together
    (exact tests).
    """
    models, note = _on_every_subject(evidence, subject, device=device)
    line = "; ".join(
        f"{model.short} {model.subjects[subject]}, others {formatting.percent(_rest(model, subject).accuracy)}"
        for model in models
    )
    return subject_tests.everywhere([_strong(model, subject) for model in models], line + note)


def _strong(model: ModelEvidence, subject: str) -> Tested:
    counts, rest = model.subjects[subject], _rest(model, subject)
    chances = [counts.guessing] * counts.questions
    return Tested(
        model,
        max(counts.guessing, rest.accuracy) <= counts.accuracy,
        [proportions.better_than_guessing(counts.correct, chances), subject_tests.larger_share(counts, rest)],
        [proportions.worse_than_guessing(counts.correct, chances), subject_tests.larger_share(rest, counts)],
    )


def _others(model: ModelEvidence, *subjects: str) -> list[Counts]:
    """Return a model's counts on all subjects but these. Raises Untestable if there are none."""
    others = [counts for name, counts in model.subjects.items() if name not in subjects]
    if not others:
        raise Untestable(f"{model.short} has no other subject to compare with")
    return others


def _rest(model: ModelEvidence, subject: str) -> Counts:
    return subject_tests.together(_others(model, subject))


def _on_every_subject(
    evidence: Evidence, *subjects: str, device: str | None = None, parameters_from: float = 0
) -> tuple[list[ModelEvidence], str]:
    """Return the models (on a device, of at least this size) that answered these subjects and all that the publication
    compares, and the end of a line of evidence that names those left out. Raises Untestable if all are.
    """
    large = [model for model in _on_mmlu(evidence, *subjects, device=device) if model.parameters >= parameters_from]
    if not large:
        raise Untestable(f"no model with {formatting.count(parameters_from)} or more parameters here")
    complete, partial = whole(evidence, large)
    if not complete:
        lacking = [name for name in evidence.subjects if name not in large[-1].subjects]
        raise Untestable(f"no result here on {', '.join(lacking)}, with which {' and '.join(subjects)} should be compared")
    models, note = choosing(complete)
    return models, note + partial


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

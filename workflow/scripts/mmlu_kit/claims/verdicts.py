"""Shared by the predicates of claims: verdicts, and the models that a claim names."""

from collections.abc import Iterable, Sequence

from mmlu_kit import formatting
from mmlu_kit.claims.answers import Answers
from mmlu_kit.claims.document import ClaimVerdict, Judgement
from mmlu_kit.claims.evidence import Evidence, ModelEvidence
from mmlu_kit.claims.reference import Factor
from mmlu_kit.terminal_text import visible


class Untestable(Exception):
    """Raised, with the reason, if a claim cannot be tested by some evidence."""

    verdict = ClaimVerdict.NOT_TESTABLE

    def __init__(self, reason: str) -> None:
        super().__init__(_one_line(reason))


class Undecided(Untestable):
    """Raised, with the reason, if the evidence is there, and too weak to tell anything."""

    verdict = ClaimVerdict.CANNOT_BE_TOLD


def verdict(holds: bool, line: str) -> Judgement:
    """Return the judgement that a claim holds or does not, with its line of evidence."""
    return Judgement(verdict=ClaimVerdict.HOLDS if holds else ClaimVerdict.DOES_NOT_HOLD, evidence=_one_line(line))


def shown(holds: bool, fails: bool, line: str) -> Judgement:
    """Return the judgement on a claim of which a test shows that it holds, or that it does not, or neither."""
    if not (holds or fails):
        return Judgement(verdict=ClaimVerdict.CANNOT_BE_TOLD, evidence=_one_line(line))
    return verdict(holds, line)


def in_range(values: Sequence[float], low: float, high: float, noise: Factor, line: str) -> Judgement:
    """Return the judgement that measured values are in a range; one that is not must be beyond it by the factor `noise`."""
    holds = all(low <= value <= high for value in values)
    return shown(holds, any(not low / noise <= value <= high * noise for value in values), line)


def _one_line(text: str) -> str:
    """Return a line of evidence in one line: names of GPUs and reasons come from results, which may be of another machine."""
    return visible(" ".join(text.split()))


def counterpart(evidence: Evidence, name: str) -> ModelEvidence:
    """Return the counterpart of one of the publication's models. Raises Untestable if there is none."""
    for model in evidence.models:
        if model.published_name == name:
            return model
    raise Untestable(f"no result of {name} here")


def models_on(evidence: Evidence, device: str, at_least: int = 1) -> list[ModelEvidence]:
    """Return the models on a device, smallest first. Raises Untestable if there are too few."""
    models = [model for model in evidence.models if model.configuration.device == device]
    if len(models) < at_least:
        raise Untestable(f"{formatting.plural(len(models), 'model')} on {device} here, and the test needs {at_least}")
    return models


def real_times(first: ModelEvidence, second: ModelEvidence) -> tuple[float, float]:
    """Return the real times of two models. Raises Untestable if one was not measured, or if they are of other questions."""
    if not (first.real_s and second.real_s):
        raise Untestable("one of the two models has no time")
    check_questions(first.total.questions, second.total.questions)
    return first.real_s, second.real_s


def check_questions(first: int, second: int) -> None:
    """Check that two times are of as many questions. Raises Untestable if they are not."""
    if first != second:
        raise Untestable(f"the two times are of {first} and {second} questions")


def is_about(value: float, target: float, within: float) -> bool:
    """Return whether a value is within a factor of a target."""
    return target / within <= value <= target * within


def whole(evidence: Evidence, models: Iterable[ModelEvidence]) -> tuple[list[ModelEvidence], str]:
    """Return the models with all of the publication's subjects, and the end of a line of evidence that names the others."""
    candidates = list(models)
    kept = [model for model in candidates if set(evidence.subjects) <= set(model.subjects)]
    others = ", ".join(model.short for model in candidates if model not in kept)
    return kept, f"; without models that lack some of the publication's subjects: {others}" if others else ""


def most_whole(evidence: Evidence, models: Iterable[ModelEvidence]) -> tuple[list[ModelEvidence], str]:
    """Return the same, but all models if fewer than two have all subjects: then they are compared on what they share."""
    candidates = list(models)
    kept, note = whole(evidence, candidates)
    return (kept, note) if len(kept) > 1 else (candidates, "")


def choosing(models: Iterable[ModelEvidence]) -> tuple[list[ModelEvidence], str]:
    """Return the models that do not nearly always choose one letter, and the end of a line of evidence that names the others.

    What a model gets right that always chooses one letter says nothing of the questions. Raises Untestable if all do.
    """
    kept = list(models)
    others = [model for model in kept if not model.always]
    names = ", ".join(f"{model.short} ({model.always})" for model in kept if model.always)
    if names and not others:
        raise Untestable(f"every model here nearly always chooses one letter: {names}")
    return others, f"; without models that nearly always choose one letter: {names}" if names else ""


def answering(models: Iterable[ModelEvidence]) -> tuple[list[ModelEvidence], str]:
    """Return the models whose answers depend on the questions, and the end of a line of evidence that names the others.

    Which questions a model misses that may be guessing says nothing of them. Raises Untestable if all nearly always choose one
    letter, and Undecided if guessing leaves fewer than two.
    """
    choosers, note = choosing(models)
    kept = [model for model in choosers if not model.may_be_guessing]
    guessers = ", ".join(model.short for model in choosers if model.may_be_guessing)
    if guessers and len(kept) < 2:
        raise Undecided(
            f"nothing follows from what a model misses that may have chosen its letters without regard to the question: "
            f"{guessers}{note}"
        )
    return kept, f"{note}; without models that may be guessing: {guessers}" if guessers else note


def shared_answers(models: Iterable[ModelEvidence]) -> list[Answers]:
    """Return the models' answers to the questions that all answered. Raises Untestable if there are none."""
    answers = [model.answers for model in models]
    known = [each for each in answers if each]
    if len(known) < len(answers):
        raise Untestable("answers to single questions are not known here, only averages of subjects")
    first, *others = known
    shared = first.shared(*others)
    if not shared[0].questions:
        raise Untestable("these models have no questions in common here")
    return shared

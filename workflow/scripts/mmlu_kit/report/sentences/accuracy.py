"""Sentences on accuracy: against guessing, by size, and against confidence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from mmlu_kit import formatting
from mmlu_kit.analysis.model_document import Calibration, ModelAnalysis
from mmlu_kit.formatting import p_value, percent, ratio
from mmlu_kit.results.summaries import Summary
from mmlu_kit.statistics import ALPHA
from mmlu_kit.statistics.proportions import wilson

# Subjects with a larger share of unreadable answers are named, up to a number of them.
UNREAD_NAMED, MOST_NAMED = 0.05, 5


def best_answer(generates: Iterable[bool]) -> str:
    """Return what is called the best answer of models that generate a letter or not: a cloze prompt has no letters."""
    return "best letter" if all(generates) else "best answer"


def guessing_reaches(chances: Iterable[float]) -> str:
    """Return the accuracy of guessing, or its range if models answered different questions: '25%', '20% to 26.3%'."""
    words = [percent(chance).replace(".0%", "%") for chance in sorted(chances)]
    return words[0] if words[0] == words[-1] else f"{words[0]} to {words[-1]}"


def against_guessing(model: ModelAnalysis) -> str:
    """Return the smaller one-sided p-value as a cell, marked if it is for an accuracy below guessing."""
    guessing = model.guessing
    below = "below: " if guessing.p_below < guessing.p else ""
    return below + p_value(min(guessing.p, guessing.p_below))


def guessing(model: ModelAnalysis) -> str:
    """Say whether a model beats guessing and the best constant letter, and how many answers are unparsed; add its warnings.

    What guessing reaches is added unless every question has four choices, where the reader knows it.
    """
    p, p_below = model.guessing.p, model.guessing.p_below
    if p < ALPHA:
        finding = "does better than guessing"
    elif p_below < ALPHA:
        finding = "does worse than guessing"
    else:
        finding = "is not distinguishable from guessing"
    reaches = "" if set(model.choices) == {4} else f", which reaches {guessing_reaches([model.guessing.accuracy])}"
    test = f"{binomial_test([model])}, {p_value(_tested(p, p_below))}"
    sentence = f"**{model.label}** {finding}{reaches} ({test}) and {_constant(model)}."
    return " ".join([sentence, *(_unread(model) or _unparsed(model)), *model.warnings])


def binomial_test(models: Sequence[ModelAnalysis]) -> str:
    """Return the name of the test against guessing."""
    mixed = any(len(model.choices) > 1 for model in models)
    return "exact Poisson-binomial test" if mixed else "exact binomial test"


def _tested(p: float, p_below: float) -> float:
    """Return the p-value for above guessing if it is significant, else the smaller p-value."""
    return p if p < ALPHA else min(p, p_below)


def _constant(model: ModelAnalysis) -> str:
    constant = model.constant_letter
    always = f"always {'answering' if model.generated else 'choosing choice'} {constant.letter}"
    p = p_value(constant.p)
    if constant.p >= ALPHA:
        return f"is not distinguishable from {always} (McNemar test, {p})"
    accuracy = model.readable.accuracy if model.readable else model.best_letter.accuracy
    better = accuracy > constant.accuracy
    return f"{'better' if better else 'worse'} than {always} (McNemar test, {p})"


def _unread(model: ModelAnalysis) -> list[str]:
    """Say how many imported answers could not be read, and that the tests are of the others."""
    best, readable = model.best_letter, model.readable
    if not best.unparsed:
        return []
    sentences = [f"{best.unparsed:,} of its {model.questions:,} answers could not be read and are not wrong letters."]
    if readable:
        sentences.append(
            f"Both tests are on the {readable.questions:,} others, of which {percent(readable.accuracy)} are right "
            f"({percent(readable.low)} to {percent(readable.high)})."
        )
    return sentences


def unanswered(model: ModelAnalysis) -> str | None:
    """Say for how many questions a model's imported predictions have no answer; None if for none."""
    if not model.unanswered:
        return None
    asked = model.questions + model.unanswered
    return (
        f"**{model.label}**: its predictions have no answer to {model.unanswered:,} of the {asked:,} questions. Its numbers "
        "are over the others, and models are compared where all of them have an answer."
    )


def unread(model: Summary, subjects: Mapping[str, Summary]) -> str | None:
    """Say how many of a model's imported answers could not be read, what this means for its accuracy, and on which subjects.

    `subjects` are the model's summaries of single subjects, by name. None if every answer could be read.
    """
    if not model.unread:
        return None
    read = model.questions - model.unread
    highest = percent((model.correct + model.unread) / model.questions)
    sentences = [
        f"**{model.label}**: {model.unread:,} of its {model.questions:,} answers could not be read. The accuracy of "
        f"{percent(model.accuracy)} counts them as not right; if all of them were right, it would be {highest}."
    ]
    if read:
        low, high = wilson(model.correct, read)
        sentences.append(
            f"Of the {read:,} that could be read, {percent(model.correct / read)} are right (95% interval {percent(low)} to "
            f"{percent(high)})."
        )
    hidden = [(name, one) for name, one in subjects.items() if one.unread > UNREAD_NAMED * one.questions]
    if len(subjects) > 1 and hidden:
        hidden.sort(key=lambda pair: -pair[1].unread / pair[1].questions)
        named = "; ".join(
            f"{name} ({one.correct} right of {one.questions - one.unread} readable, of {one.questions})"
            for name, one in hidden[:MOST_NAMED]
        )
        others = f"; and {len(hidden) - MOST_NAMED} more" if len(hidden) > MOST_NAMED else ""
        sentences.append(f"The most unreadable answers are in {named}{others}.")
    return " ".join(sentences)


def _unparsed(model: ModelAnalysis) -> list[str]:
    """Say how many answers are unparsed, and what guessing would reach with as many if the difference is visible."""
    generated = model.generated
    if not generated or not generated.unparsed:
        return []
    sentence = f"{generated.unparsed} of its {model.questions} generated answers are unparsed"
    chance = percent(model.guessing.accuracy * generated.parse_rate)
    return [
        f"{sentence}."
        if chance == percent(model.guessing.accuracy)
        else f"{sentence}; with as many unparsed answers, guessing would reach {chance}."
    ]


@dataclass(frozen=True)
class Sized:
    """A model's summary and its number of parameters."""

    summary: Summary
    parameters: int


def size(models: Sequence[Sized]) -> str | None:
    """Say how accuracy depends on the parameter count; None for one model or if models have the same size."""
    models = sorted(models, key=lambda model: model.parameters)
    if len(models) < 2 or len({model.parameters for model in models}) < len(models):
        return None
    smallest, largest = models[0].summary, models[-1].summary
    if all(smaller.summary.accuracy < larger.summary.accuracy for smaller, larger in pairwise(models)):
        finding = "Accuracy rises with every step in parameter count"
    elif largest.accuracy > smallest.accuracy:
        finding = "Accuracy does not rise with every step in parameter count, but is higher for the largest model"
    else:
        finding = "Accuracy does not rise with parameter count"
    ends = [
        f"{model.summary.model} ({formatting.count(model.parameters)}) reaches {percent(model.summary.accuracy)}"
        for model in (models[-1], models[0])
    ]
    sentence = f"{finding}: {ends[0]} and {ends[1]}"
    if smallest.accuracy:
        sentence += f", {ratio(largest.accuracy / smallest.accuracy)} the accuracy"
    if smallest.real_s and largest.real_s and smallest.machine == largest.machine:
        sentence += f" in {ratio(largest.real_s / smallest.real_s)} the real time"
    return f"{sentence}."


def confidence(model: ModelAnalysis, calibration: Calibration) -> str:
    """Say whether a model's mean confidence is above or below its accuracy."""
    mean, accuracy = mean_confidence(calibration), model.best_letter.accuracy
    finding = "overconfident" if mean > accuracy else "underconfident"
    return f"{model.label} is {finding}: its mean confidence is {percent(mean)} and its accuracy {percent(accuracy)}."


def mean_confidence(calibration: Calibration) -> float:
    """Return the mean confidence over all questions."""
    filled = [bin for bin in calibration.bins if bin.confidence is not None]
    return sum(bin.count * (bin.confidence or 0.0) for bin in filled) / sum(bin.count for bin in filled)

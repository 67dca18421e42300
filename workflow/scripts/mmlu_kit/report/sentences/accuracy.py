"""Sentences on accuracy: against guessing, and with answers that could not be read."""

from collections.abc import Iterable, Mapping, Sequence

from mmlu_kit.analysis.model_document import ModelAnalysis, Share
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import listed
from mmlu_kit.results.summaries import Summary
from mmlu_kit.statistics import ALPHA
from mmlu_kit.statistics.intervals import wilson

# Subjects with a larger share of unreadable answers are named, up to a number of them.
UNREAD_NAMED, MOST_NAMED = 0.05, 5
# What unreadable answers may change is said from half a point on.
VISIBLE = 0.005


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
    """Say whether a model beats guessing and the best constant letter, and what unreadable answers change; add its warnings.

    That it nearly always chose one letter comes first; as its accuracy is that letter's share, it is not called better or
    worse than guessing. What guessing reaches is added unless every question has four choices, where the reader knows it.
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
    if model.always:
        differs = min(p, p_below) < ALPHA
        rest = f"is {_constant(model).removeprefix('is ')}." if differs else sentence.removeprefix(f"**{model.label}** ")
        sentence = f"{always(model)} It {rest}"
    return " ".join([sentence, *_unreadable(model), *model.warnings])


def always(model: ModelAnalysis) -> str | None:
    """Say that a model nearly always chose one letter, and what this means; None if it did not."""
    letter = model.always
    if letter is None:
        return None
    of = "answers that could be read" if model.best_letter.unparsed else "questions"
    chose = f"answered {letter} to" if model.generated else f"chose choice {letter} for"
    return (
        f"**{model.label}** {chose} {percent(model.letters[letter].share)} of the {of}: its accuracy is the share of {letter} "
        "among the right answers and says nothing about knowledge."
    )


def guessers(models: Sequence[ModelAnalysis]) -> str | None:
    """Say what the numbers of models mean that are not distinguishable from guessing; None if all are."""
    labels = [model.label for model in models if not model.always and min(model.guessing.p, model.guessing.p_below) >= ALPHA]
    if not labels:
        return None
    is_not, their = ("is", "its") if len(labels) == 1 else ("are", "their")
    return (
        f"{listed(labels)} {is_not} not distinguishable from guessing: nothing is concluded from differences between {their} "
        "subjects."
    )


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
    accuracy = (model.best_letter.readable or model.best_letter).accuracy
    better = accuracy > constant.accuracy
    return f"{'better' if better else 'worse'} than {always} (McNemar test, {p})"


def readings(model: ModelAnalysis) -> list[tuple[str, Share]]:
    """Return the readings of a model's answers of which some could not be read, with their names.

    Imported answers are read in one way only.
    """
    if model.best_letter.unparsed:
        return [("answer", model.best_letter)]
    return [("generated answer", model.generated)] if model.generated and model.generated.unparsed else []


def _unreadable(model: ModelAnalysis) -> list[str]:
    """Say how many answers could not be read, between which bounds the accuracy lies, and what the tests are of.

    What guessing would reach with as many such answers is added if it is visibly less.
    """
    sentences = []
    for name, share in readings(model):
        readable, guessed = share.readable, model.guessing.accuracy
        if readable is None:
            whose = "their" if share is model.generated else "its"
            sentences.append(f"None of its {model.questions:,} {name}s could be read: nothing is known of {whose} accuracy.")
            continue
        if share.unparsed < VISIBLE * model.questions:
            sentences.append(f"{share.unparsed:,} of its {model.questions:,} {name}s could not be read.")
            continue
        sentences.append(
            f"{share.unparsed:,} of its {model.questions:,} {name}s could not be read: {percent(share.accuracy)} are right "
            f"if these count as wrong, {percent(readable.highest)} if they count as right, and {percent(readable.accuracy)} of "
            f"the {readable.questions:,} others (95% interval {percent(readable.low)} to {percent(readable.high)})."
        )
        if share is model.best_letter:
            sentences.append(f"Both tests are on the {readable.questions:,} others.")
        elif guessed * share.unparsed / model.questions >= VISIBLE:
            reached = guessed * readable.questions / model.questions
            sentences.append(f"With as many unreadable answers, guessing would reach {percent(reached)}.")
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

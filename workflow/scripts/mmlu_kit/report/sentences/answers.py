"""Sentences on how answers are read: the best letter and the generated letter, or the choice whose text fits best."""

from collections.abc import Iterable, Mapping, Sequence

from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.formatting import plural
from mmlu_kit.report.cells import listed
from mmlu_kit.report.sentences.accuracy import best_answer, guessing_reaches
from mmlu_kit.results import protocols
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS, Orders

_FOUR, _MOST_LISTED = 4, 6


def how_read(merged: Merged, models: Sequence[ModelAnalysis]) -> str:
    """Say how answers are read, and what guessing reaches; without models, of questions with four choices."""
    cloze = {model.label: words for model in models if (words := cloze_protocol(merged, model.model))}
    best = best_answer(model.label not in cloze for model in models)
    reaches = guessing_reaches([model.guessing.accuracy for model in models] or [1 / _FOUR])
    accuracy = f"*Accuracy* is the share of questions whose {best} is right; guessing reaches {reaches}."
    if models and len(cloze) == len(models):
        return (
            "Each choice of a question is scored as its continuation; prompts show no letters, and nothing is generated. The "
            f"**best answer** is the choice with the highest score ({_named(cloze)}). {accuracy}"
        )
    sentences = [
        "Each answer is read in two ways from the same computation. The **best letter** is the one of "
        f"{_letters(models)} that is most probable as the next token.",
        *_orders(merged, models),
        *_cloze(cloze),
        accuracy,
        "The **generated letter** is parsed from the token that the model would really have generated. Accuracies by it are "
        f"over all answers, and an unparsed one is not right: guessing reaches {reaches} of the parsed answers.",
    ]
    return " ".join(sentences)


def cloze_protocol(merged: Merged, model: str) -> str | None:
    """Return how a model is asked if its choices are scored as texts; None if it answers with letters."""
    requested = merged.models[model].requested
    return protocols.protocol(requested) if requested and requested.preset.is_cloze else None


def in_every_order(merged: Merged, model: str) -> bool:
    """Return whether a model is asked each question in every rotation of its choices."""
    requested = merged.models[model].requested
    return requested is not None and requested.orders == Orders.CYCLIC


def _letters(models: Iterable[ModelAnalysis]) -> str:
    numbers = {number for model in models for number in model.choices} or {_FOUR}
    letters = LETTERS[: max(numbers)]
    words = listed(letters) if len(letters) <= _MOST_LISTED else f"{letters[0]} to {letters[-1]}"
    if len(numbers) == 1:
        return words
    return f"{words}, as many as the question has choices ({min(numbers)} to {plural(max(numbers), 'choice')}),"


def _orders(merged: Merged, models: Iterable[ModelAnalysis]) -> list[str]:
    labels = [model.label for model in models if in_every_order(merged, model.model)]
    if not labels:
        return []
    return [
        f"Of {listed(labels)} it is the letter of the choice that is most probable on average over every rotation of the "
        "choices; the generated letter is of the order given."
    ]


def _cloze(cloze: Mapping[str, str]) -> list[str]:
    if not cloze:
        return []
    return [
        f"Some prompts show no letters, and nothing is generated ({_named(cloze)}): the **best answer** is then the choice "
        "whose text has the highest score as the continuation of the question."
    ]


def _named(cloze: Mapping[str, str]) -> str:
    """Return 'm, n: cloze, per character; o: cloze (olmes), PMI'."""
    models: dict[str, list[str]] = {}
    for label, words in cloze.items():
        models.setdefault(words, []).append(label)
    return "; ".join(f"{listed(labels)}: {words}" for words, labels in models.items())

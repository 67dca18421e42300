"""Sentences on how answers are read: the best letter and the generated letter, or the choice whose text fits best."""

from collections.abc import Iterable, Mapping, Sequence

from mmlu_kit.analysis.document import ModelAnalysis
from mmlu_kit.formatting import plural
from mmlu_kit.report.cells import listed
from mmlu_kit.report.sentences.accuracy import best_answer, guessing_reaches
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS, Orders, Score

# By what a choice's log-probability is divided, or what is taken from it.
_RANKED = {
    Score.RAW: "log-probability",
    Score.TOKEN: "log-probability per token",
    Score.CHARACTER: "log-probability per character",
    Score.BYTE: "log-probability per byte",
    Score.PMI: "log-probability less the one without the question",
}
_FOUR, _MOST_LISTED = 4, 6


def how_read(merged: Merged, models: Sequence[ModelAnalysis]) -> str:
    """Say how answers are read, and what guessing reaches; without models, of questions with four choices."""
    unlettered = {model.label: ranked for model in models if (ranked := ranked_by(merged, model.model))}
    best = best_answer(model.label not in unlettered for model in models)
    reaches = guessing_reaches([model.guessing.accuracy for model in models] or [1 / _FOUR])
    accuracy = f"*Accuracy* is the share of questions whose {best} is right; guessing reaches {reaches}."
    if models and len(unlettered) == len(models):
        return " ".join(
            [
                "Each choice of a question is scored as its continuation, without letters. The **best answer** is the choice "
                f"with the highest score ({_by(unlettered)}), and nothing is generated.",
                accuracy,
            ]
        )
    sentences = [
        "Each answer is read in two ways from the same computation. The **best letter** is the one of "
        f"{_letters(models)} that is most probable as the next token.",
        *_orders(merged, models),
        *_cloze(unlettered),
        accuracy,
        "The **generated letter** is parsed from the token that the model would really have generated. An unparsed answer "
        f"counts as wrong, so guessing reaches {reaches} of the parsed answers.",
    ]
    return " ".join(sentences)


def ranked_by(merged: Merged, model: str) -> str | None:
    """Return by what a model's choices are ranked; None if it answers with letters."""
    requested = merged.models[model].requested
    return _RANKED[requested.ranked_by] if requested and requested.preset.is_cloze else None


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
    return f"a question's letters, of {words} as many as it has choices ({min(numbers)} to {plural(max(numbers), 'choice')}),"


def _orders(merged: Merged, models: Iterable[ModelAnalysis]) -> list[str]:
    labels = [model.label for model in models if in_every_order(merged, model.model)]
    if not labels:
        return []
    return [
        f"Of {listed(labels)} it is the choice that is most probable on average over every rotation of the choices; the "
        "generated letter is of the order given."
    ]


def _cloze(unlettered: Mapping[str, str]) -> list[str]:
    if not unlettered:
        return []
    return [
        f"The prompts of {listed(unlettered)} show no letters and nothing is generated: the **best answer** is then the choice "
        f"whose text has the highest score as the continuation of the question ({_by(unlettered)})."
    ]


def _by(unlettered: Mapping[str, str]) -> str:
    """Return the scores, each with its models if there are several."""
    scores = dict.fromkeys(unlettered.values())
    if len(scores) == 1:
        return next(iter(scores))
    models = {score: listed(model for model, ranked in unlettered.items() if ranked == score) for score in scores}
    return "; ".join(f"{names}: {score}" for score, names in models.items())

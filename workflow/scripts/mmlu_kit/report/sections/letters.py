"""The error analysis's table of letters: how often each model chose each one, and how often where it was right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis, Spread
from mmlu_kit.formatting import percent
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, known, points
from mmlu_kit.report.sentences import letters as sentences
from mmlu_kit.report.sentences.letters import MOST_COLUMNS

_SD = "Standard deviation (by chance)"
_ALIKE = "Same choice in every order"


@dataclass(frozen=True)
class Letters:
    """The table of letters, its title, that of recalls (empty if the first has them), what the columns are, and which models
    prefer a letter."""

    title: str
    headings: Row
    rows: Rows
    recall_headings: Row
    recalls: Rows
    notes: str
    preferences: list[str]


def part(analysis: AnalysisFile, in_every_order: Sequence[str], generated: bool) -> Letters:
    """Return the part; `in_every_order` are the labels of models that were shown the choices in every order, `generated` is
    whether a model generates a letter."""
    return Letters(
        title="Do Models Prefer a Letter?" if generated else "Do Models Prefer a Place?",
        headings=headings(analysis.models),
        rows=rows(analysis.models, _alike(analysis)),
        recall_headings=recall_headings(analysis.models, _alike(analysis)),
        recalls=recalls(analysis.models, _alike(analysis)),
        notes=" ".join(sentences.notes(analysis, in_every_order)),
        preferences=sentences.preferences(analysis.models),
    )


def headings(models: Sequence[ModelAnalysis]) -> Row:
    """Return the headings of the table: the letters or, if they are many, two columns for each model."""
    letters = _letters(models)
    if len(letters) <= MOST_COLUMNS:
        return ["Model", *letters, _SD]
    return ["Letter", "Right", *(f"{model.label}{what}" for model in models for what in ("", ", recall"))]


def recall_headings(models: Sequence[ModelAnalysis], alike: Mapping[str, str]) -> Row:
    """Return the headings of the table of recalls; `alike` has how often models made the same choice in every order, if
    known."""
    return ["Model", *(f"Recall of {letter}" for letter in _letters(models)), _SD, *([_ALIKE] if alike else [])]


def recalls(models: Sequence[ModelAnalysis], alike: Mapping[str, str]) -> Rows:
    """Return a row for each model; none with many letters, where the first table has recalls."""
    letters = _letters(models)
    if len(letters) > MOST_COLUMNS:
        return []
    return [
        [
            model.label,
            *(_recall(model, letter) for letter in letters),
            _spread(model.recall_spread),
            *([alike.get(model.model, NOT_KNOWN)] if alike else []),
        ]
        for model in models
    ]


def rows(models: Sequence[ModelAnalysis], alike: Mapping[str, str]) -> Rows:
    """Return a row for each model or, with many letters, for each letter; a model's questions may lack some letters."""
    letters = _letters(models)
    if len(letters) <= MOST_COLUMNS:
        return [[model.label, *(_share(model, letter) for letter in letters), _spread(model.letter_spread)] for model in models]
    most = max(models, key=lambda model: model.questions)
    return [
        *(
            [letter, percent(most.letters[letter].gold_share) if letter in most.letters else NOT_KNOWN]
            + [cell for model in models for cell in (_share(model, letter), _recall(model, letter))]
            for letter in letters
        ),
        [_SD, "", *(_spread(spread) for model in models for spread in (model.letter_spread, model.recall_spread))],
        *([[_ALIKE, "", *(cell for model in models for cell in (alike.get(model.model, NOT_KNOWN), ""))]] if alike else []),
    ]


def _alike(analysis: AnalysisFile) -> dict[str, str]:
    """Return how often each model that was asked in every order made the same choice in all of them."""
    orders = analysis.protocols.orders if analysis.protocols else []
    return {effects.model: percent(effects.alike.share) for effects in orders}


def _spread(spread: Spread | None) -> str:
    """Return a standard deviation with the one by chance: '8.3 points (1.2)'."""
    return f"{points(spread.sd)} ({100 * spread.by_chance:.1f})" if spread else NOT_KNOWN


def _letters(models: Sequence[ModelAnalysis]) -> list[str]:
    return max((list(model.letters) for model in models), key=len)


def _share(model: ModelAnalysis, letter: str) -> str:
    return percent(model.letters[letter].share) if letter in model.letters else NOT_KNOWN


def _recall(model: ModelAnalysis, letter: str) -> str:
    return known(model.letters[letter].recall, percent) if letter in model.letters else NOT_KNOWN

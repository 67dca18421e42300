"""The error analysis's table of letters: how often each model chose each one, and how often where it was right."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.formatting import percent
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, known, points
from mmlu_kit.report.sentences import letters as sentences
from mmlu_kit.report.sentences.letters import MOST_COLUMNS

_SD = "Standard deviation"


@dataclass(frozen=True)
class LettersPart:
    """The table of letters, its title, and what its columns are."""

    title: str
    headings: Row
    rows: Rows
    notes: str


def part(analysis: AnalysisFile, in_every_order: Sequence[str], generated: bool) -> LettersPart:
    """Return the part; `in_every_order` are the labels of models that were shown the choices in every order, `generated` is
    whether a model generates a letter."""
    return LettersPart(
        title="Do Models Prefer a Letter?" if generated else "Do Models Prefer a Place?",
        headings=headings(analysis.models),
        rows=rows(analysis.models),
        notes=" ".join(sentences.notes(analysis, in_every_order)),
    )


def headings(models: Sequence[ModelAnalysis]) -> Row:
    """Return the headings of the table."""
    letters = _letters(models)
    if len(letters) <= MOST_COLUMNS:
        return ["Model", *letters, _SD, *(f"Recall of {letter}" for letter in letters), _SD]
    return ["Letter", "Right", *(f"{model.label}{what}" for model in models for what in ("", ", recall"))]


def rows(models: Sequence[ModelAnalysis]) -> Rows:
    """Return a row for each model or, with many letters, for each letter; a model's questions may lack some letters."""
    letters = _letters(models)
    if len(letters) <= MOST_COLUMNS:
        return [
            [
                model.label,
                *(_share(model, letter) for letter in letters),
                points(model.share_sd),
                *(_recall(model, letter) for letter in letters),
                known(model.recall_sd, points),
            ]
            for model in models
        ]
    most = max(models, key=lambda model: model.questions)
    return [
        *(
            [letter, percent(most.letters[letter].gold_share) if letter in most.letters else NOT_KNOWN]
            + [cell for model in models for cell in (_share(model, letter), _recall(model, letter))]
            for letter in letters
        ),
        [_SD, "", *(cell for model in models for cell in (points(model.share_sd), known(model.recall_sd, points)))],
    ]


def _letters(models: Sequence[ModelAnalysis]) -> list[str]:
    return max((list(model.letters) for model in models), key=len)


def _share(model: ModelAnalysis, letter: str) -> str:
    return percent(model.letters[letter].share) if letter in model.letters else NOT_KNOWN


def _recall(model: ModelAnalysis, letter: str) -> str:
    return known(model.letters[letter].recall, percent) if letter in model.letters else NOT_KNOWN

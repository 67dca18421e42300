"""The error analysis, from analysis.json: its parts, and what they have in common."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.formatting import percent
from mmlu_kit.report import captions
from mmlu_kit.report.sections import confidence, difficulty, guessing, labels, letters, pairs
from mmlu_kit.report.sentences import accuracy, answers, findings
from mmlu_kit.report.sentences import pairs as pair_sentences
from mmlu_kit.report.sentences.letters import left_out
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged


@dataclass(frozen=True)
class MistakesSection:
    """Tables and sentences of the error analysis; a table or list is empty, and a sentence None, if there is nothing to say."""

    in_short: str
    best: str
    generated: bool
    mixed: bool
    left_out: str | None
    guessing: guessing.Guessing
    difficulty: difficulty.Difficulty
    pairs: pairs.Pairs
    letters: letters.Letters
    confidence: confidence.Confidence
    labels: labels.Labels
    warnings: list[str]
    alt: Mapping[str, str]


def section(merged: Merged, analysis: AnalysisFile) -> MistakesSection | None:
    """Return the section, None if no model of the study's groups has a result."""
    if not analysis.models:
        return None
    names = {model: summaries.label(merged, model) for model in merged.order()}
    generated = any(model.generated for model in analysis.models)
    in_every_order = [model.label for model in analysis.models if answers.in_every_order(merged, model.model)]
    best = accuracy.best_answer(model.generated is not None for model in analysis.models)
    return MistakesSection(
        in_short=findings.in_short(analysis),
        best=best,
        generated=generated,
        mixed=any(len(model.choices) > 1 for model in analysis.models),
        left_out=left_out(analysis),
        guessing=guessing.part(analysis, best),
        difficulty=difficulty.part(merged, analysis, names),
        pairs=pairs.part(analysis, names, best),
        letters=letters.part(analysis, in_every_order, generated),
        confidence=confidence.part(analysis, in_every_order),
        labels=labels.part(analysis.label_errors, names),
        warnings=analysis.warnings,
        alt={figure: alt(figure, analysis) for figure in captions.MISTAKE_FIGURES},
    )


def alt(figure: str, analysis: AnalysisFile) -> str:
    """Return a figure's alternative text: its title and its numbers."""
    numbers = [f"{model.label} {values}" for model in analysis.models if (values := _values(figure, model))]
    wrong = analysis.models_wrong
    if figure == "models_wrong":
        numbers = [f"{number} of {wrong.models} models {count}" for number, count in enumerate(wrong.observed)] if wrong else []
    if figure == "agreement":
        numbers = pair_sentences.kappas(analysis.pairs, {model.model: model.label for model in analysis.models})
    return f"{captions.MISTAKE_FIGURES[figure].title}: {'; '.join(numbers)}"


def _values(figure: str, model: ModelAnalysis) -> str | None:
    """Return a model's numbers on a figure; None if the figure does not show the model."""
    if figure == "answer_outcomes":
        generated = model.generated
        if not generated:
            return None
        return f"{generated.correct} right, {generated.wrong} wrong, {generated.unparsed} unparsed"
    if figure == "letter_bias":
        return " ".join(f"{letter} {percent(shares.share)}" for letter, shares in model.letters.items())
    if figure == "reliability":
        return f"calibration error {percent(model.calibration.error.ece)}" if model.calibration else None
    return percent(model.best_letter.accuracy)

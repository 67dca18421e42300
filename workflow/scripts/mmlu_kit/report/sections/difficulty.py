"""The error analysis's part on what is hard: subjects by accuracy, and the hardest questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit import formatting
from mmlu_kit.analysis.difficulty_document import HardQuestion
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import Row, Rows, decimals, known, names
from mmlu_kit.report.sentences import difficulty as sentences
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS


@dataclass(frozen=True)
class Difficulty:
    """Subjects, hardest first, whether models agree on them, and the questions that all models missed."""

    headings: Row
    subjects: Rows
    order: str
    rank_correlations: Rows
    hardest_which: str
    hardest: Rows


def part(merged: Merged, analysis: AnalysisFile, labels: Mapping[str, str]) -> Difficulty:
    """Return the part; `labels` are by model."""
    return Difficulty(
        headings=[
            *("Subject", *_guessing_heading(analysis), "Mean accuracy"),
            *(model.label for model in analysis.compared_models),
        ],
        subjects=_subjects(merged, analysis),
        order=sentences.subject_order(analysis.difficulty),
        rank_correlations=[
            [names(pair.models, labels), known(pair.rho, decimals(2)), p_value(pair.p)] for pair in analysis.difficulty.spearman
        ],
        hardest_which=sentences.hardest(analysis),
        hardest=[_hardest(question, analysis.compared_models) for question in analysis.hardest[: sentences.SHOWN_HARDEST]]
        if len(analysis.compared) > 1
        else [],
    )


def _subjects(merged: Merged, analysis: AnalysisFile) -> Rows:
    """Return subjects, hardest first, with the mean accuracy and each model's, on the answers that could be read; and the
    accuracy of guessing if it differs between subjects."""
    rows = []
    guessing = analysis.difficulty.guessing if _guessing_heading(analysis) else {}
    for subject in analysis.difficulty.order:
        models = [summaries.summarize(merged, model.model, [subject]) for model in analysis.compared_models]
        accuracies = [model.correct / (model.questions - model.unread) for model in models if model]
        chance = [percent(guessing[subject])] if subject in guessing else []
        rows.append([subject, *chance, percent(sum(accuracies) / len(accuracies)), *map(percent, accuracies)])
    return rows


def _guessing_heading(analysis: AnalysisFile) -> Row:
    return ["Guessing"] if len(set(map(percent, analysis.difficulty.guessing.values()))) > 1 else []


def _hardest(question: HardQuestion, models: Sequence[ModelAnalysis]) -> Row:
    right = question.choices[LETTERS.index(question.gold)]
    return [
        f"{question.subject} {question.index}: {formatting.cell(question.question)}",
        f"{question.gold}: {formatting.cell(right)}",
        "; ".join(f"{model.label}: {question.predicted[model.model] or 'unparsed'}" for model in models),
    ]

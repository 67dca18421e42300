"""The error analysis's part on what is hard: subjects by accuracy, and the hardest questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit import formatting
from mmlu_kit.analysis.difficulty_document import HardQuestion
from mmlu_kit.analysis.discrimination_document import QuestionDiscrimination
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import Row, Rows, corrected, decimals, known, names
from mmlu_kit.report.sentences import difficulty as sentences
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import ALPHA


@dataclass(frozen=True)
class Difficulty:
    """Subjects, hardest first, whether they differ and models agree on them, the questions that all models missed, and those
    that tell models apart worst and best; a table is empty, and a sentence None, if there is nothing to say."""

    headings: Row
    subjects: Rows
    left_out: str | None
    order: str
    rank_correlations: Rows
    differences: Rows
    differ: str | None
    hardest_which: str
    hardest: Rows
    discrimination: str | None
    lowest: Rows
    highest: Rows


def part(merged: Merged, analysis: AnalysisFile, labels: Mapping[str, str]) -> Difficulty:
    """Return the part; `labels` are by model."""
    discrimination = analysis.discrimination
    listed = discrimination if discrimination and discrimination.p < ALPHA else None
    return Difficulty(
        headings=[
            *("Subject", *_guessing_heading(analysis), "Mean accuracy"),
            *(model.label for model in analysis.compared_models),
        ],
        subjects=_subjects(merged, analysis),
        left_out=sentences.left_out(analysis),
        order=sentences.subject_order(analysis.difficulty),
        rank_correlations=[
            [
                names(pair.models, labels),
                known(pair.rho, decimals(2)),
                known(pair.expected, decimals(2)),
                p_value(pair.p, analysis.difficulty.draws),
                corrected(pair.p_holm, pair.p, analysis.difficulty.draws),
            ]
            for pair in analysis.difficulty.spearman
        ],
        differences=[
            [
                labels[model.model],
                f"{model.chi2:.1f} ({model.df})",
                p_value(model.p, analysis.difficulty.draws),
                corrected(model.p_holm, model.p, analysis.difficulty.draws),
            ]
            for model in analysis.difficulty.differences
        ],
        differ=sentences.subjects_differ(analysis.difficulty, labels),
        hardest_which=sentences.hardest(analysis),
        hardest=[_hardest(question, analysis.compared_models) for question in analysis.hardest[: sentences.SHOWN_HARDEST]]
        if len(analysis.compared) > 1
        else [],
        discrimination=sentences.discrimination(discrimination) if discrimination else None,
        lowest=list(map(_discrimination, listed.lowest)) if listed else [],
        highest=list(map(_discrimination, listed.highest)) if listed else [],
    )


def _subjects(merged: Merged, analysis: AnalysisFile) -> Rows:
    """Return subjects, hardest first, with the mean accuracy and each model's, on the answers that could be read; and the
    accuracy of guessing if it differs between subjects. The mean is without models that nearly always choose one letter."""
    rows = []
    guessing = analysis.difficulty.guessing if _guessing_heading(analysis) else {}
    models = analysis.compared_models
    averaged = [not model.always for model in models] if len(analysis.constant_models) < len(models) else [True] * len(models)
    for subject in analysis.difficulty.order:
        results = [summaries.summarize(merged, model.model, [subject]) for model in models]
        accuracies = [result.correct / (result.questions - result.unread) for result in results if result]
        mean = sum(accuracy for accuracy, counts in zip(accuracies, averaged, strict=True) if counts) / sum(averaged)
        chance = [percent(guessing[subject])] if subject in guessing else []
        rows.append([subject, *chance, percent(mean), *map(percent, accuracies)])
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


def _discrimination(question: QuestionDiscrimination) -> Row:
    return [
        f"{question.subject} {question.index}: {formatting.cell(question.question)}",
        str(question.right),
        f"{question.correlation:z.2f}",
    ]

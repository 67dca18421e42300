"""The error analysis, from analysis.json."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit import formatting
from mmlu_kit.analysis.difficulty_document import HardQuestion
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.analysis.pair_document import McNemar, PairAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report import captions, cells
from mmlu_kit.report.cells import Row, Rows, decimals, interval, known, points
from mmlu_kit.report.sections import letters
from mmlu_kit.report.sentences import accuracy, answers
from mmlu_kit.report.sentences import mistakes as sentences
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS


@dataclass(frozen=True)
class MistakesSection:
    """Tables and sentences of the error analysis; a table or list is empty, and a sentence None, if there is nothing to say."""

    best: str
    generated: bool
    mixed: bool
    accuracy_headings: Row
    accuracies: Rows
    binomial_test: str
    guessing: list[str]
    difficulty_headings: Row
    difficulty: Rows
    subject_order: str
    rank_correlations: Rows
    comparable: bool
    models_wrong: Rows
    models_wrong_test: str | None
    pairs: Rows
    same_wrong: list[str]
    better: Rows
    left_out: str | None
    accuracies_differ: str | None
    preference: str
    letter_headings: Row
    letters: Rows
    letter_notes: str
    calibration: Rows
    in_every_order: list[str]
    confidence: list[str]
    without_confidence: list[str]
    hardest_which: str
    hardest: Rows
    label_errors_found: str
    label_errors: Rows
    warnings: list[str]
    alt: Mapping[str, str]


def section(merged: Merged, analysis: AnalysisFile) -> MistakesSection | None:
    """Return the section, None if no model of the study's groups has a result."""
    if not analysis.models:
        return None
    labels = {model: summaries.label(merged, model) for model in merged.order()}
    calibrated = [(model, model.calibration) for model in analysis.models if model.calibration]
    wrong, errors = analysis.models_wrong, analysis.label_errors
    generated = any(model.generated for model in analysis.models)
    in_every_order = [model.label for model in analysis.models if answers.in_every_order(merged, model.model)]
    best = accuracy.best_answer(model.generated is not None for model in analysis.models)
    return MistakesSection(
        best=best,
        generated=generated,
        mixed=any(len(model.choices) > 1 for model in analysis.models),
        accuracy_headings=[
            *("Model", "Accuracy", "95% interval", "By subjects", "Mean of subjects", "Against guessing"),
            "Best constant letter" if best == "best letter" else "Best constant choice",
            *(("Generated letter correct", "95% interval", "Right", "Wrong", "Unparsed") if generated else ()),
        ],
        accuracies=[_accuracies(model, generated) for model in analysis.models],
        binomial_test=accuracy.binomial_test(analysis.models).replace("exact", "exact one-sided"),
        guessing=[accuracy.guessing(model) for model in analysis.models],
        difficulty_headings=[
            *("Subject", *_guessing_heading(analysis), "Mean accuracy"),
            *(model.label for model in analysis.compared_models),
        ],
        difficulty=_difficulty(merged, analysis),
        subject_order=sentences.subject_order(analysis.difficulty),
        rank_correlations=[
            [_names(pair.models, labels), known(pair.rho, decimals(2)), p_value(pair.p)]
            for pair in analysis.difficulty.spearman
        ],
        comparable=len(analysis.compared) > 1,
        models_wrong=[
            [f"{number} of {wrong.models}", str(observed), percent(observed / wrong.questions), f"{expected:.0f}"]
            for number, (observed, expected) in enumerate(zip(wrong.observed, wrong.expected, strict=True))
        ]
        if wrong
        else [],
        models_wrong_test=sentences.models_wrong(wrong) if wrong else None,
        pairs=[_pair(pair, labels) for pair in analysis.pairs],
        same_wrong=[sentence for pair in analysis.pairs if (sentence := sentences.same_wrong(pair, labels, best)) is not None],
        better=[row for pair in analysis.pairs for row in _better(pair, labels)],
        left_out=sentences.left_out(analysis),
        accuracies_differ=sentences.accuracies_differ(analysis.cochran_q),
        preference="Do Models Prefer a Letter?" if generated else "Do Models Prefer a Place?",
        letter_headings=letters.headings(analysis.models),
        letters=letters.rows(analysis.models),
        letter_notes=" ".join(sentences.letters(analysis, in_every_order)),
        calibration=[[model.label, percent(calibration.ece), f"{calibration.brier:.3f}"] for model, calibration in calibrated],
        in_every_order=in_every_order,
        confidence=[accuracy.confidence(model, calibration) for model, calibration in calibrated],
        without_confidence=[model.label for model in analysis.models if not model.calibration],
        hardest_which=sentences.hardest(analysis),
        hardest=[_hardest(question, analysis.compared_models) for question in analysis.hardest[: sentences.SHOWN_HARDEST]]
        if len(analysis.compared) > 1
        else [],
        label_errors_found=sentences.label_errors(errors),
        label_errors=[
            [
                labels[model.model],
                *(known(value, percent) for value in (model.accuracy, model.accuracy_clean, model.accuracy_flagged)),
            ]
            for model in (errors.models if errors else [])
        ],
        warnings=analysis.warnings,
        alt={figure: alt(figure, analysis.models) for figure in captions.MISTAKE_FIGURES},
    )


def alt(figure: str, models: Sequence[ModelAnalysis]) -> str:
    """Return a figure's alternative text: its title and its numbers."""
    numbers = [f"{model.label} {values}" for model in models if (values := _values(figure, model))]
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
        return f"calibration error {percent(model.calibration.ece)}" if model.calibration else None
    return percent(model.best_letter.accuracy)


def _names(models: tuple[str, str], labels: Mapping[str, str]) -> str:
    return cells.listed(labels[model] for model in models)


def _accuracies(model: ModelAnalysis, with_generated: bool) -> Row:
    """Return a model's accuracies; columns of a generated letter are left out unless a model generates one."""
    best, generated, constant = model.best_letter, model.generated, model.constant_letter
    columns: Row = [cells.NOT_KNOWN] * 5
    if generated:
        counts = map(str, (generated.correct, generated.wrong, generated.unparsed))
        columns = [percent(generated.accuracy), interval(generated.low, generated.high), *counts]
    return [
        model.label,
        percent(best.accuracy),
        interval(best.low, best.high),
        interval(model.clustered.low, model.clustered.high) if model.clustered else cells.NOT_KNOWN,
        percent(model.macro_accuracy),
        accuracy.against_guessing(model),
        f"{constant.letter}: {percent(constant.accuracy)}",
        *(columns if with_generated else []),
    ]


def _difficulty(merged: Merged, analysis: AnalysisFile) -> Rows:
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


def _pair(pair: PairAnalysis, labels: Mapping[str, str]) -> Row:
    kappa, null = cells.NOT_KNOWN, pair.same_wrong_null
    if pair.kappa is not None:
        kappa = f"{pair.kappa:.2f} ({known(pair.kappa_max, decimals(2))})"
    return [
        _names(pair.models, labels),
        str(pair.both_wrong),
        f"{pair.both_wrong_expected:.0f}",
        kappa,
        known(pair.capa, decimals(2)),
        f"{pair.same_wrong} ({known(pair.same_wrong_rate, percent)})",
        f"{percent(null.mean)} ({interval(null.low, null.high)})" if null else cells.NOT_KNOWN,
        p_value(pair.same_wrong_p),
    ]


def _better(pair: PairAnalysis, labels: Mapping[str, str]) -> Rows:
    """Return the row of the test and, if questions are left out, one of the test that counts unreadable answers as wrong."""
    names, difference = _names(pair.models, labels), known(pair.smallest_difference, points)
    if not pair.mcnemar_unread_wrong:
        return [[names, *_test(pair.mcnemar), difference]]
    return [
        [f"{names}, both readable ({pair.questions:,} questions)", *_test(pair.mcnemar), difference],
        [
            f"{names}, unreadable as wrong ({pair.questions + pair.unread:,} questions)",
            *_test(pair.mcnemar_unread_wrong),
            cells.NOT_KNOWN,
        ],
    ]


def _test(test: McNemar) -> Row:
    return [str(test.only_first), str(test.only_second), p_value(test.p), p_value(test.p_holm)]


def _hardest(question: HardQuestion, models: Sequence[ModelAnalysis]) -> Row:
    right = question.choices[LETTERS.index(question.gold)]
    return [
        f"{question.subject} {question.index}: {formatting.cell(question.question)}",
        f"{question.gold}: {formatting.cell(right)}",
        "; ".join(f"{model.label}: {question.predicted[model.model] or 'unparsed'}" for model in models),
    ]

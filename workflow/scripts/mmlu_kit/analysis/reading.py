"""analysis.json as programs read it: compared with merged.json."""

from pathlib import Path
from typing import Any

from mmlu_kit.analysis import precision, protocols, unchanged
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis, Share
from mmlu_kit.results import summaries
from mmlu_kit.results.protocols import first_of_each
from mmlu_kit.results.study_results import StudyResults
from mmlu_kit.results.summaries import Summary
from mmlu_kit.statistics import intervals
from mmlu_kit.user_errors import UserError

_ROUNDING = 1e-9


def read(path: Path, results: StudyResults) -> AnalysisFile:
    """Return a study's analysis.json. Raises UserError if its models, counts, accuracies or intervals are not merged.json's,
    or if its parts on protocols and precisions are not what the answers give.

    Its other tests are not computed again, which takes minutes for many models.
    """
    merged = results.merged
    analysis = AnalysisFile.read(path)
    grouped = dict.fromkeys(model for group in merged.study.groups for model in group.models)
    answered = {name: summary for name in grouped if (summary := summaries.summarize(merged, name, merged.study.subjects))}
    if (analysis.study, [model.model for model in analysis.models]) != (merged.study.name, list(answered)):
        raise _changed(path, "it is of other models than merged.json")
    if analysis.compared != first_of_each(merged.study.models, answered):
        raise _changed(path, "it compares other models than those with weights of their own")
    for part, names in _names(analysis).items():
        if not names <= set(answered if part == "label errors" else analysis.compared):
            raise _changed(path, f"its {part} are of other models")
    if any(len(question.predicted) < len(analysis.compared) for question in analysis.hardest):
        raise _changed(path, "its hardest questions lack a model's answer")
    for subject in analysis.difficulty.order:
        there = [summaries.summarize(merged, model, [subject]) for model in analysis.compared]
        if not all(summary and summary.questions > summary.unread for summary in there):
            raise _changed(path, f"not every model has a readable answer on {subject}, one of its subjects by difficulty")
    for model in analysis.models:
        for what, value, expected in _compared(model, answered[model.model]):
            if value != expected:
                raise _changed(path, f"{model.model}: {what} is {value}, but merged.json gives {expected}")
    protocols.check(path, analysis.protocols, merged, results.outcomes)
    compared, expected = analysis.precisions, precision.analyse_precisions(merged, results.outcomes)
    unchanged.check(path, "precisions", [each.plain() for each in compared], [each.plain() for each in expected])
    return analysis


def _names(analysis: AnalysisFile) -> dict[str, set[str]]:
    """Return the names of the models in each part of analysis.json."""
    pairs = [*(pair.models for pair in analysis.pairs), *(pair.models for pair in analysis.difficulty.spearman)]
    return {
        "pairs": {name for pair in pairs for name in pair},
        "differences between subjects": {test.model for test in analysis.difficulty.differences},
        "hardest questions": {name for question in analysis.hardest for name in question.predicted},
        "label errors": {model.model for model in analysis.label_errors.models} if analysis.label_errors else set(),
    }


def _compared(model: ModelAnalysis, summary: Summary) -> list[tuple[str, Any, Any]]:
    """Return the values that analysis.json and merged.json both give, with their names."""
    best, generated = model.best_letter, model.generated
    values = [
        ("label", model.label, summary.label),
        ("questions", model.questions, summary.questions),
        ("subjects", model.subjects, summary.subjects),
        ("best_letter.correct", best.correct, summary.correct),
        ("best_letter.unparsed", best.unparsed, summary.unread),
        ("best_letter.wrong", best.wrong, summary.questions - summary.correct - summary.unread),
        *_share("best_letter", best, summary.correct, summary.questions),
        *_close("guessing.accuracy", model.guessing.accuracy, summary.guessing),
        ("whether letters are generated", generated is not None, summary.correct_generated is not None),
    ]
    if generated is None or summary.correct_generated is None or summary.parsed is None:
        return values
    return [
        *values,
        ("generated.correct", generated.correct, summary.correct_generated),
        ("generated.unparsed", generated.unparsed, summary.questions - summary.parsed),
        ("generated.wrong", generated.wrong, summary.parsed - summary.correct_generated),
        *_share("generated", generated, summary.correct_generated, summary.questions),
    ]


def _share(name: str, share: Share, correct: int, questions: int) -> list[tuple[str, float, float]]:
    low, high = intervals.wilson(correct, questions)
    return [
        *_close(f"{name}.accuracy", share.accuracy, correct / questions),
        *_close(f"{name}.low", share.low, low),
        *_close(f"{name}.high", share.high, high),
    ]


def _close(name: str, value: float, expected: float) -> list[tuple[str, float, float]]:
    """Return the two values if they differ by more than their rounding."""
    return [(name, value, expected)] if abs(value - expected) > _ROUNDING else []


def _changed(path: Path, problem: str) -> UserError:
    return UserError(f"{path} was changed after it was made: {problem}; delete it and run again")

"""Accuracies on questions whose label was checked: with all labels, without flagged ones, and with corrected ones."""

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas

from mmlu_kit.analysis import paired
from mmlu_kit.analysis.label_checks import ERRORS, GOOD, UNDECIDED, LabelChecks
from mmlu_kit.analysis.label_document import LabelAccuracies, LabelChange, LabelErrors
from mmlu_kit.analysis.shared_questions import has_letter
from mmlu_kit.analysis.values import Proportion
from mmlu_kit.statistics import multiple, proportions


def label_accuracies(checks: LabelChecks, answers: Mapping[str, pandas.DataFrame]) -> LabelErrors:
    """Count label errors and return each model's accuracies on checked questions; `answers` are the models' rows of
    questions.csv."""
    kinds = Counter(checks.types.values())
    return LabelErrors(
        checked=sum(kinds.values()) - kinds[UNDECIDED],
        flagged=sum(kinds[kind] for kind in ERRORS),
        corrected=len(checks.right_letters),
        unread_corrections=len(checks.corrections) - len(checks.right_letters),
        unmatched=checks.unmatched,
        by_type={kind: number for kind, number in kinds.items() if kind in ERRORS},
        models=_with_holm([_of_model(model, rows[has_letter(rows)], checks) for model, rows in answers.items()]),
    )


def _of_model(model: str, rows: pandas.DataFrame, checks: LabelChecks) -> LabelAccuracies:
    """Return a model's accuracies; `rows` are its answers with a letter."""
    clean, flagged = list[bool](), list[bool]()
    by_label, by_correction = list[bool](), list[bool]()
    right_letters = checks.right_letters
    columns = rows[["subject", "index", "predicted", "correct"]].itertuples(index=False, name=None)
    for subject, index, letter, correct in columns:
        place, kind = (subject, index), checks.types.get((subject, index))
        if kind == GOOD:
            clean.append(bool(correct))
        elif kind in ERRORS:
            flagged.append(bool(correct))
        if kind == GOOD or place in right_letters:
            by_label.append(bool(correct))
            by_correction.append(bool(correct) if kind == GOOD else letter in right_letters[place])
    return LabelAccuracies(
        model=model,
        checked=_proportion(clean + flagged),
        clean=_proportion(clean),
        flagged=_proportion(flagged),
        change=_change(clean, flagged),
        corrected=_proportion(by_correction),
        correction=paired.paired_difference(by_correction, by_label) if by_label else None,
    )


def _proportion(right: Sequence[bool]) -> Proportion | None:
    return Proportion(**paired.proportion(right)) if right else None


def _change(clean: Sequence[bool], flagged: Sequence[bool]) -> LabelChange | None:
    """Return what leaving out flagged questions changes."""
    if not clean or not flagged:
        return None
    test = proportions.independent_difference(sum(clean), len(clean), sum(flagged), len(flagged))
    share = len(flagged) / (len(clean) + len(flagged))
    return LabelChange(difference=share * test.mean, low=share * test.low, high=share * test.high, p=test.p, p_holm=test.p)


def _with_holm(models: Sequence[LabelAccuracies]) -> list[LabelAccuracies]:
    """Return the models with p-values corrected for their number by Holm's method."""
    changes = multiple.holm([model.change.p if model.change else None for model in models])
    corrections = multiple.holm([model.correction.p if model.correction else None for model in models])
    return [
        model.model_copy(
            update={
                "change": model.change and model.change.model_copy(update={"p_holm": change}),
                "correction": model.correction and model.correction.model_copy(update={"p_holm": correction}),
            }
        )
        for model, change, correction in zip(models, changes, corrections, strict=True)
    ]

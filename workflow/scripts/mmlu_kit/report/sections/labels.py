"""The error analysis's part on label errors: accuracies with all labels, without flagged and with corrected ones."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit.analysis.label_document import LabelAccuracies, LabelChange, LabelErrors
from mmlu_kit.analysis.values import PairedDifference, Proportion
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, interval, points_range
from mmlu_kit.report.sentences import labels as sentences


@dataclass(frozen=True)
class Labels:
    """What was checked and flagged, a row for each model, and what its columns are."""

    errors: str
    accuracies: Rows
    notes: str


def part(errors: LabelErrors | None, labels: Mapping[str, str]) -> Labels:
    """Return the part; `labels` are by model."""
    return Labels(
        errors=sentences.label_errors(errors),
        accuracies=[_row(labels[model.model], model) for model in (errors.models if errors else [])],
        notes=sentences.notes(errors) if errors else "",
    )


def _row(label: str, model: LabelAccuracies) -> Row:
    return [
        label,
        *(_accuracy(model.checked), _accuracy(model.clean), _change(model.change)),
        *(_accuracy(model.corrected), _change(model.correction)),
    ]


def _accuracy(share: Proportion | None) -> str:
    """Return an accuracy, its questions and its interval: '50.0% of 90 (39.9% to 60.1%)'."""
    return f"{percent(share.share)} of {share.questions:,} ({interval(share.low, share.high)})" if share else NOT_KNOWN


def _change(change: LabelChange | PairedDifference | None) -> str:
    """Return a difference, its interval and p: '+1.2 (0.3 to 2.1 points), p = 0.012'."""
    if change is None:
        return NOT_KNOWN
    return f"{100 * change.difference:+z.1f} ({points_range(change.low, change.high)}), {p_value(change.p_holm)}"

"""The error analysis's part on label errors: accuracies with and without flagged questions."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit.analysis.label_document import LabelErrors
from mmlu_kit.formatting import percent
from mmlu_kit.report.cells import Rows, known
from mmlu_kit.report.sentences import labels as sentences


@dataclass(frozen=True)
class Labels:
    """What was checked and flagged, and a row for each model."""

    errors: str
    accuracies: Rows


def part(errors: LabelErrors | None, labels: Mapping[str, str]) -> Labels:
    """Return the part; `labels` are by model."""
    return Labels(
        errors=sentences.label_errors(errors),
        accuracies=[
            [
                labels[model.model],
                *(known(value, percent) for value in (model.accuracy, model.accuracy_clean, model.accuracy_flagged)),
            ]
            for model in (errors.models if errors else [])
        ],
    )

"""What a lower precision costs: the same weights in two number formats or quantizations."""

from collections.abc import Mapping
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.precision_document import Comparison
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, points, points_range
from mmlu_kit.report.sentences import precision as sentences
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged


@dataclass(frozen=True)
class PrecisionSection:
    """What is found for each pair, the tables of all pairs, and by how much a model may be worse to be called no worse."""

    findings: list[str]
    rows: Rows
    changes: Rows
    margin: str


def section(merged: Merged, analysis: AnalysisFile) -> PrecisionSection | None:
    """Return the section, None if no two models of the study differ only in precision."""
    if not analysis.precisions:
        return None
    labels = {model: summaries.label(merged, model) for model in merged.order()}
    verdicts = [sentences.verdict(compared, labels) for compared in analysis.precisions]
    return PrecisionSection(
        findings=[f"**{finding}** {numbers}" for finding, numbers in verdicts],
        rows=[_row(compared, labels) for compared in analysis.precisions],
        changes=[_changes(compared, labels) for compared in analysis.precisions],
        margin=sentences.points_of_margin(analysis.precisions[0].margin),
    )


def _row(compared: Comparison, labels: Mapping[str, str]) -> Row:
    return [
        labels[compared.reference],
        labels[compared.model],
        *(compared.differ.values()),
        str(compared.questions),
        f"{percent(compared.reference_right / compared.questions)}, {percent(compared.model_right / compared.questions)}",
        f"{points(compared.difference)} ({points_range(compared.low, compared.high)})",
        p_value(compared.p),
        p_value(compared.p_holm),
    ]


def _changes(compared: Comparison, labels: Mapping[str, str]) -> Row:
    return [
        labels[compared.reference],
        labels[compared.model],
        str(compared.right_to_wrong),
        str(compared.wrong_to_right),
        str(compared.wrong_to_other_wrong),
        percent(compared.same / compared.questions),
        divergence(compared),
    ]


def divergence(compared: Comparison) -> str:
    """Format the mean divergence with its interval: '0.012 (0.0098 to 0.015)'; '—' if there is none."""
    mean = compared.divergence
    return f"{_nats(mean.mean)} ({_nats(mean.low)} to {_nats(mean.high)})" if mean else NOT_KNOWN


def _nats(value: float) -> str:
    return "<0.0001" if 0 < value < 0.0001 else f"{value:.2g}"

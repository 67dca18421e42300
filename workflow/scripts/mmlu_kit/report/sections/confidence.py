"""The error analysis's part on calibration: whether confidence matches accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import Calibration, ModelAnalysis
from mmlu_kit.formatting import percent
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, interval
from mmlu_kit.report.sentences import confidence as sentences


@dataclass(frozen=True)
class Confidence:
    """The table of calibration, a sentence on each model, and the labels of models whose confidence is not known."""

    calibration: Rows
    in_every_order: Sequence[str]
    sentences: list[str]
    unknown: list[str]


def part(analysis: AnalysisFile, in_every_order: Sequence[str]) -> Confidence:
    """Return the part; `in_every_order` are the labels of models that were shown the choices in every order."""
    calibrated = [(model, model.calibration) for model in analysis.models if model.calibration]
    return Confidence(
        calibration=[_row(model, calibration) for model, calibration in calibrated],
        in_every_order=in_every_order,
        sentences=[sentences.confidence(model, calibration) for model, calibration in calibrated],
        unknown=[model.label for model in analysis.models if not model.calibration],
    )


def _row(model: ModelAnalysis, calibration: Calibration) -> Row:
    """Return a model's numbers: means, calibration error with its interval and by chance, temperature, Brier score."""
    error, scaled = calibration.error, calibration.temperature
    return [
        model.label,
        percent(calibration.confidence),
        percent(model.best_letter.accuracy),
        f"{percent(error.ece)} ({interval(error.low, error.high)})",
        percent(error.calibrated),
        *((f"{scaled.temperature:.2f}", percent(scaled.ece)) if scaled else (NOT_KNOWN, NOT_KNOWN)),
        f"{calibration.brier:.3f}",
    ]

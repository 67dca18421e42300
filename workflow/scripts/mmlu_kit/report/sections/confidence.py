"""The error analysis's part on calibration: whether confidence matches accuracy."""

from collections.abc import Sequence
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.formatting import percent
from mmlu_kit.report.cells import Rows
from mmlu_kit.report.sentences import accuracy


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
        calibration=[[model.label, percent(calibration.ece), f"{calibration.brier:.3f}"] for model, calibration in calibrated],
        in_every_order=in_every_order,
        sentences=[accuracy.confidence(model, calibration) for model, calibration in calibrated],
        unknown=[model.label for model in analysis.models if not model.calibration],
    )

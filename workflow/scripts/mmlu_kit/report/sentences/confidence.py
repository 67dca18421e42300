"""Sentences on calibration: whether mean confidence is shown to differ from accuracy, and what a temperature mends."""

from mmlu_kit.analysis.model_document import FEWEST_QUESTIONS, Calibration, ModelAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import points, points_range
from mmlu_kit.statistics import ALPHA, DRAWS


def confidence(model: ModelAnalysis, calibration: Calibration) -> str:
    """Say whether a model's mean confidence differs from its accuracy, and whether its calibration error is beyond chance."""
    means = f"its mean confidence is {percent(calibration.confidence)} and its accuracy {percent(model.best_letter.accuracy)}"
    if model.always:
        return f"**{model.label}** nearly always chose {model.always}, so its confidence says nothing about knowledge: {means}."
    if model.questions < FEWEST_QUESTIONS:
        return f"**{model.label}** answered too few questions for a test: {means}."
    return f"**{model.label}** {_gap(calibration, means)} {_error(calibration)}{_temperature(calibration)}"


def _gap(calibration: Calibration, means: str) -> str:
    gap = calibration.gap
    if gap is None:
        return f"is right or wrong too rarely for a test of its confidence: {means}."
    test = f"difference {points(gap.difference)}, 95% interval {points_range(gap.low, gap.high)}; {_test(gap.clustered)}, "
    tested = f"({test}{p_value(gap.p)})"
    if gap.p < ALPHA:
        return f"is {'over' if gap.difference > 0 else 'under'}confident: {means} {tested}."
    within = points(max(abs(gap.low), abs(gap.high)))
    return f"is not shown to be over- or underconfident: {means}, which match within {within} {tested}."


def _test(clustered: bool) -> str:
    return "t-test clustered by subject" if clustered else "t-test over questions"


def _error(calibration: Calibration) -> str:
    """Say whether the calibration error is larger than chance gives a calibrated model."""
    error = calibration.error
    against = f"({percent(error.ece)}, {percent(error.calibrated)} by chance, {p_value(error.p, draws=DRAWS)})"
    if error.p < ALPHA:
        return f"Its calibration error is larger than a calibrated model's {against}."
    return f"Its calibration error is not shown to be larger than a calibrated model's {against}."


def _temperature(calibration: Calibration) -> str:
    temperature = calibration.temperature
    if temperature is None:
        return ""
    value = f"{temperature.temperature:.2f}"
    return f" At a temperature of {value} it would be {percent(temperature.ece)}."

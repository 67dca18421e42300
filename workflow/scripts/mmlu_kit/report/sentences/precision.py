"""Sentences on a model against a reference: whether it is worse by more than a margin, and in what the two differ."""

from collections.abc import Mapping

from mmlu_kit.analysis.precision import PRECISION
from mmlu_kit.analysis.precision_document import Comparison
from mmlu_kit.formatting import p_value
from mmlu_kit.report.cells import listed, points, points_range
from mmlu_kit.statistics import POWER
from mmlu_kit.statistics.margins import Verdict


def verdict(compared: Comparison, labels: Mapping[str, str]) -> tuple[str, str]:
    """Return what is found, and the numbers that show it: the beginning and the rest of one text."""
    model, reference, margin = labels[compared.model], labels[compared.reference], points_of_margin(compared.margin)
    questions = f"{compared.questions:,} question{'' if compared.questions == 1 else 's'}"
    difference = f"{model} minus {reference} is {points(compared.difference)} on {questions}"
    test = f"95% interval {points_range(compared.low, compared.high)}; McNemar test, {p_value(compared.p)}"
    if compared.verdict == Verdict.UNCLEAR:
        finding = f"Whether {model} is worse than {reference} by more than {margin} cannot be told from these questions:"
        needed = _about(compared.questions_needed or 0)
        flips = compared.right_to_wrong + compared.wrong_to_right
        if flips:
            outlook = "If answers keep differing as they do here,"
        else:
            outlook = f"No answer changed between right and wrong; if 1 of {questions} does,"
        outlook += f" {needed} questions tell it in {POWER:.0%} of studies."
        return finding, f"{difference} ({test}). {outlook}"
    if compared.verdict == Verdict.WORSE:
        finding = f"{model} is worse than {reference}:"
    elif compared.verdict == Verdict.WORSE_WITHIN_MARGIN:
        finding = f"{model} is worse than {reference}, but by no more than {margin}:"
    elif compared.low > 0:
        finding = f"{model} is better than {reference}:"
    else:
        finding = f"{model} is no worse than {reference} by more than {margin}:"
    return finding, f"{difference} ({test})."


def _about(number: int) -> str:
    """Round a number to two digits, upwards: 'about 2,400'."""
    step = 10 ** max(0, len(str(number)) - 2)
    return f"about {-(-number // step) * step:,}"


def points_of_margin(margin: float) -> str:
    """Format a margin: 0.01 -> '1 point'."""
    number = f"{100 * margin:g}"
    return f"{number} point{'' if number == '1' else 's'}"


def differ(compared: Comparison) -> str:
    """Say in what a model differs from the reference."""
    if not compared.differ:
        return "the same weights, in the same precision, asked in the same way"
    if list(compared.differ) == [PRECISION]:
        return f"they differ only in precision ({compared.differ[PRECISION]})"
    return f"they differ in more than precision: {listed(f'{name} ({words})' for name, words in compared.differ.items())}"

"""The figures of the error analysis, drawn from analysis.json: how models answer, and whether they make the same mistakes."""

from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

from matplotlib import pyplot

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.report.agreement_figure import agreement
from mmlu_kit.report.figures import (
    BLUE,
    GREEN,
    GREY,
    LIGHT,
    ORANGE,
    PURPLE,
    SKY,
    YELLOW,
    guessing,
    label_bars,
    two_lines,
)
from mmlu_kit.report.sentences.accuracy import best_answer

# The colours of a letter's bar and of the text on it; more letters than colours are drawn as a heat map.
LETTER_STYLES = ((BLUE, "white"), (ORANGE, "black"), (GREEN, "white"), (PURPLE, "black"), (SKY, "black"), (YELLOW, "black"))
# Markers that can be told apart without colour.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = (BLUE, ORANGE, GREEN, PURPLE, SKY, GREY, YELLOW, "black")


def answer_outcomes(analysis: AnalysisFile) -> Any:
    """Draw the shares of each model's generated answers that were right, wrong or unparsed; models without any are left out."""
    models = [model for model in analysis.models if model.generated]
    figure, axes = pyplot.subplots(figsize=(8, 1.9 + 0.5 * len(models)))
    kinds = (
        ("correct", "right", BLUE, None),
        ("wrong", "wrong", ORANGE, "//"),
        ("unparsed", "unparsed", LIGHT, ".."),
    )
    begins = [0.0] * len(models)
    for key, text, colour, hatch in kinds:
        shares = [100 * getattr(model.generated, key) / model.questions for model in models]
        axes.barh(range(len(models)), shares, 0.6, left=begins, color=colour, hatch=hatch, edgecolor="white", label=text)
        for place, (begin, share) in enumerate(zip(begins, shares, strict=True)):
            if share >= 7:  # a number in a narrower bar would touch its neighbours
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
                axes.text(begin + share / 2, place, f"{share:.1f}%", ha="center", va="center", fontsize=9, bbox=box)
        begins = [begin + share for begin, share in zip(begins, shares, strict=True)]
    label_bars(axes, [model.label for model in models], 100, "share of questions, %")
    axes.set_title("Generated answers: right, wrong or unparsed")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def models_wrong(analysis: AnalysisFile) -> Any:
    """Draw the numbers of questions missed by 0, 1, … models, observed, if mistakes were independent, and if they were
    independent within subjects."""
    wrong = analysis.models_wrong
    assert wrong is not None
    kinds: list[tuple[str, Sequence[float], str, str | None]] = [
        ("observed", wrong.observed, BLUE, None),
        ("if mistakes were independent", wrong.expected, ORANGE, "//"),
    ]
    if wrong.differs_within:
        kinds.append(("if independent within subjects", wrong.expected_within, GREEN, ".."))
    figure, axes = pyplot.subplots(figsize=(8, 4.6))
    places, width = range(wrong.models + 1), 0.8 / len(kinds)
    most = max(max(counts) for _, counts, _, _ in kinds)
    rotation = 0 if len(kinds) * len(places) <= 18 else 90  # numbers would touch their neighbours
    for number, (text, counts, colour, hatch) in enumerate(kinds):
        shift = (number - (len(kinds) - 1) / 2) * width
        bars = [place + shift for place in places]
        axes.bar(bars, counts, 0.95 * width, color=colour, hatch=hatch, edgecolor="white", label=text)
        for place, value in zip(bars, counts, strict=True):
            axes.text(place, value + most / 80, f"{value:.0f}", ha="center", va="bottom", fontsize=9, rotation=rotation)
    axes.set_xticks(places)
    axes.set_ylim(0, 1.15 * most)
    axes.set_xlabel(f"models wrong, of {wrong.models}")
    axes.set_ylabel("questions")
    axes.set_title("Do models fail on the same questions?")
    figure.legend(loc="outside lower center", ncols=len(kinds), frameon=False)
    return figure


def letter_bias(analysis: AnalysisFile) -> Any:
    """Draw how often each model chooses each letter, and how often each letter is right."""
    models = analysis.models
    best = best_answer(model.generated is not None for model in models)
    letters = max((model.letters for model in models), key=len)
    shares = [{letter: shares.share for letter, shares in model.letters.items()} for model in models]
    # Models that answered other questions have other right answers; those of the most questions are shown.
    most = max(models, key=lambda model: model.questions)
    shares.append({letter: shares.gold_share for letter, shares in most.letters.items()})
    few = len(letters) <= len(LETTER_STYLES)
    draw = _letter_bars if few else _letter_map
    figure = draw(list(letters), best, [*(model.label for model in models), "right answers"], shares)
    axes = figure.axes[0]
    axes.axhline(len(models) - 0.5, color=GREY if few else "white", linewidth=1 if few else 4)
    lettered = any(model.generated for model in models)
    axes.set_title("Do models prefer a letter?" if lettered else "Do models prefer a place?")
    return figure


def _letter_bars(letters: Sequence[str], best: str, labels: Sequence[str], shares: Sequence[Mapping[str, float]]) -> Any:
    figure, axes = pyplot.subplots(figsize=(8, 1.9 + 0.5 * len(labels)))
    begins = [0.0] * len(labels)
    for letter, (colour, ink) in zip(letters, LETTER_STYLES, strict=False):
        values = [100 * row.get(letter, 0) for row in shares]
        axes.barh(range(len(labels)), values, 0.66, left=begins, color=colour, edgecolor="white", label=letter)
        for place, (begin, value) in enumerate(zip(begins, values, strict=True)):
            if value >= 7:
                axes.text(begin + value / 2, place, f"{letter} {value:.0f}%", ha="center", va="center", fontsize=9, color=ink)
        begins = [begin + value for begin, value in zip(begins, values, strict=True)]
    label_bars(axes, labels, 100, f"share of questions, % ({best})")
    figure.legend(loc="outside lower center", ncols=len(letters), frameon=False)
    return figure


def _letter_map(letters: Sequence[str], best: str, labels: Sequence[str], shares: Sequence[Mapping[str, float]]) -> Any:
    figure, axes = pyplot.subplots(figsize=(max(8, 3 + 0.32 * len(letters)), 1.9 + 0.5 * len(labels)))
    grid = [[100 * row.get(letter, float("nan")) for letter in letters] for row in shares]
    most = max(value for row in grid for value in row if value == value)
    image = axes.imshow(grid, vmin=0, vmax=most, cmap="cividis", aspect="auto")
    for y, row in enumerate(grid):
        for x, value in enumerate(row):
            if value == value:  # a model whose questions lack the letter has no share
                ink = "black" if value > 0.55 * most else "white"
                axes.text(x, y, f"{value:.0f}", ha="center", va="center", fontsize=9, color=ink)
    axes.set_xticks(range(len(letters)), letters)
    axes.set_yticks(range(len(labels)), [two_lines(label) for label in labels])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, label=f"share, % ({best})")
    return figure


def reliability(analysis: AnalysisFile) -> Any:
    """Draw accuracy against confidence in bins of equal size, with Wilson intervals; on the diagonal they are equal."""
    calibrated = [(model, model.calibration) for model in analysis.models if model.calibration]
    figure, axes = pyplot.subplots(figsize=(8, 5.6 + 0.24 * len(calibrated)))
    # The best letter's probability among the letters is never below one in their number.
    letters = max(len(model.letters) for model, _ in calibrated)
    least = 100 / letters
    axes.plot([least, 100], [least, 100], color=GREY, linestyle="--", linewidth=1, label="accuracy = confidence")
    for (model, calibration), colour, marker in zip(calibrated, cycle(LINES), cycle(MARKERS), strict=False):
        bins = calibration.bins
        confidence = [100 * bin.confidence for bin in bins]
        accuracy = [100 * bin.accuracy for bin in bins]
        reach = [[100 * (bin.accuracy - bin.low) for bin in bins], [100 * (bin.high - bin.accuracy) for bin in bins]]
        text = f"{model.label} (ECE {100 * calibration.error.ece:.1f}%)"
        style = {"color": colour, "linewidth": 1, "elinewidth": 0.8, "capsize": 2, "marker": marker, "markersize": 5}
        axes.errorbar(confidence, accuracy, reach, label=text, **style)
    chances = list(dict.fromkeys(model.guessing.accuracy for model, _ in calibrated))
    for number, chance in enumerate(chances):
        axes.axhline(100 * chance, color=GREY, linestyle=":", linewidth=1, label="" if number else guessing(chances))
    axes.set_xlim(least - 3, 103)
    axes.set_ylim(-3, 103)
    among = "the four" if all(set(model.choices) == {4} for model, _ in calibrated) else "the question's letters"
    axes.set_xlabel(f"confidence, % (probability of the best letter among {among})")
    axes.set_ylabel("accuracy, % (95% intervals)")
    axes.set_title("Does confidence match accuracy?")
    longest = max(len(model.label) for model, _ in calibrated)
    figure.legend(loc="outside lower center", ncols=2 if longest < 24 else 1, frameon=False)
    return figure


DRAW: dict[str, Callable[[AnalysisFile], Any]] = {
    draw.__name__: draw for draw in (answer_outcomes, models_wrong, agreement, letter_bias, reliability)
}

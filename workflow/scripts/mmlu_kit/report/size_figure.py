"""The figure of accuracy against size, of all models whose number of parameters is known."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from math import exp, log
from typing import Any

from matplotlib import pyplot
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from mmlu_kit.formatting import count, percent
from mmlu_kit.report.captions import SIZE_FIGURES
from mmlu_kit.report.cells import listed
from mmlu_kit.report.figures import BLUE, GREEN, GREY, GUESSING, ON_WHITE, ORANGE, PURPLE, SKY, YELLOW, guessing, two_lines
from mmlu_kit.report.leaderboard import Entry
from mmlu_kit.results.summaries import Summary

# A colour and a marker for each way of asking; more ways than these begin again.
STYLES = ((BLUE, "o"), (ORANGE, "D"), (GREEN, "s"), (PURPLE, "^"), (SKY, "v"), (YELLOW, "P"), (GREY, "X"))
# Of the axis: how far models of the same size are apart, its ends from the models, and how far two ticks are apart at least.
_BESIDE, _MARGIN, _TICKS = 0.03, 0.12, 0.1
_LINE = 5.0  # the height of a line of text, in points of accuracy
_Box = tuple[float, float, float, float]  # left, right, bottom, top
_FEW_TICKS = 30  # a smaller ratio of sizes has too few powers of ten to read a size from


@dataclass(frozen=True)
class _Point:
    """A model, its size, and the logarithm of where it stands on the axis."""

    summary: Summary
    weights: str
    parameters: int
    place: float


def drawable(placed: Sequence[Entry]) -> bool:
    """Return whether there is something to see: two sizes or more."""
    return len({parameters for _, parameters in _sized(placed)}) > 1


def alt(placed: Sequence[Entry]) -> str:
    """Return the figure's alternative text: its title and its numbers."""
    numbers = (
        f"{entry.summary.label} ({count(parameters)}) {percent(entry.summary.accuracy)}" for entry, parameters in _sized(placed)
    )
    return f"{SIZE_FIGURES['accuracy_by_size'].title}: {listed(numbers)}"


def accuracy_by_size(placed: Sequence[Entry]) -> Any:
    """Draw each model's accuracy with its 95 % interval against its number of parameters; ways of asking have colours, and a
    line joins models of the same weights."""
    points = _points(placed)
    styles = dict(zip(dict.fromkeys(point.summary.protocol for point in points), cycle(STYLES), strict=False))
    figure, axes = pyplot.subplots(figsize=(8, 4.8))
    axes.set_xscale("log")
    for protocol, (colour, marker) in styles.items():
        same = [point for point in points if point.summary.protocol == protocol]
        shares = [100 * point.summary.accuracy for point in same]
        error = [
            [100 * (point.summary.accuracy - point.summary.accuracy_low) for point in same],
            [100 * (point.summary.accuracy_high - point.summary.accuracy) for point in same],
        ]
        style = {"color": colour, "capsize": 3, "markersize": 7, "zorder": 3, "label": protocol if len(styles) > 1 else ""}
        axes.errorbar([exp(point.place) for point in same], shares, yerr=error, fmt=marker, **style)
    for weights in dict.fromkeys(point.weights for point in points):
        same = [point for point in points if point.weights == weights]
        ends = [exp(point.place) for point in same], [100 * point.summary.accuracy for point in same]
        axes.plot(*ends, color=GREY, linewidth=0.8, zorder=0)
    chances = list(dict.fromkeys(point.summary.guessing for point in points))
    for number, chance in enumerate(chances):
        axes.axhline(100 * chance, label="" if number else guessing(chances), **GUESSING)
    _label_sizes(axes, [point.parameters for point in points])
    axes.set_ylim(0, max(102, _name(axes, points)))
    axes.set_yticks(range(0, 101, 20))
    axes.spines["left"].set_bounds(0, 100)
    axes.set_xlabel("parameters (logarithmic axis)")
    axes.set_ylabel("accuracy, % (95% interval)")
    axes.set_title("Accuracy by size")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def _sized(placed: Sequence[Entry]) -> list[tuple[Entry, int]]:
    """Return the models of known size, the smallest first, with their numbers of parameters."""
    sized = [(entry, entry.parameters) for entry in placed if entry.parameters]
    return sorted(sized, key=lambda one: (one[1], one[0].weights))


def _points(placed: Sequence[Entry]) -> list[_Point]:
    """Return the models of known size; several of the same size stand side by side around it."""
    sized = _sized(placed)
    sizes = [parameters for _, parameters in sized]
    step = _BESIDE * (log(sizes[-1]) - log(sizes[0]))
    points = []
    for number, (entry, parameters) in enumerate(sized):
        beside = number - sizes.index(parameters) - (sizes.count(parameters) - 1) / 2
        points.append(_Point(entry.summary, entry.weights, parameters, log(parameters) + step * beside))
    return points


def _label_sizes(axes: Any, sizes: Sequence[int]) -> None:
    """Label the axis at powers of ten or, if there are few, at the models' sizes that are far enough apart."""
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axes.xaxis.set_minor_formatter(NullFormatter())
    if sizes[-1] >= _FEW_TICKS * sizes[0]:
        return
    ticks = [sizes[0]]
    for size in sizes[1:]:
        if log(size / ticks[-1]) > _TICKS * log(sizes[-1] / sizes[0]):
            ticks.append(size)
    axes.set_xticks(ticks)
    axes.xaxis.set_minor_locator(NullLocator())


def _name(axes: Any, points: Sequence[_Point]) -> float:
    """Write the name of each model's weights beside its points, where it covers neither points nor names; return where the
    highest ends."""
    ends = [min(point.place for point in points), max(point.place for point in points)]
    margin = _MARGIN * (ends[1] - ends[0])
    left, right = ends[0] - margin, ends[1] + margin
    axes.set_xlim(exp(left), exp(right))
    dot, letter = 0.008 * (right - left), 0.011 * (right - left)
    taken = [
        (one.place - dot, one.place + dot, 100 * one.summary.accuracy_low, 100 * one.summary.accuracy_high) for one in points
    ]
    for weights in dict.fromkeys(point.weights for point in points):
        same = [point for point in points if point.weights == weights]
        label = two_lines(next((point.summary.label for point in same if point.summary.model == weights), weights))
        width, height = letter * max(map(len, label.splitlines())), _LINE * len(label.splitlines())
        middle = sum(point.place for point in same) / len(same)
        highest = max(same, key=lambda point: point.summary.accuracy)
        beside, upper = 100 * highest.summary.accuracy - height / 2, 100 * highest.summary.accuracy_high + 1
        lower = 100 * min(point.summary.accuracy_low for point in same) - height - 1
        corners = [
            (middle - width / 2, upper),
            (same[-1].place + 2 * dot, beside),
            (same[0].place - 2 * dot - width, beside),
            (middle - width / 2, lower),
            *((middle - width / 2, upper + line) for line in range(1, 100)),
        ]
        inside = [(min(max(x, left), right - width), y) for x, y in corners if y >= 0]
        x, y = next(
            ((x, y) for x, y in inside if not any(_overlap((x, x + width, y, y + height), box) for box in taken)), inside[0]
        )
        taken.append((x, x + width, y, y + height))
        if y > upper:
            ends_of_line = [exp(x + width / 2), exp(middle)], [y, upper - 1]
            axes.plot(*ends_of_line, color=GREY, linewidth=0.6, linestyle=":", zorder=0)
        # Under the points, so that none is hidden.
        axes.text(exp(x + width / 2), y, label, ha="center", va="bottom", fontsize=9, bbox=ON_WHITE, zorder=2.5)
    return max(top for *_, top in taken) + 2


def _overlap(one: _Box, other: _Box) -> bool:
    return one[0] < other[1] and other[0] < one[1] and one[2] < other[3] and other[2] < one[3]


DRAW = {"accuracy_by_size": accuracy_by_size}

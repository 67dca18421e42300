"""The figure of the same weights asked and read in several ways."""

from typing import Any

from matplotlib import pyplot

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.protocol_document import Family, ReadBy
from mmlu_kit.report.figures import BLUE, GREY, ORANGE, write_number
from mmlu_kit.terminal_text import visible

# Marker, colour and shift of each reading; the markers differ in form too.
STYLES = {ReadBy.BEST: ("o", BLUE, -0.17), ReadBy.GENERATED: ("D", ORANGE, 0.17)}


def protocols(analysis: AnalysisFile) -> Any:
    """Draw the accuracy of each way of asking and reading, with its 95 % interval, families apart from each other."""
    families = analysis.protocols.families if analysis.protocols else []
    labels = {model.model: visible(model.label) for model in analysis.models}
    ticks, places = [], iter(range(sum(len(_models(family)) for family in families)))
    figure, axes = pyplot.subplots(figsize=(9, 1.8 + 0.62 * sum(len(_models(family)) for family in families)))
    used: dict[str, Any] = {}
    for number, family in enumerate(families):
        of_model = {model: place for model, place in zip(_models(family), places, strict=False)}
        generates = {row.model for row in family.accuracies if row.read_by == ReadBy.GENERATED}
        if number:
            axes.axhline(min(of_model.values()) - 0.5, color=GREY, linewidth=0.8)
        for row in family.accuracies:
            marker, colour, shift = STYLES[row.read_by]
            place = of_model[row.model] + (shift if row.model in generates else 0)
            error = [[100 * (row.share - row.low)], [100 * (row.high - row.share)]]
            style = {"color": colour, "capsize": 3, "markersize": 6, "clip_on": False}
            used[row.read_by] = axes.errorbar(100 * row.share, place, xerr=error, fmt=marker, **style)
            write_number(axes, 100 * row.high + 2, place, f"{100 * row.share:.1f}%")
        for row in family.accuracies:
            place = of_model[row.model]
            ends = (place - 0.42, place + 0.42)
            (used["guessing"],) = axes.plot([100 * row.guessing] * 2, ends, color=GREY, linestyle="--", linewidth=1, zorder=0)
        words = {row.model: row.protocol for row in family.accuracies}
        ticks += [(place, f"{labels.get(model, visible(model))}\n{visible(words[model])}") for model, place in of_model.items()]
    axes.set_yticks([place for place, _ in ticks], [text for _, text in ticks], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 114)  # room for the number after an interval that ends at 100%
    axes.spines["bottom"].set_bounds(0, 100)
    axes.set_xlabel("accuracy, % (with 95% interval)")
    axes.set_title("The same weights, asked and read in several ways")
    figure.legend(list(used.values()), list(used), loc="outside lower center", ncols=3, frameon=False)
    return figure


def _models(family: Family) -> list[str]:
    return list(dict.fromkeys(row.model for row in family.accuracies))


DRAW = {"protocols": protocols}

"""The report's figures, drawn from summaries; equal results give equal bytes."""

import io
from collections.abc import Callable, Iterable, Sequence
from math import log
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from mmlu_kit.report import captions
from mmlu_kit.report.sentences.accuracy import best_answer, guessing_reaches
from mmlu_kit.results.summaries import SubjectRow, Summary
from mmlu_kit.subjects import title
from mmlu_kit.terminal_text import visible
from mmlu_kit.timing import phase_timer

# Okabe and Ito's palette, which colour-blind readers can tell apart too (https://jfly.uni-koeln.de/color/).
BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
SKY, YELLOW, GREY = "#56B4E9", "#F0E442", "#595959"
STYLE = {
    "svg.hashsalt": "mmlu-kit",  # without a salt, matplotlib chooses random ids in an SVG
    "text.parse_math": False,  # a dollar in a model's name is no formula
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.use": True,
}
GUESSING = {"color": GREY, "linestyle": "--", "linewidth": 1}  # the line of guessing
ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 1}
LIGHT = "#D0D0D0"
PHASE_STYLES = ((GREY, None), (SKY, "//"), (ORANGE, None), (BLUE, None), (GREEN, None), (PURPLE, None), (LIGHT, ".."))


def overall_accuracy(summaries: Sequence[Summary], rows: Sequence[SubjectRow]) -> Any:
    """Draw each model's accuracy by the best answer, with its 95 % interval, and by the generated letter if it generates one.

    Imported answers that could not be read, which may be right, are drawn on top of the first.
    """
    best = best_answer(summary.correct_generated is not None for summary in summaries)
    figure, axes = pyplot.subplots(figsize=(8, 1.6 + 0.8 * len(summaries)))
    places = range(len(summaries))
    generated = {
        place: 100 * one.accuracy_generated for place, one in enumerate(summaries) if one.accuracy_generated is not None
    }
    upper = [place - 0.18 if place in generated else place for place in places]
    accuracies = [100 * summary.accuracy for summary in summaries]
    below = [100 * (summary.accuracy - summary.accuracy_low) for summary in summaries]
    above = [100 * (summary.accuracy_high - summary.accuracy) for summary in summaries]
    axes.barh(upper, accuracies, 0.34, color=BLUE, label=best)
    unread = [100 * summary.unread / summary.questions for summary in summaries]
    if any(unread):
        style = {"color": LIGHT, "hatch": "..", "edgecolor": "white", "label": "could not be read"}
        axes.barh(upper, unread, 0.34, left=accuracies, **style)
    axes.errorbar(accuracies, upper, xerr=[below, above], fmt="none", ecolor="black", capsize=4)
    if generated:
        style = {"color": ORANGE, "hatch": "//", "label": "generated letter"}
        axes.barh([place + 0.18 for place in generated], list(generated.values()), 0.34, **style)
    for place, summary in zip(upper, summaries, strict=True):
        write_number(axes, 100 * summary.accuracy_high + 1, place, f"{100 * summary.accuracy:.1f}%")
    for place, accuracy in generated.items():
        write_number(axes, accuracy + 1, place + 0.18, f"{accuracy:.1f}%")
    axes.set_yticks(places, [two_lines(summary.label) for summary in summaries])
    axes.invert_yaxis()
    axes.set_xlim(0, 109)  # room for the number after a bar of 100%
    axes.spines["bottom"].set_bounds(0, 100)
    chances = [summary.guessing for summary in summaries]
    if len(set(chances)) == 1:
        axes.axvline(100 * chances[0], label=guessing(chances), **GUESSING)
    for place, chance in zip(places, chances, strict=True):
        if len(set(chances)) > 1:
            axes.plot([100 * chance] * 2, [place - 0.45, place + 0.45], label="" if place else guessing(chances), **GUESSING)
    axes.set_xlabel(f"accuracy, % (with 95% interval of the {best})")
    axes.set_title("Overall accuracy by model")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def subject_heatmap(summaries: Sequence[Summary], rows: Sequence[SubjectRow]) -> Any:
    """Draw accuracy by subject and model, each cell with its number and 95 % interval."""
    models = [summary.model for summary in summaries]
    grid = [[100 * row.accuracy.get(model, float("nan")) for model in models] for row in rows]
    figure, axes = pyplot.subplots(figsize=(3.4 + 1.5 * len(models), max(3.4, 1.8 + 0.5 * len(rows))))
    image = axes.imshow(grid, vmin=0, vmax=100, cmap="cividis", aspect="auto")
    for y, row in enumerate(rows):
        for x, model in enumerate(models):
            if model in row.accuracy:
                low, high = row.interval[model]
                value = 100 * row.accuracy[model]
                text = f"{value:.0f}%\n({100 * low:.0f} to {100 * high:.0f})"
                text += f"\n{row.unread[model]} unread" if row.unread[model] else ""
                axes.text(x, y, text, ha="center", va="center", fontsize=8.5, color="black" if value > 55 else "white")
    axes.set_xticks(
        range(len(models)), [two_lines(summary.label) for summary in summaries], rotation=20, ha="right", rotation_mode="anchor"
    )
    axes.set_yticks(range(len(rows)), [title(row.subject) for row in rows])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("Accuracy by subject and model")
    best = best_answer(summary.correct_generated is not None for summary in summaries)
    figure.colorbar(image, ax=axes, label=f"accuracy, % ({best})")
    return figure


def efficiency(summaries: Sequence[Summary], rows: Sequence[SubjectRow]) -> Any:
    """Draw accuracy against real time; up and left is better."""
    figure, axes = pyplot.subplots(figsize=(8, 4.6))
    timed = [summary for summary in summaries if summary.real_s is not None]
    times = [summary.real_s or 0 for summary in timed] or [1]
    axis = _TimeAxis(axes, times, room=0.31)  # a name begins at its dot
    for summary, lines in zip(timed, _lines_below(timed, axis), strict=True):
        low, high = summary.accuracy - summary.accuracy_low, summary.accuracy_high - summary.accuracy
        error = [[100 * low], [100 * high]]
        axes.errorbar(summary.real_s, 100 * summary.accuracy, yerr=error, fmt="o", color=BLUE, capsize=4, markersize=7)
        axes.annotate(
            two_lines(summary.label),
            (summary.real_s, 100 * summary.accuracy),
            xytext=(9, -4 - 14 * lines),  # below the Pareto line, which only rises, and below other names
            textcoords="offset points",
            va="top",
            # The line of guessing must not cross out the name of a model that guesses.
            bbox=ON_WHITE,
        )
    # Across machines, a Pareto line would compare machines as much as models.
    if len({summary.machine for summary in timed}) <= 1:
        best = pareto(timed)
        if len(best) > 1:
            axes.plot(
                [summary.real_s for summary in best],
                [100 * summary.accuracy for summary in best],
                color=ORANGE,
                linewidth=1.5,
                zorder=0,
                label="no model here is both faster and better (Pareto)",
            )
    chances = [summary.guessing for summary in timed] or [summaries[0].guessing]
    if len(set(chances)) == 1:
        axes.axhline(100 * chances[0], label=guessing(chances), **GUESSING)
    for number, summary in enumerate(timed):
        if len(set(chances)) > 1:
            ends = [axis.place(axis.share(summary.real_s or 0) + side / 30) for side in (-1, 1)]
            axes.plot(ends, [100 * summary.guessing] * 2, label="" if number else guessing(chances), **GUESSING)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    # Room for a name below a low accuracy: about 6% of the height per line, and 3% between.
    lowest = min(
        (
            100 * summary.accuracy - 3 - 6 * (lines + len(two_lines(summary.label).splitlines()))
            for summary, lines in zip(timed, _lines_below(timed, axis), strict=True)
        ),
        default=0,
    )
    axes.set_ylim(min(0, lowest), 102)
    axes.spines["left"].set_bounds(0, 100)
    axes.set_xlabel("real time for all questions, without loading, s")
    answer = best_answer(summary.correct_generated is not None for summary in summaries)
    axes.set_ylabel(f"accuracy, % ({answer}, 95% interval)")
    axes.set_title("Accuracy against time")
    return figure


class _TimeAxis:
    """The horizontal axis of times in seconds, with room after the longest: logarithmic if they differ more than tenfold."""

    def __init__(self, axes: Any, times: Sequence[float], room: float) -> None:
        shortest, longest = min(times), max(times)
        self.logarithmic = 0 < 10 * shortest < longest
        if self.logarithmic:
            self._least = shortest / (longest / shortest) ** 0.08
            self._most = self._least * (longest / self._least) ** (1 / (1 - room))
            axes.set_xscale("log")
        else:
            self._least, self._most = 0.0, longest / (1 - room)
        axes.set_xlim(self._least, self._most)

    def share(self, seconds: float) -> float:
        """Return where a time is, as a share of the axis."""
        if self.logarithmic:
            return log(max(seconds, self._least) / self._least) / log(self._most / self._least)
        return seconds / self._most

    def place(self, share: float) -> float:
        """Return the time at a share of the axis."""
        return self._least * (self._most / self._least) ** share if self.logarithmic else share * self._most


def _lines_below(timed: Sequence[Summary], axis: _TimeAxis) -> list[int]:
    """Return by how many lines each name is moved down so that it covers none before it."""
    lines: list[int] = []
    names: list[tuple[float, float, float]] = []  # left, right, height
    for summary in timed:
        left = axis.share(summary.real_s or 0)
        right = left + 0.012 * max(map(len, two_lines(summary.label).splitlines()))
        line = 0
        while any(
            left < other_right and other_left < right and abs(100 * summary.accuracy - 6 * line - height) < 6
            for other_left, other_right, height in names
        ):
            line += 1
        names.append((left, right, 100 * summary.accuracy - 6 * line))
        lines.append(line)
    return lines


def timing_comparison(summaries: Sequence[Summary], rows: Sequence[SubjectRow]) -> Any:
    """Draw the real, CPU and GPU time of each model, without loading; those of imported answers are not known."""
    summaries = _run(summaries)
    kinds = [("real", "real time", BLUE), ("cpu", "CPU time (user + system)", ORANGE), ("gpu", "GPU time", GREEN)]
    kinds = [kind for kind in kinds if any(summary.seconds(kind[0]) is not None for summary in summaries)] or kinds[:1]
    figure, axes = pyplot.subplots(figsize=(8, 1.8 + 0.36 * len(kinds) * len(summaries)))
    height = 0.8 / len(kinds)
    times = [seconds for summary in summaries for kind, _, _ in kinds if (seconds := summary.seconds(kind))] or [1.0]
    axis = _TimeAxis(axes, times, room=0.13)
    for row, (kind, text, colour) in enumerate(kinds):
        places = [place + (row - (len(kinds) - 1) / 2) * height for place in range(len(summaries))]
        values = [summary.seconds(kind) for summary in summaries]
        axes.barh(places, [value or 0 for value in values], 0.92 * height, color=colour, label=text)
        for place, value in zip(places, values, strict=True):
            after = axis.place(axis.share(value or 0) + 0.01)
            write_number(axes, after, place, "not measured" if value is None else f"{value:.3g} s")
    axes.set_yticks(range(len(summaries)), [two_lines(summary.label) for summary in summaries])
    axes.invert_yaxis()
    axes.set_xlabel("seconds for all questions, without loading")
    axes.set_title("Execution time")
    figure.legend(loc="outside lower center", ncols=len(kinds), frameon=False)
    return figure


def time_ledger(summaries: Sequence[Summary], rows: Sequence[SubjectRow]) -> Any:
    """Draw how each model's processes spent their time, from start to end; the axis is linear, as bars are added up."""
    summaries = _run(summaries)
    figure, axes = pyplot.subplots(figsize=(8, 2.1 + 0.6 * len(summaries)))
    begins = [0.0 for _ in summaries]
    for phase, (colour, hatch) in zip(phase_timer.PHASES, PHASE_STYLES, strict=True):
        values = [summary.seconds(phase) or 0 for summary in summaries]
        style = {"color": colour, "hatch": hatch, "edgecolor": "white", "label": phase if any(values) else ""}
        axes.barh(range(len(summaries)), values, 0.6, left=begins, **style)
        begins = [begin + value for begin, value in zip(begins, values, strict=True)]
    most = max(begins, default=0) or 1
    for place, (end, summary) in enumerate(zip(begins, summaries, strict=True)):
        write_number(axes, end + most / 100, place, "not measured" if summary.real_s is None else f"{end:.3g} s")
    axes.set_yticks(range(len(summaries)), [two_lines(summary.label) for summary in summaries])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.15 * most)
    axes.set_xlabel("seconds of all the model's processes")
    axes.set_title("Where the time went")
    if axes.get_legend_handles_labels()[0]:
        figure.legend(loc="outside lower center", ncols=len(phase_timer.PHASES), frameon=False)
    return figure


# Each caption's figure is the function of its name.
DRAW: dict[str, Callable[[Sequence[Summary], Sequence[SubjectRow]], Any]] = {
    name: globals()[name] for name in captions.GROUP_FIGURES
}


def _run(summaries: Sequence[Summary]) -> list[Summary]:
    """Return the models that were run: nothing is known of the times of imported answers."""
    return [summary for summary in summaries if summary.device is not None]


def guessing(chances: Iterable[float]) -> str:
    """Return the legend's text for the lines of guessing: 'guessing (25%)', 'guessing (20% to 26.3%)'."""
    return f"guessing ({guessing_reaches(chances)})"


def pareto(timed: Iterable[Summary]) -> list[Summary]:
    """Return, fastest first, the summaries that are more accurate than every faster one; all must have times."""
    best: list[Summary] = []
    for summary in sorted(timed, key=lambda summary: (summary.real_s, -summary.accuracy)):
        if not best or summary.accuracy > best[-1].accuracy:
            best.append(summary)
    return best


def label_bars(axes: Any, labels: Sequence[str], most: float, text: str) -> None:
    """Label the axes of horizontal bars, one bar per label, the first on top."""
    axes.set_yticks(range(len(labels)), [two_lines(label) for label in labels])
    axes.invert_yaxis()
    axes.set_xlim(0, most)
    axes.set_xlabel(text)


def two_lines(label: str) -> str:
    """Return a model's label with its note on what ran instead on a second line."""
    return visible(label).replace(" (", "\n(", 1)


def write_number(axes: Any, x: float, y: float, text: str) -> None:
    """Write a number after the end of a horizontal bar, on white so that no line crosses it out."""
    axes.text(x, y, text, va="center", ha="left", fontsize=9, bbox=ON_WHITE)


def render(draw: Callable[..., Any], form: str, *data: Any) -> bytes:
    """Return the figure of `draw(*data)` as the bytes of an 'svg' or 'png' file; equal data give equal bytes."""
    with matplotlib.rc_context(STYLE):
        figure = draw(*data)
        buffer = io.BytesIO()
        # By default the files would contain the date and the version of matplotlib.
        figure.savefig(buffer, format=form, dpi=150, metadata={"Date": None} if form == "svg" else {"Software": None})
        pyplot.close(figure)
    return buffer.getvalue()

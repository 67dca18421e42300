"""The figure of the recall experiment: recall by distance."""

from collections.abc import Callable
from typing import Any

from matplotlib import pyplot

from mmlu_kit.recall.documents import ChatFile, ChatModelSummary, Reader, RecallCounts
from mmlu_kit.report import captions
from mmlu_kit.report.figures import BLUE, GREY, ORANGE

COLUMNS = 3


def chat_recall(chat: ChatFile) -> Any:
    """Draw the share of facts recalled at each distance with 95 % intervals, one panel for each model and strategy.

    Behind it is the share of prompts that still contain the fact. Diamonds mark the oracle, which is not a language model.
    """
    models = chat.models
    panels = [(model, strategy) for model in models for strategy in model.strategies]
    rows = -(-len(panels) // COLUMNS)
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=(9, 1.2 + 2.3 * rows), sharey=True, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (model, strategy) in zip(grid.flat, panels, strict=False):
        panel(axes, model, strategy)
        axes.set_title(strategy if len(models) == 1 else f"{model.model}\n{strategy}", fontsize=10)
    for axes in grid[:, 0]:
        axes.set_ylabel("facts, %")
    for axes in grid.flat[max(0, len(panels) - COLUMNS) : len(panels)]:
        axes.set_xlabel("turns from fact to question")
    handles, labels = grid.flat[0].get_legend_handles_labels()
    figure.suptitle("What is recalled" + (f" by {models[0].model}" if len(models) == 1 else ""))
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def panel(axes: Any, model: ChatModelSummary, strategy: str) -> None:
    """Draw one strategy of one model."""

    def counts(reader: Reader) -> list[RecallCounts]:
        """Return the counts at each distance."""
        chosen = [row for row in model.rows if (row.reader, row.strategy) == (reader, strategy)]
        return [row.recall for row in chosen if row.distance is not None]

    places = range(len(model.distances))
    recalled, by_oracle = counts("model"), counts("oracle")
    in_prompt = [100 * count.in_context / count.n for count in recalled]
    axes.fill_between(places, in_prompt, color="#E4E4E4", linewidth=0)
    axes.plot(places, in_prompt, color=GREY, linestyle="--", linewidth=1, label="fact still in the prompt")
    axes.plot(
        places, [100 * count.right / count.n for count in by_oracle], "D", color=ORANGE, fillstyle="none", markersize=9,
        clip_on=False, label="oracle (no language model)",
    )  # fmt: skip
    # A bound equal to the share may lie beyond it by a rounding error.
    error = [
        [max(0.0, 100 * (count.right / count.n - count.low)) for count in recalled],
        [max(0.0, 100 * (count.high - count.right / count.n)) for count in recalled],
    ]
    axes.errorbar(
        places, [100 * count.right / count.n for count in recalled], yerr=error, fmt="o-", color=BLUE, capsize=3,
        markersize=4, linewidth=1.5, clip_on=False, label="recalled by the model (95% interval)",
    )  # fmt: skip
    axes.set_xticks(places, list(map(str, model.distances)))
    axes.set_ylim(-4, 104)
    axes.set_yticks(range(0, 101, 25))


# Each caption's figure is the function of its name.
DRAW: dict[str, Callable[[ChatFile], Any]] = {name: globals()[name] for name in captions.CHAT_FIGURES}

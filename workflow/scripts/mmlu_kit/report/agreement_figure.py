"""The figure of how much two models agree, drawn from analysis.json."""

from typing import Any

from matplotlib import pyplot

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.report.figures import two_lines

_NOTHING = float("nan")


def agreement(analysis: AnalysisFile) -> Any:
    """Draw the error consistency of each pair of models: Cohen's kappa of right and wrong below the diagonal, and above it
    kappa within subjects."""
    models = analysis.compared_models
    places = {model.model: place for place, model in enumerate(models)}
    grid = [[_NOTHING] * len(models) for _ in models]
    for pair in analysis.pairs:
        one, other = sorted(places[model] for model in pair.models)
        grid[other][one] = _NOTHING if pair.kappa is None else pair.kappa
        grid[one][other] = _NOTHING if pair.kappa_within is None else pair.kappa_within
    # Kappa is seldom near its limits, so the colours have its own range, with 0 in the middle.
    most = max((abs(value) for values in grid for value in values if value == value), default=0) or 1
    figure, axes = pyplot.subplots(figsize=(4.2 + 0.9 * len(models), 2.8 + 0.6 * len(models)))
    image = axes.imshow(grid, vmin=-most, vmax=most, cmap="PuOr", aspect="auto")
    for y, values in enumerate(grid):
        for x, value in enumerate(values):
            if value == value:  # the diagonal is empty
                ink = "white" if abs(value) > 0.6 * most else "black"
                axes.text(x, y, f"{value:z.2f}", ha="center", va="center", color=ink)
    labels = [two_lines(model.label) for model in models]
    axes.set_xticks(range(len(models)), labels, rotation=20, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(models)), labels)
    axes.plot([-0.5, len(models) - 0.5], [-0.5, len(models) - 0.5], color="black", linewidth=0.8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("Are two models wrong on the same questions?")
    axes.set_xlabel("below the diagonal: all questions; above: within subjects")
    figure.colorbar(image, ax=axes, label="Cohen's kappa of right and wrong")
    return figure

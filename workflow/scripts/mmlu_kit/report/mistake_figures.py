"""The figures of the error analysis, drawn from analysis.json: how models answer, and whether they err alike."""

from collections.abc import Callable
from typing import Any

from matplotlib import pyplot

from mmlu_kit.report.figures import BLUE, CHANCE, GREEN, GREY, ORANGE, PURPLE, SKY, YELLOW, bars_area, name

# The colour of a bar and of the text on it.
LETTERS = {"A": (BLUE, "white"), "B": (ORANGE, "black"), "C": (GREEN, "white"), "D": (PURPLE, "black")}
# Told apart without colour too.
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = (BLUE, ORANGE, GREEN, PURPLE, SKY, GREY, YELLOW, "black")


def answer_outcomes(analysis: dict) -> Any:
    """What became of each model's written answers: right, wrong, or no letter to read."""
    models = analysis["models"]
    figure, axes = pyplot.subplots(figsize=(8, 1.9 + 0.5 * len(models)))
    kinds = (
        ("correct", "right", BLUE, None),
        ("wrong", "wrong", ORANGE, "//"),
        ("unparsed", "no letter readable", "#D0D0D0", ".."),
    )
    begins = [0.0] * len(models)
    for key, text, colour, hatch in kinds:
        shares = [100 * model["generated"][key] / model["questions"] for model in models]
        axes.barh(range(len(models)), shares, 0.6, left=begins, color=colour, hatch=hatch, edgecolor="white", label=text)
        for place, (begin, share) in enumerate(zip(begins, shares, strict=True)):
            if share >= 7:  # a number in a narrower bar would touch its neighbours
                box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
                axes.text(begin + share / 2, place, f"{share:.1f}%", ha="center", va="center", fontsize=9, bbox=box)
        begins = [begin + share for begin, share in zip(begins, shares, strict=True)]
    bars_area(axes, models, 100, "share of questions, %")
    axes.set_title("What became of the written answers")
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def models_wrong(analysis: dict) -> Any:
    """How many models were wrong on a question, beside what independent models of the same accuracies would give."""
    found = analysis["models_wrong"]
    figure, axes = pyplot.subplots(figsize=(8, 4.6))
    places = range(found["models"] + 1)
    axes.bar([place - 0.2 for place in places], found["observed"], 0.38, color=BLUE, label="observed")
    axes.bar(
        [place + 0.2 for place in places],
        found["expected"],
        0.38,
        color=ORANGE,
        hatch="//",
        label="if mistakes were independent",
    )
    most = max(*found["observed"], *found["expected"])
    for place, observed, expected in zip(places, found["observed"], found["expected"], strict=True):
        for shift, value in ((-0.2, observed), (0.2, expected)):
            axes.text(place + shift, value + most / 80, f"{value:.0f}", ha="center", va="bottom", fontsize=9)
    axes.set_xticks(places)
    axes.set_ylim(0, 1.1 * most)
    axes.set_xlabel(f"models wrong, of {found['models']}")
    axes.set_ylabel("questions")
    axes.set_title("Do models fail on the same questions?")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return figure


def agreement(analysis: dict) -> Any:
    """Error consistency of each pair of models: Cohen's kappa on right and wrong; 0 is what their accuracies alone give."""
    models = analysis["models"]
    places = {model["model"]: place for place, model in enumerate(models)}
    grid = [[float("nan")] * len(models) for _ in models]
    for pair in analysis["pairs"]:
        one, other = sorted(places[model] for model in pair["models"])
        grid[other][one] = float("nan") if pair["kappa"] is None else pair["kappa"]
    figure, axes = pyplot.subplots(figsize=(4.2 + 0.9 * len(models), 2.6 + 0.6 * len(models)))
    shown = axes.imshow(grid, vmin=-1, vmax=1, cmap="PuOr", aspect="auto")
    for y, values in enumerate(grid):
        for x, value in enumerate(values):
            if value == value:  # only one half is filled: a pair has no order
                axes.text(x, y, f"{value:.2f}", ha="center", va="center", color="white" if abs(value) > 0.6 else "black")
    axes.set_xticks(
        range(len(models) - 1), [name(model) for model in models[:-1]], rotation=20, ha="right", rotation_mode="anchor"
    )
    axes.set_yticks(range(1, len(models)), [name(model) for model in models[1:]])
    axes.set_xlim(-0.5, len(models) - 1.5)
    axes.set_ylim(len(models) - 0.5, 0.5)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_title("Are two models wrong on the same questions?")
    figure.colorbar(shown, ax=axes, label="Cohen's kappa of right and wrong")
    return figure


def letter_bias(analysis: dict) -> Any:
    """How often each model's best letter is A, B, C or D, beside how often it is the right one."""
    models = analysis["models"]
    rows = [
        *models,
        {"label": "right answers", "letters": {k: {"share": v["gold_share"]} for k, v in models[0]["letters"].items()}},
    ]
    figure, axes = pyplot.subplots(figsize=(8, 1.9 + 0.5 * len(rows)))
    begins = [0.0] * len(rows)
    for letter, (colour, ink) in LETTERS.items():
        shares = [100 * row["letters"][letter]["share"] for row in rows]
        axes.barh(range(len(rows)), shares, 0.66, left=begins, color=colour, edgecolor="white", label=letter)
        for place, (begin, share) in enumerate(zip(begins, shares, strict=True)):
            if share >= 7:
                axes.text(begin + share / 2, place, f"{letter} {share:.0f}%", ha="center", va="center", fontsize=9, color=ink)
        begins = [begin + share for begin, share in zip(begins, shares, strict=True)]
    bars_area(axes, rows, 100, "share of questions, % (best letter)")
    axes.axhline(len(models) - 0.5, color=GREY, linewidth=1)
    axes.set_title("Do models prefer a letter?")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    return figure


def reliability(analysis: dict) -> Any:
    """Accuracy against confidence: on the diagonal a model is right as often as it is sure."""
    models = [model for model in analysis["models"] if model["calibration"]]
    figure, axes = pyplot.subplots(figsize=(8, 5.6 + 0.24 * len(models)))
    axes.plot([25, 100], [25, 100], color=GREY, linestyle="--", linewidth=1, label="as sure as right")
    for model, colour, marker in zip(models, _cycle(LINES), _cycle(MARKERS), strict=False):
        bins = [one for one in model["calibration"]["bins"] if one["count"]]
        confidence, accuracy = ([100 * one[key] for one in bins] for key in ("confidence", "accuracy"))
        text = f"{model['label']} (ECE {100 * model['calibration']['ece']:.1f}%)"
        axes.plot(confidence, accuracy, color=colour, linewidth=1, marker=marker, markersize=4, label=text)
        # A point's area says how many questions it stands for.
        sizes = [15 + 400 * one["count"] / model["questions"] for one in bins]
        axes.scatter(confidence, accuracy, sizes, color=colour, marker=marker, alpha=0.75, edgecolors="white", linewidths=0.5)
    axes.axhline(100 * CHANCE, color=GREY, linestyle=":", linewidth=1, label="guessing (25%)")
    axes.set_xlim(22, 103)
    axes.set_ylim(-3, 103)
    axes.set_xlabel("confidence, % (probability of the best letter among the four)")
    axes.set_ylabel("accuracy, % (a point's area: its share of questions)")
    axes.set_title("Do models know what they know?")
    longest = max(len(model["label"]) for model in models)
    figure.legend(loc="outside lower center", ncols=2 if longest < 24 else 1, frameon=False)
    return figure


def _cycle(values: tuple) -> list:
    """Values enough for any number of models that a figure can still show."""
    return list(values) * 8


DRAW: dict[str, Callable[[dict], Any]] = {
    "answer_outcomes": answer_outcomes,
    "models_wrong": models_wrong,
    "agreement": agreement,
    "letter_bias": letter_bias,
    "reliability": reliability,
}

"""Figures: the same bytes each time, nothing cut off, numbers on them those of the results."""

import itertools
import re

import pytest
from matplotlib import pyplot
from mmlu_kit import figures, summaries

from tests import results

LONG = "A-model-with-a-rather-long-name-4bit"


@pytest.fixture(scope="module")
def drawn():
    subjects = ["anatomy", "high_school_government_and_politics"]
    answers = {"small": dict.fromkeys(subjects, "AAAA"), LONG: {"anatomy": "ABCA"}}
    merged, _ = results.merged(results.study(["small", LONG], subjects), answers)
    return summaries.of_group(merged, merged["study"]["groups"][0]), summaries.by_subject(merged, ["small", LONG])


@pytest.mark.parametrize("name", figures.DRAW)
@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_same_results_give_the_same_bytes(drawn, name, form):
    first = figures.render(figures.DRAW[name], form, *drawn)
    assert first == figures.render(figures.DRAW[name], form, *drawn)
    assert first.startswith(b"<?xml" if form == "svg" else b"\x89PNG")
    assert not re.search(rb"20\d\d-\d\d-\d\dT", first), "a date is in the file"


@pytest.mark.parametrize("name", figures.DRAW)
def test_nothing_drawn_leaves_the_figure(drawn, name):
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = figures.DRAW[name](*drawn)
        figure.canvas.draw()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        pyplot.close(figure)
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, box


@pytest.mark.parametrize("name", figures.DRAW)
def test_no_text_lies_on_another(drawn, name):
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = figures.DRAW[name](*drawn)
        figure.canvas.draw()
        texts = [
            text for text in figure.findobj(figures.matplotlib.text.Text) if text.get_text().strip() and text.get_visible()
        ]
        # A rotated text's box is larger than the text itself.
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts if not text.get_rotation() % 90]
        pyplot.close(figure)
    assert len(boxes) > 4
    for (one, first), (other, second) in itertools.combinations(boxes, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        assert across <= 1 or down <= 1, f"{one!r} lies on {other!r}"


@pytest.mark.parametrize("name", sorted(set(figures.DRAW) - {"subject_heatmap"}))
def test_the_axis_of_numbers_has_a_unit_and_the_figure_one_legend(drawn, name):
    figure = figures.DRAW[name](*drawn)
    assert re.search(r"%|\bs$|seconds", figure.axes[0].get_xlabel())
    assert len(figure.legends) == 1
    pyplot.close(figure)


def test_no_model_on_the_pareto_line_is_slower_and_no_better_than_another(drawn):
    def model(real_s, accuracy):
        return {**drawn[0][0], "real_s": real_s, "accuracy": accuracy}

    slow, fast, between, worse = model(9.0, 0.9), model(1.0, 0.3), model(3.0, 0.6), model(4.0, 0.5)
    assert figures.pareto([slow, worse, fast, between]) == [fast, between, slow]
    assert figures.pareto([model(1.0, 0.3), model(1.0, 0.5)]) == [model(1.0, 0.5)]


def test_a_cell_of_the_heat_map_has_the_accuracy_and_its_interval(drawn):
    figure = figures.subject_heatmap(*drawn)
    cells = [text.get_text() for text in figure.axes[0].texts]
    assert cells == ["25%\n(5 to 70)", "75%\n(30 to 95)", "25%\n(5 to 70)"]  # Wilson's, of four questions
    pyplot.close(figure)


def test_a_model_that_did_not_run_as_asked_says_so_on_each_figure(drawn):
    models = [{**summary, "label": f"{summary['model']} (cpu instead of cuda)"} for summary in drawn[0]]
    for name in figures.DRAW:
        figure = figures.DRAW[name](models, drawn[1])
        texts = [text.get_text() for text in figure.findobj(figures.matplotlib.text.Text)]
        assert "small\n(cpu instead of cuda)" in texts, name
        pyplot.close(figure)


def test_accuracies_on_the_figure_are_those_of_the_results(drawn):
    figure = figures.overall_accuracy(*drawn)
    texts = [text.get_text() for text in figure.findobj(figures.matplotlib.text.Text)]
    assert texts.count("25.0%") == 2 and texts.count("75.0%") == 2  # best letter and generated letter agree here
    assert "guessing (25%)" in texts
    pyplot.close(figure)


def test_the_line_of_guessing_does_not_cross_out_a_name(drawn):
    guesses = [summary for summary in drawn[0] if summary["accuracy"] == 0.25]
    figure = figures.efficiency(guesses, drawn[1])
    names = [text for text in figure.axes[0].texts if text.get_text() in {summary["model"] for summary in guesses}]
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "guessing (25%)"]
    assert len(names) == len(guesses) > 0
    for name in names:
        box = name.get_bbox_patch()
        assert box.get_facecolor() == (1, 1, 1, 1) and name.get_zorder() > line.get_zorder()
    pyplot.close(figure)


@pytest.mark.parametrize("name", ["efficiency", "timing_comparison", "time_ledger"])
def test_a_model_without_times_is_drawn_without(drawn, name):
    parts = {f"{part}_s": None for part in figures.PARTS}
    models = [{**summary, **parts, "real_s": None, "cpu_s": None} for summary in drawn[0]]
    assert figures.render(figures.DRAW[name], "png", models, drawn[1]).startswith(b"\x89PNG")

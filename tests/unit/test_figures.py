"""Figures: the same bytes each time, nothing cut off, numbers on them those of the results."""

import itertools
import re

import pytest
from matplotlib import pyplot
from mmlu_kit.report import captions, figures, mistake_figures
from mmlu_kit.results import merging, summaries

from tests.helpers import results

LONG = "A-model-with-a-rather-long-name-4bit"


ALL = {**figures.DRAW, **mistake_figures.DRAW}


@pytest.fixture(scope="module")
def study():
    """merged.json and the questions' table of two models, of which one lacks a subject."""
    subjects = ["anatomy", "high_school_government_and_politics"]
    answers = {"small": dict.fromkeys(subjects, "AAAA"), LONG: {"anatomy": "ABCA"}}
    return results.merged(results.study(["small", LONG], subjects), answers)


@pytest.fixture(scope="module")
def drawn(study):
    """What figures of a group are drawn from."""
    merged, _ = study
    return summaries.summarize_group(merged, merged["study"]["groups"][0]), summaries.by_subject(merged, ["small", LONG])


@pytest.fixture(scope="module")
def given(study, drawn):
    """What each figure is drawn from, by its name."""
    analysis = results.analysis(*study)
    return {name: (analysis,) if name in mistake_figures.DRAW else drawn for name in ALL}


def inside(draw, *given):
    """Check that nothing that a figure draws is cut off."""
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = draw(*given)
        figure.canvas.draw()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        pyplot.close(figure)
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, box


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_same_results_give_the_same_bytes(given, name, form):
    first = figures.render(ALL[name], form, *given[name])
    assert first == figures.render(ALL[name], form, *given[name])
    assert first.startswith(b"<?xml" if form == "svg" else b"\x89PNG")
    assert not re.search(rb"20\d\d-\d\d-\d\dT", first), "a date is in the file"


@pytest.mark.parametrize("name", ALL)
def test_nothing_drawn_leaves_the_figure(given, name):
    inside(ALL[name], *given[name])


@pytest.mark.parametrize("name", ALL)
def test_no_text_lies_on_another(given, name):
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = ALL[name](*given[name])
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


@pytest.mark.parametrize("name", sorted(set(ALL) - {"subject_heatmap", "agreement"}))
def test_the_axis_of_numbers_has_a_unit_and_the_figure_one_legend(given, name):
    figure = ALL[name](*given[name])
    assert re.search(r"%|\bs$|seconds|models wrong, of 2", figure.axes[0].get_xlabel())
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


def test_the_line_of_guessing_does_not_cross_out_a_number(drawn):
    figure = figures.overall_accuracy(
        [{**drawn[0][0], "accuracy": 0.042, "accuracy_low": 0.007, "accuracy_high": 0.203}], drawn[1]
    )
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "guessing (25%)"]
    (number,) = [text for text in figure.axes[0].texts if text.get_text() == "4.2%"]
    assert number.get_bbox_patch().get_facecolor() == (1, 1, 1, 1) and number.get_zorder() > line.get_zorder()
    pyplot.close(figure)


@pytest.mark.parametrize("label", ["m", "m (cpu instead of cuda)"])
@pytest.mark.parametrize("accuracy", [0.0, 0.042])
def test_the_name_of_a_model_with_low_accuracy_stands_above_the_axis(drawn, label, accuracy):
    low = {**drawn[0][0], "label": label, "accuracy": accuracy, "accuracy_low": 0.0}
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = figures.efficiency([low], drawn[1])
        figure.canvas.draw()
        (name,) = figure.axes[0].texts
        assert name.get_window_extent().y0 > figure.axes[0].get_window_extent().y0
        pyplot.close(figure)


def test_the_axis_of_accuracies_ends_at_a_hundred(drawn):
    for draw, side in ((figures.overall_accuracy, "bottom"), (figures.efficiency, "left")):
        figure = draw(*drawn)
        assert figure.axes[0].spines[side].get_bounds() == (0, 100)
        pyplot.close(figure)


@pytest.mark.parametrize("name", ["efficiency", "timing_comparison", "time_ledger"])
def test_a_model_without_times_is_drawn_without(drawn, name):
    parts = {f"{part}_s": None for part in figures.PARTS}
    models = [{**summary, **parts, "real_s": None, "cpu_s": None} for summary in drawn[0]]
    assert figures.render(figures.DRAW[name], "png", models, drawn[1]).startswith(b"\x89PNG")


def test_every_figure_has_words_for_those_who_cannot_see_it():
    assert list(captions.FIGURES) == list(figures.DRAW) and list(captions.ERROR_FIGURES) == list(mistake_figures.DRAW)


def test_one_model_alone_has_no_figures_that_compare_models():
    assert captions.drawable(0, 0) == []
    assert captions.drawable(1, 1) == ["answer_outcomes", "letter_bias", "reliability"]
    assert captions.drawable(2, 2) == list(mistake_figures.DRAW)


def test_without_probabilities_there_is_no_figure_of_confidence():
    assert captions.drawable(2, 0) == ["answer_outcomes", "models_wrong", "agreement", "letter_bias"]


def test_shares_of_right_wrong_and_unreadable_answers_are_on_the_figure():
    asked = results.study(["s"], ["anatomy"])
    found = [results.evaluation("s", "anatomy", "ABCA", "-BCA")]
    merged = merging.merge(asked, found, [results.timing("s", "anatomy")], {})
    figure = mistake_figures.answer_outcomes(results.analysis(merged, merging.table(asked, found)))
    assert [text.get_text() for text in figure.axes[0].texts] == ["50.0%", "25.0%", "25.0%"]
    pyplot.close(figure)


def test_observed_and_independent_mistakes_are_on_the_histogram(given):
    figure = mistake_figures.models_wrong(*given["models_wrong"])
    # Of four questions: A right for both, B and C for one, D for none; one model is right on a quarter, the other on three.
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "1", "2", "2", "1", "1"]
    assert [patch.get_height() for patch in figure.axes[0].patches[3:]] == pytest.approx([0.75, 2.5, 0.75])
    pyplot.close(figure)


@pytest.mark.parametrize("name", mistake_figures.DRAW)
def test_eight_models_with_long_names_fit(name):
    models = [f"Some-rather-long-model-name-{number}B-Instruct-4bit" for number in range(8)]
    answers = {model: {"anatomy": "ABCD"[place % 4] * 100} for place, model in enumerate(models)}
    analysis = results.analysis(*results.merged(results.study(models, ["anatomy"]), answers))
    inside(ALL[name], analysis)

"""Figures: reproducible, nothing cut off, and with the results' numbers."""

import itertools
import re
from dataclasses import replace

import pytest
from matplotlib import pyplot
from mmlu_kit.report import captions, chat_figures, figures, mistake_figures, protocol_figures, size_figure
from mmlu_kit.results import merging, summaries
from mmlu_kit.settings import LETTERS
from mmlu_kit.timing import phase_timer
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import results

LONG = "A-model-with-a-rather-long-name-4bit"


ALL = {**figures.DRAW, **mistake_figures.DRAW}


@pytest.fixture(scope="module")
def study():
    """merged.json and questions.csv of two models, one of which lacks a subject."""
    subjects = ["anatomy", "high_school_government_and_politics"]
    answers = {"small": dict.fromkeys(subjects, "AAAB"), LONG: {"anatomy": "ABCA"}}
    return results.merged(results.study(["small", LONG], subjects), answers)


@pytest.fixture(scope="module")
def group(study):
    """The data of a group's figures: summaries, and rows by subject."""
    merged, _ = study
    return summaries.summarize_group(merged, merged.study.groups[0]), summaries.by_subject(merged, ["small", LONG])


@pytest.fixture(scope="module")
def data(study, group):
    """The data of each figure, by name."""
    analysis = results.analysis(*study)
    return {name: (analysis,) if name in mistake_figures.DRAW else group for name in ALL}


def inside(draw, *data):
    """Check that nothing in a figure is cut off."""
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = draw(*data)
        figure.canvas.draw()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        pyplot.close(figure)
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, box


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("form", ["svg", "png"])
def test_figures_are_reproducible(data, name, form):
    first = figures.render(ALL[name], form, *data[name])
    assert first == figures.render(ALL[name], form, *data[name])
    assert first.startswith(b"<?xml" if form == "svg" else b"\x89PNG")
    assert not re.search(rb"20\d\d-\d\d-\d\dT", first), "a date is in the file"


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_cut_off_a_figure(data, name):
    inside(ALL[name], *data[name])


@pytest.mark.parametrize("name", ALL)
def test_no_texts_overlap(data, name):
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = ALL[name](*data[name])
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
def test_number_axes_have_units_and_figures_one_legend(data, name):
    figure = ALL[name](*data[name])
    assert re.search(r"%|\bs$|seconds|models wrong, of 2", figure.axes[0].get_xlabel())
    assert len(figure.legends) == 1
    pyplot.close(figure)


def test_the_pareto_line_has_no_dominated_model(group):
    def model(real_s, accuracy):
        return replace(group[0][0], real_s=real_s, correct=round(100 * accuracy), questions=100)

    slow, fast, between, worse = model(9.0, 0.9), model(1.0, 0.3), model(3.0, 0.6), model(4.0, 0.5)
    assert figures.pareto([slow, worse, fast, between]) == [fast, between, slow]
    assert figures.pareto([model(1.0, 0.3), model(1.0, 0.5)]) == [model(1.0, 0.5)]


def test_a_cell_of_the_heat_map_has_the_accuracy_and_its_interval(group):
    figure = figures.subject_heatmap(*group)
    cells = [text.get_text() for text in figure.axes[0].texts]
    assert cells == ["25%\n(5 to 70)", "75%\n(30 to 95)", "25%\n(5 to 70)"]  # Wilson's, of four questions
    pyplot.close(figure)


def test_each_figure_marks_a_model_that_did_not_run_as_requested(group):
    models = [replace(summary, label=f"{summary.model} (cpu instead of cuda)") for summary in group[0]]
    for name in figures.DRAW:
        figure = figures.DRAW[name](models, group[1])
        texts = [text.get_text() for text in figure.findobj(figures.matplotlib.text.Text)]
        assert "small\n(cpu instead of cuda)" in texts, name
        pyplot.close(figure)


def test_accuracies_on_the_figure_match_the_results(group):
    figure = figures.overall_accuracy(*group)
    texts = [text.get_text() for text in figure.findobj(figures.matplotlib.text.Text)]
    assert texts.count("25.0%") == 2 and texts.count("75.0%") == 2  # best letter and generated letter agree here
    assert "guessing (25%)" in texts
    pyplot.close(figure)


def test_the_line_of_guessing_does_not_cross_out_a_name(group):
    guesses = [summary for summary in group[0] if summary.accuracy == 0.25]
    figure = figures.efficiency(guesses, group[1])
    names = [text for text in figure.axes[0].texts if text.get_text() in {summary.model for summary in guesses}]
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "guessing (25%)"]
    assert len(names) == len(guesses) > 0
    for name in names:
        box = name.get_bbox_patch()
        assert box.get_facecolor() == (1, 1, 1, 1) and name.get_zorder() > line.get_zorder()
    pyplot.close(figure)


def test_the_line_of_guessing_does_not_cross_out_a_number(group):
    figure = figures.overall_accuracy(
        [replace(group[0][0], correct=1, questions=24, guessed=6.0, accuracy_low=0.007, accuracy_high=0.203)], group[1]
    )
    (line,) = [line for line in figure.axes[0].lines if line.get_label() == "guessing (25%)"]
    (number,) = [text for text in figure.axes[0].texts if text.get_text() == "4.2%"]
    assert number.get_bbox_patch().get_facecolor() == (1, 1, 1, 1) and number.get_zorder() > line.get_zorder()
    pyplot.close(figure)


@pytest.mark.parametrize("label", ["m", "m (cpu instead of cuda)"])
@pytest.mark.parametrize("accuracy", [0.0, 0.042])
def test_the_name_of_a_model_with_low_accuracy_is_above_the_axis(group, label, accuracy):
    low = replace(group[0][0], label=label, correct=round(1000 * accuracy), questions=1000, accuracy_low=0.0)
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = figures.efficiency([low], group[1])
        figure.canvas.draw()
        (name,) = figure.axes[0].texts
        assert name.get_window_extent().y0 > figure.axes[0].get_window_extent().y0
        pyplot.close(figure)


def test_the_axis_of_accuracies_ends_at_a_hundred(group):
    for draw, side in ((figures.overall_accuracy, "bottom"), (figures.efficiency, "left")):
        figure = draw(*group)
        assert figure.axes[0].spines[side].get_bounds() == (0, 100)
        pyplot.close(figure)


@pytest.mark.parametrize("name", ["efficiency", "timing_comparison", "time_ledger"])
def test_figures_can_be_drawn_for_a_model_without_times(group, name):
    names = [*(f"{phase}_s" for phase in phase_timer.PHASES), "real_s", "cpu_user_s", "cpu_system_s"]
    models = [replace(summary, **dict.fromkeys(names)) for summary in group[0]]
    assert figures.render(figures.DRAW[name], "png", models, group[1]).startswith(b"\x89PNG")


def test_every_figure_is_shown_in_the_report():
    templates = "".join(path.read_text(encoding="utf-8") for path in (results.WORKFLOW / "report").glob("*.j2"))
    shown = set(re.findall(r"\(figures/(?:{{ group.name }}_)?(\w+)\.png\)", templates))
    others = {*captions.SIZE_FIGURES, *captions.PROTOCOL_FIGURES, *captions.CHAT_FIGURES}
    assert shown == {*captions.GROUP_FIGURES, *captions.MISTAKE_FIGURES, *others}


def test_axes_of_times_are_logarithmic_where_times_differ_more_than_tenfold(group):
    fast, slow = (replace(group[0][0], real_s=seconds, cpu_user_s=seconds, cpu_system_s=0.0) for seconds in (1.0, 12.0))
    for name in ("efficiency", "timing_comparison"):
        for models, scale in (([fast, slow], "log"), ([fast, replace(slow, real_s=9.0, cpu_user_s=9.0)], "linear")):
            figure = figures.DRAW[name](models, group[1])
            assert figure.axes[0].get_xscale() == scale
            pyplot.close(figure)
            inside(figures.DRAW[name], models, group[1])


def test_charts_of_times_leave_out_imported_answers_and_times_that_are_alike(group):
    fast, slow = (replace(group[0][0], label=name, real_s=seconds) for name, seconds in (("fast", 1.0), ("slow", 2.0)))
    unknown = dict.fromkeys(("real_s", "cpu_user_s", "cpu_system_s", *(f"{phase}_s" for phase in phase_timer.PHASES)))
    theirs = replace(fast, label="theirs", device=None, **unknown)
    for name in ("timing_comparison", "time_ledger"):
        figure = figures.DRAW[name]([fast, theirs], group[1])
        assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["fast"]
        pyplot.close(figure)
    assert "efficiency" in captions.drawable_of_group([fast, slow])
    assert "efficiency" not in captions.drawable_of_group([fast, replace(slow, real_s=1.05), theirs])


def test_a_legend_has_no_line_that_is_not_drawn(group):
    figure = figures.efficiency([group[0][0]], group[1])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["guessing (25%)"]
    pyplot.close(figure)


def test_the_colours_of_kappa_use_its_range(data):
    figure = mistake_figures.agreement(*data["agreement"])
    (image,) = figure.axes[0].images
    drawn = [abs(value) for row in image.get_array().filled(0) for value in row]
    assert image.get_clim() == (-max(drawn), max(drawn))
    pyplot.close(figure)


def test_every_figure_file_has_its_own_caption():
    by_file = captions.by_file(["small", "medium"])
    assert {"small_efficiency", "medium_efficiency", "agreement", "chat_recall"} <= set(by_file)
    once = {**size_figure.DRAW, **mistake_figures.DRAW, **protocol_figures.DRAW, **chat_figures.DRAW}
    assert len(by_file) == 2 * len(figures.DRAW) + len(once)
    assert len(set(by_file.values())) == len({**figures.DRAW, **once})
    # Snakemake takes braces in a parameter for wildcards.
    assert not [text for text in by_file.values() if len(text) < 40 or "{" in text]


def analysis(answers):
    """Return the analysis of these answers, by model and subject."""
    subjects = list(dict.fromkeys(subject for by_subject in answers.values() for subject in by_subject))
    return results.analysis(*results.merged(results.study(list(answers), subjects), answers))


@pytest.mark.parametrize(
    ("answers", "not_drawn"),
    [
        ({}, set(mistake_figures.DRAW)),
        ({"m": {"anatomy": "ABCD"}}, {"models_wrong", "agreement"}),
        ({"m": {"anatomy": "ABCD"}, "n": {"anatomy": "AACD"}}, set()),
        ({"m": {"anatomy": "ABCD"}, "n": {"virology": "AACD"}}, {"models_wrong", "agreement"}),
    ],
)
def test_figures_that_compare_models_need_models_with_the_same_questions(answers, not_drawn):
    assert set(mistake_figures.DRAW) - set(captions.drawable(analysis(answers))) == not_drawn


def test_without_probabilities_there_is_no_reliability_figure():
    both = analysis({"m": {"anatomy": "ABCD"}, "n": {"anatomy": "AACD"}})
    models = [model.model_copy(update={"calibration": None}) for model in both.models]
    names = captions.drawable(both.model_copy(update={"models": models}))
    assert set(mistake_figures.DRAW) - set(names) == {"reliability"}


def test_shares_of_right_wrong_and_unparsed_answers_are_on_the_figure():
    study = results.study(["s"], ["anatomy"])
    evaluations = [results.evaluation("s", "anatomy", "ABCA", "-BCA")]
    merged = merging.merge(study, evaluations, [results.timing("s", "anatomy")], Processes({}))
    figure = mistake_figures.answer_outcomes(results.analysis(merged, merging.table(study, evaluations)))
    assert [text.get_text() for text in figure.axes[0].texts] == ["50.0%", "25.0%", "25.0%"]
    pyplot.close(figure)


def test_observed_and_independent_mistakes_are_on_the_histogram(data):
    figure = mistake_figures.models_wrong(*data["models_wrong"])
    # Of four questions: A right for both, B and C for one, D for none; one model is right on a quarter, the other on three.
    assert [text.get_text() for text in figure.axes[0].texts] == ["1", "2", "1", "1", "2", "1"]
    assert [patch.get_height() for patch in figure.axes[0].patches[3:]] == pytest.approx([0.75, 2.5, 0.75])
    pyplot.close(figure)


@pytest.mark.parametrize("name", mistake_figures.DRAW)
def test_eight_models_with_long_names_fit(name):
    models = [f"Some-rather-long-model-name-{number}B-Instruct-4bit" for number in range(8)]
    inside(ALL[name], analysis({model: {"anatomy": (LETTERS[place % 4] * 4 + "A") * 20} for place, model in enumerate(models)}))


def test_each_point_of_the_reliability_figure_has_its_interval():
    """Confidences are all the same in half of the answers, and differ in the others."""
    merged, table = results.merged(results.study(["m"], ["anatomy"]), {"m": {"anatomy": "ABCA" * 25}})
    table["logprob_A"] += [0.01 * (index // 2) * (index % 2) for index in range(100)]
    (model,) = (analysis := results.analysis(merged, table)).models
    figure = mistake_figures.reliability(analysis)
    points, _, (bars,) = figure.axes[0].containers[0]
    bins = model.calibration.bins
    assert len(bins) > 4 and list(points.get_ydata()) == [100 * bin.accuracy for bin in bins]
    ends = [sorted(segment[:, 1]) for segment in bars.get_segments()]
    assert ends == [pytest.approx([100 * bin.low, 100 * bin.high]) for bin in bins]
    pyplot.close(figure)

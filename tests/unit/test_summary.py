"""The report's first screen: the leaderboard, and findings that the numbers choose."""

import pytest
from matplotlib import pyplot
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.report import leaderboard, size_figure
from mmlu_kit.results import merging
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import reports, results
from tests.unit.test_golden_reports import answers


def summary(merged, table):
    """Return the Summary section of a report."""
    text = results.report(merged, table)
    return text[text.index("## Summary") : text.index("## Table of Contents")]


def of(shares, sizes=None, **study):
    """Return the section on models with these shares of right answers, of a hundred questions."""
    made = results.study(list(shares), ["anatomy"], **study)
    given = {name: {"anatomy": answers(share, seed)} for seed, (name, share) in enumerate(shares.items())}
    return summary(*results.merged(made, given, sizes or {}))


def test_models_are_in_order_of_accuracy_and_the_lead_is_told_with_its_test():
    text = of({"small": 0.3, "large": 0.95, "medium": 0.6})
    (rows,) = reports.tables(text, "## Summary")
    assert rows[0][:3] == ["Model", "Accuracy", "95% interval"] and len(rows[0]) <= 8
    assert [row[0] for row in rows[1:]] == ["large", "medium", "small"]
    assert "**large is right most often**" in text and "over medium" in text and "is shown (p < 0.0001)" in text
    assert "A difference in accuracy is shown for 3 of 3 pairs of models." in text


def test_models_too_close_to_tell_are_named():
    text = of({"a": 0.6, "b": 0.62, "c": 0.98})
    assert "too close to tell: a and b." in text
    assert "its lead over" not in text and "its lead of" in text
    assert "is not shown (p =" in of({"a": 0.6, "b": 0.62})


def test_of_one_model_the_accuracy_is_told_and_whether_it_beats_guessing():
    text = of({"alone": 0.8})
    assert "**alone is right on" in text and "alone does better than guessing." in text
    assert "pairs" not in text and "accuracy_by_size" not in text and "right most often" not in text


def test_at_most_five_findings():
    text = of({"a": 0.25, "b": 0.24, "c": 0.9, "d": 0.6})
    findings = text[text.index("**Time to answer") : text.index("| Model |")]
    assert 0 < findings.count("\n- ") <= 5


def test_a_study_whose_models_were_all_skipped_says_so():
    study = results.study(["m"], ["anatomy"])
    skipped = NotRun(model="m", requested=results.REQUESTED, reason="no GPU", subject="anatomy")
    merged = merging.merge(study, [skipped], [], Processes({}))
    text = summary(merged, merging.table(study, [skipped]))
    assert "No model has a result." in text and "**Not everything ran** (skipped: m)." in text
    assert "|" not in text and "How answers are read" not in text


def test_imported_answers_have_no_columns_of_what_is_not_known():
    study = results.study(["m"], ["anatomy"])
    study = study.model_copy(update={"models": {"m": ImportedEntry(predictions="p.csv")}})
    made = results.evaluation("m", "anatomy", answers(0.5, 1)).model_copy(update={"requested": None, "effective": None})
    merged = merging.merge(study, [made], [], Processes({}))
    text = summary(merged, merging.table(study, [made]))
    (rows,) = reports.tables(text, "## Summary")
    assert rows[0] == ["Model", "Accuracy", "95% interval", "Readable"]
    assert "answers imported from another run" in text and "Time to answer" not in text


def test_the_score_of_claims_and_how_to_reproduce_the_study_are_told():
    text = of({"m": 0.5})
    assert (
        "claims of the writeup:** by the published numbers," in text and "(#appendix-the-writeups-claims-and-numbers)" in text
    )
    assert "**To reproduce:** run `snakemake" in text and "[How This Was Made](#how-this-was-made)" in text


@pytest.mark.parametrize(("sizes", "drawn"), [({"a": 1000, "b": 3000}, True), ({"a": 1000, "b": 1000}, False)])
def test_the_figure_of_sizes_needs_two_sizes(sizes, drawn):
    text = of({"a": 0.4, "b": 0.6}, sizes)
    assert ("![Accuracy of each model by its number of parameters: a (" in text) == drawn


def test_the_figure_of_sizes_has_every_model_at_its_size():
    names = {"a": 1_000_000, "b": 1_000_000, "c": 8_000_000_000}
    study = results.study(list(names), ["anatomy"])
    merged, _ = results.merged(study, {name: {"anatomy": answers(0.5, 1)} for name in names}, names)
    placed = leaderboard.entries(merged)
    figure = size_figure.accuracy_by_size(placed)
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and sorted(text.get_text() for text in axes.texts) == ["a", "b", "c"]
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(one.overlaps(other) for one in boxes for other in boxes if one is not other)
    pyplot.close(figure)

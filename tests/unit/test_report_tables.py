"""The main tables as CSV and LaTeX, and tables of the report that depend on the results."""

import html
import io

import pandas
import pytest
from markdown_it import MarkdownIt
from mmlu_kit import formatting
from mmlu_kit.report import cells, file_reference, outline
from mmlu_kit.report.tables import tables
from mmlu_kit.study import Group

from tests.helpers import results


def made(names, groups):
    """Return merged.json and analysis.json of models on two subjects, the first right on everything."""
    study = results.study(names, ["anatomy", "virology"], groups=groups)
    answers = {name: {"anatomy": "ABCD" if number == 0 else "ABAA", "virology": "ABCD"} for number, name in enumerate(names)}
    merged, table = results.merged(study, answers)
    return merged, results.analysis(merged, table)


def test_tables_have_the_reports_numbers_with_intervals_and_escaped_names():
    merged, analysis = made(["a_b", "c"], [Group(name="small", title="Small", models=["a_b", "c"])])
    written = tables(merged, analysis)
    assert set(written) == {"leaderboard", "small_accuracies", "pairs"}
    first = pandas.read_csv(io.StringIO(written["leaderboard"].csv())).iloc[0]
    assert (first.model, first.questions, first.correct, first.accuracy) == ("a_b", 8, 8, 1.0) and 0.6 < first.low < 0.7
    pair = pandas.read_csv(io.StringIO(written["pairs"].csv())).iloc[0]
    assert (pair.only_first, pair.only_second, pair.difference, pair.p) == (2, 0, 0.25, 0.5)
    long = pandas.read_csv(io.StringIO(written["small_accuracies"].csv()))
    assert list(long.model) == ["a_b", "c", "a_b", "c"] and list(long.correct) == [4, 2, 4, 4]
    latex = written["small_accuracies"].latex()
    assert r"Subject & a\_b & c \\" in latex and r"anatomy & 100.0 (51.0 to 100.0) & 50.0 (15.0 to 85.0) \\" in latex
    assert r"Accuracy, \%" in written["leaderboard"].latex()


def test_a_table_without_rows_is_not_written_and_the_file_reference_counts_the_others():
    merged, analysis = made(["m"], [Group(name="small", title="Small", models=["m"])])
    assert set(tables(merged, analysis)) == {"leaderboard", "small_accuracies"}
    patterns = file_reference.patterns(merged, analysis, outline.outline(merged, analysis, None))
    assert next(one.count for one in patterns if one.pattern == "tables/<table>.<format>") == 4


def test_a_table_too_wide_for_a_page_is_divided_and_each_part_has_the_first_column():
    names = [f"m{number}" for number in range(10)]
    parts = cells.table([["anatomy", *"0123456789"]], ["Subject", *names]).split("\n\n")
    assert [part.splitlines()[0] for part in parts] == [
        "| Subject | m0 | m1 | m2 | m3 | m4 |",
        "| Subject | m5 | m6 | m7 | m8 | m9 |",
    ]
    assert parts[1].splitlines()[2] == "| anatomy | 5 | 6 | 7 | 8 | 9 |"
    assert "\n\n" not in cells.table([["a", *"1234567"]], ["x", *"1234567"])


def test_the_lines_of_a_part_that_opens_stand_alone():
    assert cells.fold("text\n", "Title") == "<details>\n\n<summary>Title</summary>\n\ntext\n\n</details>\n"
    assert cells.fold("text\n", "Title", folded=False) == "text\n"


def test_columns_of_which_nothing_is_known_are_left_out():
    assert cells.telling(["a", "b", "c"], [["1", "—", "—"]], ["b"]) == (["a", "c"], [["1", "—"]])


@pytest.mark.parametrize("text", ["__a__ _b_ *c* `d` [e](f) <b> & \\ a_b", r"\~10% of $5 | ~ !", "http://x.y"])
def test_the_title_of_a_part_is_plain_text_in_markdown_and_in_html(text):
    plain = formatting.unescaped(text)
    title = formatting.plain_cell(text)
    assert html.unescape(title) == plain and "<" not in title
    (_, inline, _) = MarkdownIt("commonmark", {"html": False}).enable("table").parse(title)
    assert {child.type for child in inline.children} == {"text"} and "".join(one.content for one in inline.children) == plain

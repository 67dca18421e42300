"""results/index.html: the studies of a folder, whatever else is in it."""

import os
import re

import pytest
from mmlu_kit.report import studies
from mmlu_kit.user_errors import UserError

from tests.helpers import results

TEMPLATES = results.WORKFLOW / "report/page"


def study(folder, name, answers="ABCD", **changes):
    """Write merged.json and report.html of a study into a folder of results."""
    made = results.study(["m", "n"], ["anatomy"], name=name, **changes)
    merged, _ = results.merged(made, {"m": {"anatomy": answers}, "n": {"anatomy": "BBBB"}})
    merged.write(folder / name / "merged.json")
    results.run(made).model_copy(update={"started": "2026-05-04T03:02:01+00:00"}).write(folder / name / "run.json")
    (folder / name / "report.html").write_text("a report")


def cells(html):
    """Return the texts of the page's rows."""
    rows = re.findall(r"<tr><th scope=\"row\">(.*?)</tr>", html, re.S)
    return [[re.sub(r"<[^>]+>", "", cell) for cell in re.split(r"</t[hd]>", row)[:-1]] for row in rows]


def test_each_study_has_a_row_with_what_was_asked_and_a_link(tmp_path):
    study(tmp_path, "quiz", "ABAA", title="Course <b>quiz</b>", limit=20)
    study(tmp_path, "other", reference=None)
    studies.write(tmp_path, TEMPLATES)
    html = (tmp_path / "index.html").read_text()
    assert cells(html) == [
        ["other", "Made study", "q", "1", "all questions", "2", "100.0% (m)", "2026-05-04"],
        ["quiz", "Course &lt;b&gt;quiz&lt;/b&gt;", "q", "1", "20", "2", "50.0% (m)", "2026-05-04"],
    ]
    assert '<a href="quiz/report.html">quiz</a>' in html and "Other folders" not in html and "<script" not in html
    studies.write(tmp_path, TEMPLATES)  # replaces its own page
    assert (tmp_path / "index.html").read_text() == html


def damaged(text):
    return lambda folder: (folder / "merged.json").write_text(text)


FOLDERS = {
    "empty": (lambda folder: None, "no results yet, or not a study: it has no merged.json"),
    "foreign": (lambda folder: (folder / "notes.txt").write_text("a"), "no results yet, or not a study"),
    "not JSON": (damaged("{"), "is not valid JSON"),
    "a list": (damaged("[]"), "not a valid merged file"),
    "deep": (damaged("[" * 100_000), "is not valid JSON"),
    "an older version": (damaged('{"schema": "mmlu-kit/merged/1"}'), "was made by another version of the kit"),
    "a folder": (lambda folder: (folder / "merged.json").mkdir(), "is a folder, not a file"),
    "a named pipe": (lambda folder: os.mkfifo(folder / "merged.json"), "is a named pipe, not a file"),
    "a device": (lambda folder: (folder / "merged.json").symlink_to("/dev/zero"), "is a device, not a file"),
    "a broken link": (lambda folder: (folder / "merged.json").symlink_to("nowhere"), "no results yet, or not a study"),
    "<script>alert(1)</script>".replace("/", "∕"): (lambda folder: None, "no results yet, or not a study"),
    '"onclick=alert(1) x="': (lambda folder: (folder / "report.html").write_text(""), "no results yet, or not a study"),
    "javascript:alert(1)": (lambda folder: (folder / "report.md").write_text(""), "no results yet, or not a study"),
    os.fsdecode(b"caf\xe9"): (lambda folder: (folder / "report.md").write_text(""), "no results yet, or not a study"),
    "a\n\u202eb": (lambda folder: None, "no results yet, or not a study"),
}


@pytest.mark.parametrize("name", FOLDERS, ids=ascii)
def test_a_folder_that_is_no_readable_study_is_listed_as_such(tmp_path, name):
    make, problem = FOLDERS[name]
    (tmp_path / name).mkdir()
    make(tmp_path / name)
    study(tmp_path, "quiz")
    (tmp_path / "quiz.zip").write_text("not a folder")
    (tmp_path / ".hidden").mkdir()
    studies.write(tmp_path, TEMPLATES)
    html = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert [row[0] for row in cells(html)] == ["quiz"]
    (item,) = re.findall(r"<li>(.*?)</li>", html, re.S)
    assert problem in item and "\u202e" not in item and "<script" not in html
    assert re.sub(r'^<a href="[^"<>]*/report\.(html|md)">([^<]*)</a>', "", item).count("<") == 0
    assert 'href="javascript:' not in html


def test_a_run_date_that_cannot_be_read_is_left_open(tmp_path):
    study(tmp_path, "quiz")
    (tmp_path / "quiz/run.json").write_text("{")
    assert [each.date for each in studies.listed(tmp_path)] == ["–"]


def test_a_page_of_somebody_else_is_not_replaced(tmp_path):
    study(tmp_path, "quiz")
    (tmp_path / "index.html").write_text("<h1>Mine</h1>")
    with pytest.raises(UserError, match=r"index\.html is not a page of the kit: rename it"):
        studies.write(tmp_path, TEMPLATES)
    assert (tmp_path / "index.html").read_text() == "<h1>Mine</h1>"


def test_without_studies_there_is_no_page(tmp_path):
    studies.write(tmp_path, TEMPLATES)
    studies.write(tmp_path / "nowhere", TEMPLATES)
    assert not list(tmp_path.iterdir())

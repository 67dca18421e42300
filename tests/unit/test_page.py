"""report.html: the whole report, the answers in columns, and no text that a browser could take for markup."""

import base64
import json
import math
import re
from hashlib import sha256

import pytest
from mmlu_kit import files
from mmlu_kit.report import page, views
from mmlu_kit.report.explorer import explorer
from mmlu_kit.user_errors import UserError

from tests.helpers import pages, results

HOSTILE = '</script><script>alert(1)</script><!-- & "quoted" \u2028 \x00 ]]>'
PICTURE = b"\x89PNG\r\n"


def report_html(markdown, figures=None):
    return views.views(markdown, figures or {}).report


def test_json_in_the_page_cannot_end_its_script_element():
    text = page.embedded({"text": HOSTILE, HOSTILE: [1, None]})
    assert not re.search(r"[<>&\x00]", text)
    assert json.loads(text) == {"text": HOSTILE, HOSTILE: [1, None]}


@pytest.mark.parametrize(
    ("markdown", "shown"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("| a |\n|---|\n| <img src=x onerror=alert(1)> |", "&lt;img src=x onerror=alert(1)&gt;"),
        ("# <b>bold</b>", "&lt;b&gt;bold&lt;/b&gt;"),
        ("[press](javascript:alert(1))", "[press](javascript:alert(1))"),
        ("`</code><script>`", "<code>&lt;/code&gt;&lt;script&gt;</code>"),
    ],
)
def test_markup_in_the_report_is_shown_as_text(markdown, shown):
    html = pages.report_html(markdown)[0]
    assert shown in html
    assert "<script" not in html and "<img" not in html and "<b>" not in html and 'href="javascript' not in html


def test_figures_are_embedded_with_their_texts_and_as_vectors_if_they_are_there():
    html = report_html('![Accuracy: "m" 50%](figures/a.png)', {"figures/a.png": PICTURE})
    assert f'src="data:image/png;base64,{base64.b64encode(PICTURE).decode()}"' in html
    assert 'alt="Accuracy: &quot;m&quot; 50%"' in html
    html = report_html("![a](figures/a.png)", {"figures/a.png": PICTURE, "figures/a.svg": b"<svg/>"})
    assert f'src="data:image/svg+xml;base64,{base64.b64encode(b"<svg/>").decode()}"' in html and "image/png" not in html


@pytest.mark.parametrize(
    "source", ["https://example.org/a.png", "../../etc/passwd", "figures/other.png", "data:image/png;base64,AA"]
)
def test_a_foreign_image_becomes_text(source):
    html = report_html(f"![what it <is>]({source})", {"figures/a.png": PICTURE})
    assert html == "<p>what it &lt;is&gt;</p>\n"


def test_sections_have_githubs_anchors_and_the_contents_list_them():
    text = "# Title\n## Table of Contents\n1. [x](#x)\n## 1. A & B: `c`\n### Again\n## Next\n### Again\n"
    parts = views.views(text, {})
    assert re.findall(r'<h\d id="([^"]+)"', parts.heading + parts.report) == ["title", "1-a--b-c", "again", "next", "again-1"]
    assert parts.contents == [("1-a--b-c", "1. A & B: c"), ("next", "Next")]
    assert parts.title == "Title" and "Table of Contents" not in parts.report and 'href="#x"' not in parts.report


FRONT, FILES = "# T\n\n> A notice.\n\n", "## File Reference\n\nfiles\n\n## How This Was Made\n\nmade\n"


def test_the_summary_and_the_files_are_parts_of_their_own():
    parts = views.views(f"{FRONT}## Summary\n\nbest\n\n### More\n\n## 1. Setup\n\nrest\n\n{FILES}", {}, ["summary"])
    texts = [re.sub(r"\s*<[^>]+>\s*", " ", part).split() for part in (parts.summary, parts.report, parts.files)]
    assert texts == [
        ["A", "notice.", "Summary", "best", "More"],
        ["1.", "Setup", "rest"],
        ["File", "Reference", "files", "How", "This", "Was", "Made", "made"],
    ]
    assert parts.contents == [("1-setup", "1. Setup")]


def test_without_a_summary_the_report_begins_with_what_precedes_its_sections():
    parts = views.views(f"{FRONT}## 1. Setup\n\nrest\n", {})
    assert (parts.summary, parts.files) == ("", "") and parts.report.index("A notice.") < parts.report.index("1. Setup")


def test_header_cells_have_scopes_and_those_without_text_head_nothing():
    html = report_html("| Model | n |\n|---|--:|\n| m | 1 |\n| l | 2 |\n")
    assert html.count('scope="col"') == 2 and html.count('<th scope="row">') == 2
    assert len(re.findall(r"<th\b", html)) == html.count("</th>") == 4 and html.count("<td") == html.count("</td>") == 2
    html = report_html("| | n |\n|---|--:|\n| m | |\n| | 2 |\n")
    assert len(re.findall(r"<th\b", html)) == html.count("</th>") == 2 and html.count("<td") == html.count("</td>") == 4


def test_answers_are_embedded_in_columns_unchanged():
    merged, table, texts = pages.study({"s": {"anatomy": "AB", "virology": "C"}, "m": {"anatomy": "BB"}})
    table.loc[(table["model"] == "m") & (table["index"] == 1), ["parsed", "generated"]] = ["", " the"]
    data = explorer(merged, table, texts)
    assert data.subjects == ["anatomy", "virology"]
    assert data.subject == [0, 0, 1] and data.index == [0, 1, 0] and data.gold == "ABA"
    assert data.text == [question.question for question in texts]
    assert data.choices == [["0 a", "b", "c", "d"], ["1 a", "b", "c", "d"], ["0 a", "b", "c", "d"]]
    small, medium = data.models
    assert small.predicted == small.parsed == "ABC"
    assert (medium.model, medium.predicted, medium.parsed) == ("m", "BB ", "B- ")
    assert [medium.texts[place] for place in medium.generated] == [" B", " the", ""]
    best, rest = round(10_000 * math.exp(-0.5)), round(10_000 * math.exp(-2.5))
    assert medium.probabilities == [rest, best, rest, rest] * 2 + [0] * 4


def test_a_model_outside_the_groups_is_shown_and_not_counted():
    merged, table, texts = pages.study({"s": {"anatomy": "AB"}, "baseline": {"anatomy": "BB"}})
    group = merged.study.groups[0].model_copy(update={"models": ["s"]})
    merged = merged.model_copy(update={"study": merged.study.model_copy(update={"groups": [group]})})
    assert {model.model: model.compared for model in explorer(merged, table, texts).models} == {"s": True, "baseline": False}


def test_models_are_in_the_reports_order():
    merged, table, texts = pages.study({"z": {"anatomy": "AB"}, "a": {"anatomy": "BB"}, "m": {"anatomy": "BA"}})
    shuffled = table.sort_values("model").reset_index(drop=True)
    assert [model.model for model in explorer(merged, shuffled, texts).models] == merged.order() == ["z", "a", "m"]


def test_other_questions_are_refused():
    merged, table, texts = pages.study({"s": {"anatomy": "AB"}})
    with pytest.raises(UserError, match="question 1 of anatomy differs from the one in the study's question file"):
        explorer(merged, table, pages.reworded(texts, 1, question="Another question?"))
    with pytest.raises(UserError, match="question 0 of anatomy"):
        explorer(merged, table, texts[1:])


def test_the_page_forbids_network_and_scripts_but_its_own(root):
    html = pages.written(*pages.study({"s": {"anatomy": "ABCD"}}))
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', html)[1].replace("&#39;", "'")
    scripts = re.findall(r'<script(?: type="module")?>(.*?)</script>', html, re.S)
    hashes = [f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts]
    assert len(hashes) == 2 and f"; script-src {' '.join(hashes)} blob:; " in policy
    assert policy.startswith("default-src 'none'; ") and "img-src data:;" in policy
    assert html.index("Content-Security-Policy") < html.index("<style>") < html.index("<script")
    # Nothing is loaded from anywhere: links are for readers alone.
    page_itself = html[: html.index("<script")]
    assert not re.search(r"\b(?:src|srcset|data|action)=|@import|url\(", page_itself)
    assert re.findall(r'<link [^>]*href="([^"]+)"', page_itself) == ["data:,"]


def test_hostile_texts_leave_the_pages_structure_unchanged():
    name = "<script>m</script>"
    merged, table, texts = pages.study({name: {"anatomy": "ABCD"}})
    texts = pages.reworded(texts, 0, question=HOSTILE, choices=(HOSTILE,) * 4)
    table = pages.ask(table.assign(generated=HOSTILE), texts)
    html = pages.written(merged, table, texts)
    assert len(re.findall("<script", html)) == len(re.findall("</script", html)) == 4
    assert "alert(1)</script" not in html and html.endswith("</html>\n")


def test_every_link_inside_the_page_leads_somewhere(root):
    html = pages.written(*pages.study({"s": {"anatomy": "ABCD"}, "m": {"anatomy": "AAAA"}}))
    anchors = re.findall(r' id="([^"]+)"', html)
    links = re.findall(r'href="#([^"]+)"', html)
    assert len(anchors) == len(set(anchors)) and len(links) > 8 and set(links) <= set(anchors)


def test_the_page_has_the_report_to_the_last_section():
    merged, table, texts = pages.study({"s": {"anatomy": "ABCD"}})
    html = pages.written(merged, table, texts)
    for heading in re.findall(r"^#+ (.+)$", results.report(merged, table, texts), re.M):
        assert heading == "Table of Contents" or re.search(rf">{re.escape(heading).replace('&', '&amp;')}</h\d>", html), heading


def test_the_program_writes_the_page_and_reports_mistakes_in_one_line(run, root, tmp_path, one_line):
    options = results.write(tmp_path, results.study(["s"], ["anatomy"]), [results.evaluation("s", "anatomy", "ABCD")])
    files.write_text(tmp_path / "report.md", "# Made\n\n![Bars](figures/bars.png)\n")
    files.write_bytes(tmp_path / "figures/bars.png", PICTURE)
    options += ["--report", tmp_path / "report.md", "--page", root / "workflow/report/page"]
    options += ["--output", tmp_path / "report.html"]
    process = run("write_page.py", *options)
    assert process.returncode == 0, process.stderr
    first = (tmp_path / "report.html").read_bytes()
    assert b"<title>Made</title>" in first and base64.b64encode(PICTURE) in first
    run("write_page.py", *options)
    assert (tmp_path / "report.html").read_bytes() == first
    path = tmp_path / "resources/subjects/q@local/anatomy.jsonl"
    path.rename(tmp_path / "moved")
    one_line(run("write_page.py", *options), "anatomy.jsonl does not exist")
    (tmp_path / "moved").rename(path)
    (tmp_path / "report.md").unlink()
    one_line(run("write_page.py", *options), "report.md does not exist")

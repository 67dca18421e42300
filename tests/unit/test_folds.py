"""Parts of report.md that open and close: three exact lines, and no other HTML."""

import pytest
from mmlu_kit import formatting
from mmlu_kit.report import views

from tests.helpers import pages, results

FOLD = "<details>\n\n<summary>{}</summary>\n\n{}\n\n</details>\n"


def html(markdown):
    return views.views(f"# T\n\n## A\n\n{markdown}", {}).report


def folds(markdown):
    """Return how many elements open and close, and how many of their tags are shown as text."""
    text = html(markdown)
    counts = [text.count(f"<{tag}>") for tag in ("details", "summary", "/summary", "/details")]
    assert len(set(counts)) == 1, text
    return counts[0], text.count("&lt;details&gt;") + text.count("&lt;/details&gt;")


def test_the_three_lines_make_a_part_with_markdown_in_it():
    text = html(FOLD.format("All *12* `runs` & <b>", "| a |\n|---|\n| 1 |\n\n- item") + "\nAfter.\n")
    assert "<details><summary>All <em>12</em> <code>runs</code> &amp; &lt;b&gt;</summary>" in text.replace("\n", "")
    assert (
        text.index("<summary>") < text.index("<table>") < text.index("<li>") < text.index("</details>") < text.index("After.")
    )


def test_parts_can_contain_parts():
    assert folds(FOLD.format("outer", FOLD.format("inner", "x"))) == (2, 0)


@pytest.mark.parametrize(
    "markdown",
    [
        "<details>\n\n<summary>no end</summary>\n\nx\n",
        "x\n\n</details>\n",
        "<details>\n\nno summary\n\n</details>\n",
        "<summary>alone</summary>\n",
        "<details>\n<summary>no blank lines</summary>\n\nx\n\n</details>\n",
        "<details open>\n\n<summary>attributes</summary>\n\nx\n\n</details>\n",
        "<DETAILS>\n\n<summary>capitals</summary>\n\nx\n\n</DETAILS>\n",
        "<details>\n\n<summary></summary>\n\nx\n\n</details>\n",
        "> <details>\n>\n> <summary>quoted</summary>\n>\n> x\n>\n> </details>\n",
        "- <details>\n\n  <summary>in a list</summary>\n\n  x\n\n  </details>\n",
        "  <details>\n\n  <summary>not at the line's begin</summary>\n\n  x\n\n  </details>\n",
        "```text\n<details>\n\n<summary>code</summary>\n\nx\n\n</details>\n```\n",
        "words <details>\n\n<summary>s</summary>\n\nx\n\n</details> words\n",
    ],
)
def test_other_lines_are_text(markdown):
    assert folds(markdown)[0] == 0 and "&lt;" in html(markdown)


def test_an_unbalanced_line_spoils_no_other_part():
    assert folds("<details>\n\n<summary>no end</summary>\n\n" + FOLD.format("whole", "x")) == (1, 1)
    assert folds(FOLD.format("whole", "x") + "\n</details>\n") == (1, 1)
    assert folds("<details>\n\nno summary\n\n" + FOLD.format("whole", "x")) == (1, 1)


def test_a_line_in_code_closes_nothing():
    text = html(FOLD.format("chat", formatting.fenced("</details>\n\n</details>\n\n<details>")))
    assert text.index("</code>") < text.index("</details>") and text.count("</details>") == 1


def test_a_section_inside_a_part_stays_in_it():
    parts = views.views("# T\n\n## A\n\n" + FOLD.format("s", "## Files inside\n\n## File Reference\n\nx"), {})
    assert parts.contents == [("a", "A")] and not parts.files and "Files inside" in parts.report


@pytest.mark.parametrize("text", [FOLD.format("s", "x"), "<details>", "</details>", "<summary>s</summary>", f"\n\n{FOLD}\n\n"])
def test_no_text_from_outside_makes_a_part(text):
    for escaped in (formatting.escaped(text), formatting.cell(text), formatting.code(text), formatting.fenced(text)):
        assert folds(f"{escaped}\n\n{escaped}\n")[0] == 0
    merged, table, questions = pages.study({"s": {"anatomy": "BBBB"}, "m": {"anatomy": "BBBB"}})
    plain = html(results.report(merged, table, questions))
    questions = pages.reworded(questions, 0, question=text, choices=(text, "b", "c", "d"))
    table = pages.ask(table.assign(generated=text), questions)
    hostile = html(results.report(merged, table, questions))
    for tag in ("<details", "<summary", "</details", "<h2", "<p>"):
        assert hostile.count(tag) == plain.count(tag), tag


@pytest.mark.parametrize("verdict", ["Holds", "does not hold", "Cannot be told", "not testable here"])
def test_a_verdict_in_bold_has_its_class(verdict):
    text = html(FOLD.format(f"**{verdict}**: larger is better", "x"))
    assert f'<strong class="verdict {verdict.lower().replace(" ", "-")}">{verdict}</strong>' in text
    assert "class" not in html(f"**{verdict} it**") and "class" not in html(verdict)

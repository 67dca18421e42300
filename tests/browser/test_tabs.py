"""The page's tabs in a real Chromium, and the address that keeps what is shown."""

import pytest

from tests.browser.screens import ANSWERS, anatomy, choose, column, rows, sort_by
from tests.helpers import pages

pytestmark = pytest.mark.browser

FOLD = "<details>\n\n<summary>More</summary>\n\n### Hidden\n\nfolded away\n\n</details>\n"
SECTIONS = "## Summary\n\nBest: large.\n\n## 1. Setup\n\n[evidence](#hidden)\n\n" + "long\n\n" * 80
REPORT = (
    f"# Made\n\n> A notice.\n\n{SECTIONS}## 2. Results\n\n{FOLD}\n## File Reference\n\nfiles\n\n## How This Was Made\n\nmade\n"
)


@pytest.fixture(scope="module")
def summarized(tmp_path_factory):
    """report.html of a report with a summary and a part that opens."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(pages.explored(*pages.study(ANSWERS), REPORT), encoding="utf-8")
    return path


def shown(page):
    """Return the parts of the page that can be seen; that of the selected tab alone, if all is well."""
    selected = page.locator("[role=tab][aria-selected=true]").get_attribute("aria-controls")
    assert [view.get_attribute("id") for view in page.locator(".view:visible").all()] == [selected]
    return selected


def address(page):
    return page.evaluate("location.hash")


def test_each_part_of_the_report_has_its_tab(opened, summarized):
    page = opened("", summarized)
    assert page.get_by_role("tab").all_text_contents() == ["Summary", "Report", "Explorer", "Files"]
    assert shown(page) == "summary" and page.get_by_text("A notice.").is_visible()
    for name, text in [("Report", "1. Setup"), ("Files", "How This Was Made"), ("Summary", "Best: large.")]:
        page.get_by_role("tab", name=name).click()
        assert (shown(page), address(page)) == (name.lower(), f"#{name.lower()}")
        assert page.get_by_role("tabpanel", name=name).get_by_text(text).last.is_visible()
    assert page.locator("nav a").all_text_contents() == ["1. Setup", "2. Results"]
    page.go_back()
    page.wait_for_function("!document.getElementById('files').hidden")
    assert shown(page) == "files"


def test_without_a_summary_the_report_is_first(opened, tmp_path):
    path = tmp_path / "report.html"
    report = REPORT.replace("## Summary", "## 0. Introduction")
    path.write_text(pages.explored(*pages.study(ANSWERS), report), encoding="utf-8")
    page = opened("", path)
    assert page.get_by_role("tab").all_text_contents() == ["Report", "Explorer", "Files"] and shown(page) == "report"


def test_arrow_keys_choose_tabs(opened, summarized):
    page = opened("", summarized)
    page.get_by_role("tab", name="Summary").focus()
    for key, expected in [("ArrowLeft", "files"), ("ArrowRight", "summary"), ("ArrowRight", "report"), ("End", "files")]:
        page.keyboard.press(key)
        assert shown(page) == expected and page.evaluate("document.activeElement.id") == f"tab-{expected}"
    page.keyboard.press("Home")
    assert shown(page) == "summary"
    stops = page.get_by_role("tab").evaluate_all("tabs => tabs.filter(tab => tab.tabIndex === 0).map(tab => tab.id)")
    assert stops == ["tab-summary"], "one stop for the key Tab"


def test_links_to_a_heading_open_its_tab_and_what_is_folded_around_it(opened, summarized):
    page = opened("#how-this-was-made", summarized)
    assert shown(page) == "files"
    page.evaluate("location.hash = '#hidden'")
    page.wait_for_function("!document.getElementById('report').hidden")
    assert shown(page) == "report" and page.get_by_text("folded away").is_visible()
    heading = page.get_by_role("heading", name="Hidden").bounding_box()
    assert page.locator("#bar").bounding_box()["height"] <= heading["y"] < 900, "under the tabs, or out of sight"
    page.get_by_role("tab", name="Summary").click()
    assert page.evaluate("scrollY") == 0
    page.get_by_role("tab", name="Report").click()
    assert page.evaluate("scrollY") > 1000, "a reader finds the report where they left it"
    page.locator("nav a", has_text="1. Setup").click()
    assert address(page) == "#1-setup"


@pytest.mark.parametrize(
    "hostile", ["#%", "#no-such-heading", "#explorerx?page=2", "#<img src=x onerror=alert(1)>", "#?", "#main"]
)
def test_an_address_that_names_nothing_shows_the_first_tab(opened, summarized, hostile):
    assert shown(opened(hostile, summarized)) == "summary"


def test_a_link_shows_the_same_questions(opened):
    page = opened("#explorer")
    choose(page, search="question 1 & 5?", subject="anatomy", models=["large", "small"], state="wrong", all_wrong=True)
    assert address(page) == (
        "#explorer?search=question+1+%26+5%3F&subject=anatomy&model=small&model=large&state=wrong&all-wrong=1"
    )
    assert rows(page) == []
    choose(page, search="question")
    sort_by(page, "No.")
    sort_by(page, "No.", "descending")
    page.get_by_label("per page").select_option("10")
    assert rows(page) == anatomy(5, 1)
    other = opened(address(page))
    assert shown(other) == "explorer" and rows(other) == anatomy(5, 1) and address(other) == address(page)
    assert column(other, "model") == column(page, "model") and len(column(page, "model")) == 4
    assert other.get_by_label("All models wrong").is_checked() and other.get_by_label("per page").input_value() == "10"
    # The address is the tab's: it comes back with it.
    page.get_by_role("tab", name="Report").click()
    assert address(page) == "#report"
    page.get_by_role("tab", name="Explorer").click()
    assert address(page) == address(other) and rows(page) == anatomy(5, 1)
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_text("1 to 10 of 12 questions").wait_for()
    assert address(page) == "#explorer?sort=index&down=1&length=10"


def test_a_link_shows_the_same_page(opened):
    page = opened("#explorer?length=10&page=2")
    assert rows(page) == [("virology", 2), ("virology", 3)] and address(page) == "#explorer?length=10&page=2"
    page.evaluate("location.hash = '#explorer?search=nucleus'")
    page.get_by_text("1 to 1 of 1 questions").wait_for()
    assert rows(page) == anatomy(4)


@pytest.mark.parametrize(
    "query", ["page=99", "page=-1", "page=x", "length=7", "subject=none&model=none", "state=__proto__", "sort=x"]
)
def test_what_the_page_does_not_have_is_left_out(opened, query):
    assert len(rows(opened(f"#explorer?{query}"))) == 12

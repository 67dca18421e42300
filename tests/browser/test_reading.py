"""The page as people read it: on a phone, in the dark, with a screen reader, without scripts, on paper."""

import re

import pytest

from tests.browser.screens import DESKTOP, PHONE
from tests.helpers import pages

pytestmark = pytest.mark.browser

WIDE = (
    "| "
    + " | ".join(f"A long heading {number}" for number in range(14))
    + " |\n|"
    + "---|" * 14
    + "\n"
    + "| 12.5% " * 14
    + "|\n"
)
FOLD = f"<details>\n\n<summary>**Holds**: more</summary>\n\nevidence\n\n{WIDE}\n</details>\n"
VERDICTS = " ".join(f"**{word}**" for word in ("Holds", "Does not hold", "Cannot be told", "Not testable here"))
REPORT = f"# Made\n\n## Summary\n\n{VERDICTS}\n\n![bars](figures/a.png)\n\n## 1. Setup\n\n{FOLD}\n## File Reference\n\nfiles\n"
FIGURE = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="800" height="400"><rect width="100%" height="100%" fill="white"/></svg>'
)


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """report.html of a report with verdicts, a figure, and a wide table in a part that opens."""
    path = tmp_path_factory.mktemp("page") / "report.html"
    figures = {"figures/a.png": b"", "figures/a.svg": FIGURE}
    path.write_text(pages.explored(*pages.study({"m": {"anatomy": "AB"}}), REPORT, figures), encoding="utf-8")
    return path


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_controls_have_names_and_tables_have_scopes(opened, screen):
    page = opened("#explorer", **screen)
    page.locator(".opener").first.click()
    controls = page.locator("input, select, button, a, summary")
    named = controls.evaluate_all(
        "controls => controls.map(one => !!(one.labels?.length || one.textContent.trim() || one.ariaLabel))"
    )
    assert len(named) > 20 and all(named)
    assert page.locator("th:not([scope])").count() == 0 and page.locator("th[scope=row]").count() > 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours_follow_the_system_with_enough_contrast(opened, folded, scheme):
    page = opened("#explorer", **DESKTOP, color_scheme=scheme)
    page.locator(".opener").nth(1).click()
    ground = colour(page, "body", "backgroundColor")
    assert (luminance(ground) > 0.5) == (scheme == "light")
    raised = colour(page, ".detail > td", "backgroundColor")
    selectors = ["body", "nav a", ".note", ".good", ".bad", "th", "caption", ".opener", "#filters label", "#filters select"]
    for selector in [*selectors, "[role=tab]", "[aria-selected=true]"]:
        text = colour(page, selector, "color")
        # WCAG 2: 4.5 to 1 for text of this size.
        assert min(contrast(text, ground), contrast(text, raised)) >= 4.5, selector
    page = opened("", folded, **DESKTOP, color_scheme=scheme)
    for verdict in ("holds", "does-not-hold", "cannot-be-told", "not-testable-here"):
        text = colour(page, f".verdict.{verdict}", "color")
        assert min(contrast(text, ground), contrast(text, raised)) >= 4.5, verdict
        symbol = page.locator(f".verdict.{verdict}").first.evaluate("one => getComputedStyle(one, '::before').content")
        assert symbol[1] in "✓✗?–", "a verdict by its colour alone"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_figures_white_is_the_pages_ground(opened, folded, scheme):
    page = opened("", folded, **DESKTOP, color_scheme=scheme)
    png = page.locator(".figure").screenshot()
    seen = page.evaluate(
        """async (bytes) => {
            const image = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: "image/png" }));
            const canvas = new OffscreenCanvas(image.width, image.height).getContext("2d");
            canvas.drawImage(image, 0, 0);
            return [...canvas.getImageData(image.width / 2, image.height / 2, 1, 1).data.slice(0, 3)];
        }""",
        list(png),
    )
    ground = colour(page, "body", "backgroundColor")
    assert max(abs(one - other) for one, other in zip(seen, ground, strict=True)) <= 2, (seen, ground)


def colour(page, selector, name):
    value = page.locator(selector).first.evaluate("(one, name) => getComputedStyle(one)[name]", name)
    return [int(number) for number in re.findall(r"\d+", value)[:3]]


def luminance(rgb):
    """The relative luminance of a colour (WCAG 2.2)."""
    parts = [value / 255 / 12.92 if value / 255 <= 0.04045 else ((value / 255 + 0.055) / 1.055) ** 2.4 for value in rgb]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one, other):
    """The contrast of two colours (WCAG 2.2)."""
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


def test_on_a_phone_nothing_is_wider_than_the_screen(opened, folded):
    page = opened("#explorer", **PHONE)
    page.locator(".opener").nth(1).tap()
    assert page.locator(".details").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    small = page.locator("[role=tab], #filters input, #filters select, #filters button, .dt-paging-button").evaluate_all(
        "found => found.filter(one => one.type !== 'checkbox' && one.checkVisibility() &&"
        " one.getBoundingClientRect().height < 40).length"
    )
    assert small == 0, "controls too small for a finger"
    page.get_by_role("tab", name="Report").tap()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert not page.get_by_role("link", name="1. Setup").is_visible(), "the contents fill the first screen"
    page = opened("#summary", folded, **PHONE)
    assert page.locator(".figure").bounding_box()["width"] <= 390 - 16
    page.get_by_role("tab", name="Report").tap()
    page.get_by_text("more").tap()
    page.get_by_text("evidence").wait_for()
    # What is wider scrolls by itself, with the keyboard too.
    page.wait_for_selector(".wide[tabindex='0']")
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_without_javascript_the_report_can_be_read(chromium, folded):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(folded.as_uri())
    assert page.locator("noscript p").is_visible()
    for name in ("Summary", "1. Setup", "File Reference"):
        assert page.get_by_role("heading", name=name).is_visible()
    page.get_by_text("more").click()
    assert page.get_by_text("evidence").is_visible()
    assert not page.get_by_label("Subject", exact=True).is_visible() and page.get_by_role("tab").count() == 0
    context.close()


def test_on_paper_everything_but_the_explorer_is_there_and_nothing_is_cut(opened, folded):
    # A4 less its margins is 186 mm wide.
    page = opened("#explorer", folded, viewport={"width": 702, "height": 1000}, color_scheme="dark")
    page.emulate_media(media="print")
    for text in ("1. Setup", "evidence", "files"):
        assert page.locator(".prose").get_by_text(text, exact=True).is_visible(), text
    for selector in ("#explorer", "[role=tab]", "nav"):
        assert not page.locator(selector).first.is_visible(), selector
    cut = page.locator("table, img, pre").evaluate_all(
        "all => all.filter(one => one.getBoundingClientRect().right > 702).length"
    )
    assert cut == 0
    assert luminance(colour(page, "body", "color")) < 0.1, "light text on paper"
    assert page.pdf(format="A4").count(b"/Type /Page\n") == 1

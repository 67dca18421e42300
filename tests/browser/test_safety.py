"""Texts from outside stay texts in a real Chromium; every page of these tests must report neither errors nor requests."""

import pytest

from tests.browser.screens import HOSTILE

pytestmark = pytest.mark.browser


def test_questions_and_generated_texts_are_shown_as_plain_text(opened):
    page = opened("#explorer")
    page.locator(".opener").nth(4).click()
    page.locator(".opener").nth(0).click()
    assert page.locator(".opener .text").nth(4).text_content() == HOSTILE
    assert page.locator(".details > p").nth(1).text_content() == HOSTILE
    assert page.locator(".details tr.choice").nth(4).text_content().startswith(f"A {HOSTILE}")
    assert HOSTILE in page.locator(".prompt pre").nth(1).text_content()
    assert page.evaluate("window.hacked") is None
    assert page.locator("img[src=x], #explorer b, #explorer i").count() == 0


def test_the_policy_stops_a_script_that_became_markup(chromium, written, tmp_path):
    path = tmp_path / "report.html"
    html = written.read_text(encoding="utf-8")
    path.write_text(html.replace("</main>", "<script>window.hacked = 3</script></main>"), encoding="utf-8")
    page = chromium.new_page()
    page.goto(path.as_uri())
    page.wait_for_selector("html[data-ready]")
    assert page.evaluate("window.hacked") is None
    page.close()

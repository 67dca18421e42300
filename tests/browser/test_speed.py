"""A study as large as MMLU opens at once."""

import pytest

from tests.browser.screens import rows
from tests.helpers import pages

pytestmark = pytest.mark.browser

SECONDS = 1.5


def test_all_of_mmlu_with_eight_models_opens_at_once(opened, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(pages.whole_mmlu(), encoding="utf-8")
    # Neighbours on the machine slow some of the attempts: the page is as fast as in the best of them.
    for _ in range(5):
        page = opened("#explorer", path)
        # From the start of the navigation; the page says when its table stands.
        ready = page.evaluate("performance.getEntriesByName('ready')[0].startTime") / 1000
        if ready < SECONDS:
            break
    assert page.get_by_text("1 to 25 of 14,042 questions").is_visible()
    assert page.locator("#questions > tbody > tr").count() == 25, "rows are made only when they are shown"
    assert ready < SECONDS, f"{path.stat().st_size / 1e6:.1f} MB ready after {ready:.2f} s"
    took = page.evaluate(
        """() => {
            const begin = performance.now();
            const search = document.getElementById("search");
            search.value = "question 14041";
            search.dispatchEvent(new Event("input", { bubbles: true }));
            return (performance.now() - begin) / 1000;
        }"""
    )
    assert len(rows(page)) == 1 and took < 1, took

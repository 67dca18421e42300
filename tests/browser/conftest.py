"""A real Chromium and report.html of made answers. The browser and the page are made once, as both take seconds."""

import shutil

import pytest

from tests.browser.screens import ANSWERS, DESKTOP, HOSTILE, UNPARSED
from tests.helpers import pages


@pytest.fixture(scope="session")
def chromium():
    """A real, headless Chromium; skips if the machine has none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        pytest.skip("this machine has no Chromium (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def written(tmp_path_factory):
    """report.html of the made answers, with one hostile question and some unparsed answers."""
    merged, table, asked = pages.study(ANSWERS)
    asked = pages.reworded(asked, 4, question=HOSTILE, choices=(HOSTILE, "a <i>nucleus</i>", "c", "d"))
    unparsed = [key in UNPARSED for key in zip(table["model"], table["subject"], table["index"], strict=True)]
    table.loc[unparsed, ["parsed", "generated"]] = ["", HOSTILE]
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(pages.written(merged, pages.ask(table, asked), asked), encoding="utf-8")
    return path


@pytest.fixture
def opened(chromium, written):
    """Open a page without network: opened(address, path, **screen settings); at the end, check that it reported no error."""
    contexts, heard = [], []

    def open_page(address="", path=written, **settings):
        context = chromium.new_context(offline=True, **(settings or DESKTOP))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: heard.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: heard.append(f"error: {error}"))
        page.on("request", lambda request: heard.append(request.url) if fetched(request.url, path) else None)
        page.set_default_timeout(10_000)
        page.goto(path.as_uri() + address)
        page.wait_for_selector("html[data-ready]")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert heard == []


def fetched(url, path):
    """Return whether an address is anything but the page itself and its embedded data."""
    return url.split("#")[0] != path.as_uri() and not url.startswith(("data:", "blob:"))

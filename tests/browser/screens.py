"""What the browser tests share: made answers, screens, and what a reader sees of the explorer."""

import math

HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'> &amp; <b>bold</b>"
# gold: ABCDABCD in each subject. All three miss questions 1 and 5 of anatomy and 3 of virology.
ANSWERS = {
    "small": {"anatomy": "AACAAACA", "virology": "AAAA"},
    "medium": {"anatomy": "AACDACCD", "virology": "ABCA"},
    "large": {"anatomy": "ACCDADCD", "virology": "ABCA"},
}
UNPARSED = {("small", "anatomy", 2), ("small", "virology", 0), ("large", "anatomy", 0)}
# Widths of the screens that people have: a laptop and a phone.
DESKTOP = {"viewport": {"width": 1280, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "is_mobile": True, "has_touch": True}
# The probabilities of a made answer's best letter and of each other letter, as shown.
HIGH, LOW = f"{100 * math.exp(-0.5):.2f}%", f"{100 * math.exp(-2.5):.2f}%"


def rows(page):
    """Return (subject, number) of the listed questions, in order."""
    cells = page.locator("#questions > tbody > tr:has(.opener)").evaluate_all(
        "rows => rows.map(row => [row.querySelector('.subject').textContent, Number(row.querySelector('.index').textContent)])"
    )
    return [tuple(cell) for cell in cells]


def anatomy(*numbers):
    return [("anatomy", number) for number in numbers]


def virology(*numbers):
    return [("virology", number) for number in numbers]


def choose(page, **filters):
    """Choose the explorer's filters: search, subject, models, state and all_wrong."""
    if "search" in filters:
        page.get_by_label("Search").fill(filters["search"])
    if "subject" in filters:
        page.get_by_label("Subject", exact=True).select_option(label=filters["subject"])
    if "models" in filters:
        page.locator("#models").evaluate("menu => { menu.open = true; }")
        for model in filters["models"]:
            page.locator("#models").get_by_label(model, exact=True).check()
    if "state" in filters:
        page.get_by_label("Answer").select_option(value=filters["state"])
    if "all_wrong" in filters:
        page.get_by_label("All models wrong").check()


def sort_by(page, header, direction="ascending"):
    """Click a column's header and wait until the column is marked as sorted."""
    page.locator("#questions > thead th", has_text=header).click()
    page.locator(f"#questions > thead th[aria-sort={direction}]", has_text=header).wait_for()


def column(page, name):
    """Return the texts of a column of the listed questions."""
    return page.locator(f"#questions > tbody > tr > td.{name}").all_text_contents()

"""The explorer in a real Chromium: searching, sorting and opening questions with the mouse and the keyboard."""

import math
import re

import pytest
from mmlu_kit.evaluation import prompts
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS, Preset

from tests.browser.screens import ANSWERS, HIGH, HOSTILE, LOW, anatomy, choose, column, rows, sort_by, virology
from tests.helpers import choices, pages, results

pytestmark = pytest.mark.browser


def test_the_explorer_lists_all_questions_in_the_studys_order(opened):
    page = opened("#explorer")
    assert rows(page) == anatomy(*range(8)) + virology(*range(4))
    assert page.get_by_text("1 to 12 of 12 questions").is_visible()
    assert page.title() == "Made study"
    assert page.locator("h2", has_text="6. Error Pattern Analysis").count() == 1


FILTERED = [
    ({"subject": "virology"}, virology(0, 1, 2, 3)),
    ({"models": ["small"], "state": "right"}, anatomy(0, 2, 4, 6) + virology(0)),
    ({"models": ["small"], "state": "wrong"}, anatomy(1, 3, 5, 7) + virology(1, 2, 3)),
    ({"models": ["medium", "large"], "state": "wrong"}, anatomy(1, 5) + virology(3)),
    ({"models": ["large"], "state": "wrong", "subject": "virology"}, virology(3)),
    ({"state": "unparsed"}, anatomy(0, 2) + virology(0)),
    ({"models": ["large"], "state": "unparsed"}, anatomy(0)),
    ({"models": ["large"], "state": "generated-right"}, anatomy(2, 3, 4, 6, 7) + virology(0, 1, 2)),
    ({"models": ["large"], "state": "generated-wrong"}, anatomy(1, 5) + virology(3)),
    ({"all_wrong": True}, anatomy(1, 5) + virology(3)),
    ({"all_wrong": True, "subject": "anatomy"}, anatomy(1, 5)),
    ({"search": "VIROLOGY question 2"}, virology(2)),
    ({"search": "nucleus"}, anatomy(4)),
    ({"search": "<img"}, anatomy(4)),
    ({"search": "no such words"}, []),
]


def test_only_questions_that_match_all_filters_are_listed(opened):
    page = opened("#explorer")
    for filters, listed in FILTERED:
        choose(page, **filters)
        assert rows(page) == listed, filters
        note = f"of {len(listed)} questions (of 12)" if listed else "No question matches these filters."
        assert page.get_by_text(note).is_visible(), filters
        page.get_by_role("button", name="Clear filters").click()
        page.get_by_text("1 to 12 of 12 questions").wait_for()
        assert len(rows(page)) == 12


def test_each_model_has_a_column_that_sorts(opened):
    page = opened("#explorer")
    heads = page.locator("#questions > thead th").all_text_contents()
    assert heads[:4] == ["Subject", "No.", "Question", "Right letter"] and heads[4:7] == list(ANSWERS)
    assert column(page, "model")[:6] == ["A ✓ right"] * 3 + ["A ✗ wrong", "A ✗ wrong", "C ✗ wrong"]
    sort_by(page, "small")
    small = column(page, "model")[::3]
    assert small == ["A ✗ wrong"] * 7 + ["A ✓ right"] * 3 + ["C ✓ right"] * 2
    sort_by(page, "small", "descending")
    assert column(page, "model")[::3] == ["C ✓ right"] * 2 + ["A ✓ right"] * 3 + ["A ✗ wrong"] * 7
    choose(page, models=["large", "medium"])
    assert page.locator("#questions > thead th").all_text_contents()[4:6] == ["medium", "large"]
    assert len(column(page, "model")) == 24
    assert page.locator("#models summary").text_content() == "medium, large"


def test_the_list_of_models_closes_when_the_reader_turns_away(opened):
    page = opened("#explorer")
    menu, first = page.locator("#models summary"), page.locator("#models").get_by_label("small", exact=True)
    elsewhere = [page.locator("h2", has_text="Explore"), page.get_by_label("Search"), page.get_by_label("All models wrong")]
    for turn in (lambda: page.keyboard.press("Escape"), *(place.click for place in elsewhere)):
        menu.click()
        page.locator("#models label", has_text="small").click()
        assert first.is_visible()
        turn()
        assert not first.is_visible()
    menu.click()
    page.keyboard.press("Shift+Tab")
    assert not first.is_visible() and page.evaluate("document.activeElement.id") == "subject"


def test_columns_sort_up_and_down(opened):
    page = opened("#explorer")
    sort_by(page, "Models wrong")
    up = [text.split()[0] for text in column(page, "wrong")]
    assert up == sorted(up) and set(up) == {"0", "1", "3"}
    sort_by(page, "Models wrong", "descending")
    assert [text.split()[0] for text in column(page, "wrong")] == up[::-1]
    sort_by(page, "Question")
    texts = page.locator(".opener .text").all_text_contents()
    assert texts == sorted(texts)
    page.get_by_role("button", name="Models wrong").focus()
    page.keyboard.press("Enter")
    page.locator("#questions th[aria-sort=ascending]", has_text="Models wrong").wait_for()
    assert [text.split()[0] for text in column(page, "wrong")] == up


def test_probabilities_are_of_the_chosen_models(opened):
    page = opened("#explorer")
    choose(page, models=["small"])
    sort_by(page, "probability")
    assert column(page, "certainty") == [LOW] * 7 + [HIGH] * 5
    page.get_by_role("button", name="Clear filters").click()
    page.locator("#models summary", has_text=re.compile("^all$")).wait_for()
    mean = [100 * (wrong * math.exp(-2.5) + (3 - wrong) * math.exp(-0.5)) / 3 for wrong in (3, 3, 3, 1, 1)]
    assert column(page, "certainty")[:5] == [f"{value:.2f}%" for value in mean]


def table_of(page):
    """Return the cells of the opened question's table, row by row."""
    return [row.locator("th, td").all_text_contents() for row in page.locator(".details table tr").all()]


def test_a_question_opens_with_each_models_numbers_beside_the_choices(opened):
    page = opened("#explorer")
    page.locator(".opener").nth(2).click()
    other = f"{100 * (1 - math.exp(-0.5) - 3 * math.exp(-2.5)):.2f}%"
    cells = table_of(page)
    assert cells[:5] == [
        ["Choice", *ANSWERS],
        ["A 2 a", LOW, LOW, LOW],
        ["B b", LOW, LOW, LOW],
        ["C c ✓ right answer", *[f"{HIGH} ✓ best"] * 3],
        ["D d", LOW, LOW, LOW],
    ]
    assert cells[5:8] == [
        ["Other tokens", *[other] * 3],
        ["Best letter", *["C ✓ right"] * 3],
        ["Generated letter", "unparsed", "C ✓ right", "C ✓ right"],
    ]
    assert HOSTILE in cells[8][1].replace('\\"', '"') and cells[8][2:] == ['" C"'] * 2
    page.locator(".opener").nth(2).click()
    assert page.locator(".details").count() == 0
    page.locator(".opener").nth(1).click()
    assert table_of(page)[1] == ["A 1 a", f"{HIGH} ✗ best", f"{HIGH} ✗ best", LOW]


def test_a_model_without_probabilities_shows_letters_and_no_numbers(opened, tmp_path):
    merged, table, asked = pages.study(ANSWERS)
    imported = table["model"] == "large"
    table.loc[imported, [f"logprob_{letter}" for letter in "ABCD"]] = math.nan
    table.loc[imported & (table["index"] == 0), ["predicted", "parsed", "generated"]] = [None, None, "[Invalid]"]
    (tmp_path / "report.html").write_text(pages.written(merged, pages.ask(table, asked), asked), encoding="utf-8")
    page = opened("#explorer", tmp_path / "report.html")
    page.locator(".opener").nth(0).click()
    assert [row[-1] for row in table_of(page)] == ["large", *["—"] * 5, "unparsed", "unparsed", '"[Invalid]"']
    assert column(page, "certainty")[0] == HIGH
    choose(page, models=["large"])
    assert set(column(page, "certainty")) == {"—"}
    choose(page, state="unparsed")
    assert page.locator("#questions .opener .where").all_text_contents() == ["anatomy 0", "virology 0"]


def test_questions_with_other_numbers_of_choices_and_cloze_prompts_open(opened, tmp_path):
    asked = {"letters": choices.LETTERS, "orders": choices.ORDERS, "cloze": choices.CLOZE}
    merged, table, questions = choices.study(asked, {"anatomy": choices.NUMBERS}, count=4)
    (tmp_path / "report.html").write_text(pages.written(merged, table, questions), encoding="utf-8")
    page = opened("#explorer", tmp_path / "report.html")
    for number, count in enumerate(choices.NUMBERS):
        page.locator(".opener").nth(number).click()
        cells = table_of(page)
        assert [row[0][0] for row in cells[1 : count + 1]] == list(LETTERS[:count])
        assert [row[0] for row in cells[count + 1 :]] == ["Other tokens", "Best answer", "Generated letter", "Generated text"]
        letters, orders, cloze = zip(*(row[1:] for row in cells[1:]), strict=True)
        assert [text.split()[0] for text in letters[:count]].count(HIGH) == 1 and letters[count].endswith("%")
        # Shares among the letters leave nothing to other tokens.
        assert orders[count] == "—" and cloze[count] == cloze[count + 2] == cloze[count + 3] == "—"
        text = questions[number].choices[LETTERS.index(cloze[count + 1][0])]
        assert f"{-0.5 * len(text):.2f}" in [text.split()[0] for text in cloze[:count]]
        assert page.locator(".details tbody td:last-child .bar").count() == 0
        assert "of orders the mean over every order of the choices" in page.locator(".details caption").text_content()
        assert page.locator(".prompt summary").all_text_contents() == [
            "Prompt of letters (lm_eval, 0 few-shot examples)",
            "Prompt of orders (lm_eval, 0 few-shot examples)",
            "Prompt of cloze (cloze, 0 few-shot examples)",
        ]
        page.locator(".opener").nth(number).click()
    choose(page, state="unparsed", models=["cloze"])
    assert page.locator("#questions .opener").count() == 0
    choose(page, state="")
    assert column(page, "certainty") == ["—"] * 4


def test_without_letters_the_explorer_has_nothing_on_them(opened, tmp_path):
    merged, table, questions = choices.study({"cloze": choices.CLOZE}, {"anatomy": [5]}, count=2)
    (tmp_path / "report.html").write_text(pages.written(merged, table, questions), encoding="utf-8")
    page = opened("#explorer", tmp_path / "report.html")
    heads = page.locator("#questions thead th").all_text_contents()
    assert heads == ["Subject", "No.", "Question", "Right letter", "cloze", "Models wrong"]
    assert page.locator("optgroup").all_text_contents() == ["\nright\nwrong\n"]
    page.locator(".opener").first.click()
    assert [row[0][0] for row in table_of(page)[1:6]] == list("ABCDE") and table_of(page)[6][0] == "Best answer"
    assert len(table_of(page)) == 7
    assert page.locator(".details caption").text_content() == "Log-probability of each choice’s text"


ODD = "\x1f\x85 Which of\n these? \u2003\n"  # white space that browsers and Python see differently


def test_a_question_opens_with_the_prompts_as_they_were_sent(opened, tmp_path):
    asked = {"plain": results.asked(examples=2), "old": results.asked(preset="hendrycks"), "chat": results.asked(preset="chat")}
    merged, table, texts = choices.study(dict.fromkeys(asked, choices.LETTERS), {"anatomy": [4]}, count=1)
    models = {name: model.model_copy(update={"requested": asked[name]}) for name, model in merged.models.items()}
    merged = merged.model_copy(update={"models": models})
    texts = pages.reworded(texts, 0, question=ODD)
    examples = [Question("anatomy", "dev", index, f"Example {index}?", ("x", "y"), "B") for index in range(3)]
    table.loc[table["model"] == "plain", "examples"] = 2
    html = pages.explored(merged, pages.ask(table, texts), [*examples, *texts])
    (tmp_path / "report.html").write_text(html, encoding="utf-8")
    page = opened("#explorer", tmp_path / "report.html")
    page.locator(".opener").click()
    assert page.locator(".prompt summary").all_text_contents() == [
        "Prompt of plain (lm_eval, 2 few-shot examples)",
        "Prompt of old (hendrycks, 0 few-shot examples)",
        "Prompt of chat (chat, 0 few-shot examples)",
    ]
    assert not page.locator(".prompt pre").first.is_visible()
    page.locator(".prompt summary").first.click()
    assert page.locator(".prompt pre").first.is_visible()
    sent = page.locator(".prompt pre").all_text_contents()
    assert sent == [
        prompts.running_text(texts[0], examples[:2], Preset.LM_EVAL),
        prompts.running_text(texts[0], [], Preset.HENDRYCKS),
        *(message["content"] for message in prompts.messages(texts[0], [])),
    ]
    assert page.locator(".prompt .role").all_text_contents() == ["system", "user"]
    assert page.locator(".prompt .note").all_text_contents() == ["The model’s chat template writes these messages as one text."]
    (tmp_path / "report.html").write_text(pages.explored(merged, pages.ask(table, texts), texts), encoding="utf-8")
    page = opened("#explorer?open=anatomy/0", tmp_path / "report.html")
    assert page.locator(".prompt pre").first.text_content() == prompts.block(texts[0], Preset.LM_EVAL)
    assert (
        page.locator(".prompt .note").first.text_content()
        == "The text before this part, with 2 few-shot examples, is left out."
    )


def test_everything_works_from_the_keyboard(opened):
    page = opened()
    focused = "document.activeElement.matches('{}')"
    page.keyboard.press("Tab")
    for expected in ("#tab-summary", "#tab-report", "#tab-explorer"):
        assert page.evaluate(focused.format(expected)), expected
        page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Tab")  # the part itself
    page.keyboard.press("Tab")
    assert page.evaluate(focused.format("#search"))
    page.keyboard.type("anatomy")
    for expected in ("#subject", "#models summary", "#outcome", "#all-wrong"):
        page.keyboard.press("Tab")
        assert page.evaluate(focused.format(expected)), expected
    page.keyboard.press("Space")
    assert rows(page) == anatomy(1, 5)
    for _ in range(14):  # clear, page length and the headers that sort lie between
        page.keyboard.press("Tab")
        if page.evaluate(focused.format(".opener")):
            break
    page.keyboard.press("ArrowDown")
    assert "Question 5 on anatomy?" in page.evaluate("document.activeElement.textContent")
    width = page.evaluate("getComputedStyle(document.activeElement).outlineWidth")
    assert float(width.removesuffix("px")) >= 2, "the focus cannot be seen"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-expanded')") == "true"
    assert page.locator(".details").text_content().startswith("Question 5 on anatomy?")
    page.keyboard.press("ArrowUp")
    assert "Question 1 on anatomy?" in page.evaluate("document.activeElement.textContent")

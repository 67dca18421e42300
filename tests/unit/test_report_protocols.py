"""What the report says of protocols follows the numbers: each sentence is tried with numbers that lead to it."""

import random
import re

import pytest
from matplotlib import pyplot
from mmlu_kit.analysis import protocols
from mmlu_kit.claims.reference import Published, PublishedSubject
from mmlu_kit.report import captions, figures, protocol_figures
from mmlu_kit.report.sections import protocols as sections

from tests.helpers import pages, results
from tests.helpers import protocols as made

YES, NO = True, False
MODEL = "Qwen2.5-0.5B-Instruct"
PUBLISHED = Published.read_yaml(results.WORKFLOW / "reference/published.yaml")


def some(share, seed, number=100):
    """Return answers of which about this share is right."""
    chance = random.Random(seed)
    return [chance.random() < share for _ in range(number)]


def analysed(evaluations):
    """Return merged.json of evaluations of made.ASK's ways, and the analysis of their protocols."""
    subjects = list(dict.fromkeys(each.subject for each in evaluations))
    prompts = {each.model: made.ASK[each.model.removeprefix(f"{MODEL}-")] for each in evaluations}
    merged = made.merged(made.study(prompts, subjects), evaluations)
    return merged, made.analysis_file(protocols.analyse_protocols(merged, evaluations))


def section_of(evaluations, published=None):
    """Return the section of the report on evaluations."""
    return sections.section(*analysed(list(evaluations)), published)


def text_of(evaluations, published=None):
    """Return the section's text."""
    return made.section_text(section_of(evaluations, published))


def test_a_study_in_which_every_model_is_asked_once_and_with_letters_has_no_section():
    assert section_of(made.family({"letters": [YES, NO]}).values()) is None


def test_ways_of_asking_that_differ_are_named_with_the_test():
    rights = {"letters": [YES] * 30 + [NO] * 70, "cloze": [NO] * 20 + [YES] * 80}
    (finding,) = section_of(made.family(rights).values()).family_findings
    assert finding == (
        "**How the same model is asked changes its accuracy:** on the same 100 questions, cloze gets 80.0% right and letters "
        "30.0%. The difference is 50.0 points (95% interval 32.7 to 63.9 points; McNemar test, p < 0.0001 after Holm's "
        "correction). 1 of 2 comparisons of letters, cloze differs by more than chance explains."
    )


def test_a_letter_that_is_read_in_another_way_is_a_way_of_reading():
    questions = [made.question("anatomy", index) for index in range(40)]
    answered = [made.letters(question, question.answer, "-") for question in questions]
    evaluations = [made.evaluation(model, made.ASK[model], answered) for model in ("letters", "bare")]
    (finding,) = section_of(evaluations).family_findings
    assert (
        "**How the same model is read changes its accuracy:** on the same 40 questions, letters gets 100.0% right and "
        in finding
    )
    assert "letters by the generated letter 0.0%." in finding and "2 of 4 comparisons" in finding


def test_without_a_difference_none_is_claimed():
    (finding,) = section_of(made.family({"letters": some(0.5, 1), "bare": some(0.5, 2)}).values()).family_findings
    assert finding.startswith(
        "**No difference is shown** between ways of asking and reading the same weights (letters, bare): "
    )
    assert re.search(r"McNemar tests, smallest p = [\d.]+ after Holm's correction for 4 comparisons\)\.$", finding)


def test_models_without_a_common_question_are_not_compared():
    cloze, pmi = (made.family({model: [YES] * 3}, where)[model] for model, where in (("cloze", "anatomy"), ("pmi", "virology")))
    section = section_of([cloze, pmi])
    assert section.family_findings == [
        "cloze, pmi have the same weights, but answered no common question, so they are not compared."
    ]
    assert "McNemar) |" not in made.section_text(section).partition("#### Scores")[0]
    bare = [made.family({"bare": [NO] * 3}, where)["bare"] for where in ("anatomy", "virology")]
    findings = section_of([cloze, pmi, *bare]).family_findings
    assert findings[1:] == ["cloze and pmi answered no common question, so they are not compared."]


def test_the_tables_have_the_numbers():
    text = text_of(made.family({"letters": [YES, NO, NO, YES], "cloze": [YES] * 4}, make=made.question).values())
    assert "| letters | letters | best answer | 2 | 4 | **50.0%** | 15.0% to 85.0% | 25.0% |" in text
    assert "| letters | letters | generated letter | 2 | 4 | **50.0%** |" in text
    assert "| cloze | cloze, per character | best answer | 4 | 4 | **100.0%** | 51.0% to 100.0% | 25.0% |" in text
    assert "| letters | cloze | 4 | 50.0%, 100.0% | -50.0 points (" in text and "| 0, 2 | p = 0.5 | p = 1 |" in text


def test_scores_that_give_another_accuracy_are_named_with_their_direction():
    rights = [YES] * 40
    (finding,) = section_of(made.family({"cloze": rights}, make=made.question).values()).cloze_findings
    # PMI chooses A, which is right for a quarter.
    assert finding == (
        "**cloze** is right on 100.0% by the score in use (per character). The score matters: PMI gives 75.0 points less "
        "(p < 0.0001) (McNemar tests, Holm's correction). No difference is shown for unnormalized, per token, per byte."
    )
    (finding,) = section_of(made.family({"pmi": rights}, make=made.question).values()).cloze_findings
    assert finding.startswith(
        "**pmi** is right on 25.0% by the score in use (PMI). The score matters: unnormalized gives 75.0 points more"
    )
    assert "; per byte gives 75.0 points more (p < 0.0001) (McNemar tests, Holm's correction)." in finding
    assert not finding.endswith("per byte.")


def test_scores_that_do_not_differ_are_not_said_to():
    (finding,) = section_of(made.family({"cloze": [YES, NO, NO, NO]}, make=made.question).values()).cloze_findings
    assert finding == (
        "**cloze** is right on 25.0% by the score in use (per character). No other score is shown to give another accuracy "
        "(McNemar tests, smallest p = 1 after Holm's correction)."
    )


@pytest.mark.parametrize(
    ("rights", "words"),
    [([YES, YES, NO, NO], "PMI gives 25.0 points less, which chance explains."), ([NO] * 4, "PMI gives 25.0 points more, ")],
)
def test_pmi_is_said_to_be_higher_or_lower(rights, words):
    (finding,) = section_of(made.family({"cloze": rights}, make=made.question).values()).cloze_findings
    assert words in finding


def in_orders(shown, make=made.mixed):
    """Return the evaluation of a model with these letters in every order; 'A' is all A, 'right' the right choice."""
    answered = []
    for index, letters in enumerate(shown):
        question = make("anatomy", index)
        number = len(question.choices)
        right = [made.answers.orders.shown(question.answer, order, number) for order in range(number)]
        answered.append(made.in_orders(question, "A" * number if letters == "A" else "".join(right)))
    return made.evaluation("orders", made.ASK["orders"], answered)


def test_a_model_that_prefers_a_letter_is_said_to():
    section = section_of([in_orders(["A"] * 60)])
    (finding,) = section.order_findings
    assert finding == (
        "**orders** chooses the same answer in every order of the choices for 0.0% of 60 questions (95% interval 0.0% to "
        "6.0%). Its accuracy depends on the order (from 16.7% to 50.0%; Cochran's Q test, p = 0.00034); over all orders, it is "
        "26.1%. The same right choices are chosen in 100.0% of the cases when they are shown as A, and in 0.0% when shown as "
        "B. No gain or loss is shown for the answer by the mean over all orders (50.0% against 50.0% in the order given; "
        "McNemar test, p = 1)."
    )
    (table,) = section.orders
    assert table.header[4:] == [f"Recall of {letter}" for letter in "ABCDE"]
    assert [row[:3] for row in table.rows[:1]] == [["A (as given)", "60", "50.0%"]]
    assert [row[1] for row in table.rows] == ["60", "60", "60", "40", "20", "60"]
    assert table.rows[-1] == ["all", "60", "**26.1%**", "—", "100.0%", "0.0%", "0.0%", "0.0%", "0.0%"]


def test_the_orders_of_ten_choices_have_a_table_without_a_column_for_each_letter():
    section = section_of([in_orders(["right"] * 3, lambda subject, index: results.question(subject, index, 10))])
    (table,) = section.orders
    assert table.header == ["Shown first", "Questions", "Accuracy", "95% interval"]
    assert len(table.rows) == 11 and {len(row) for row in table.rows} == {4}


def test_a_model_that_knows_is_alike_and_prefers_no_letter():
    (finding,) = section_of([in_orders(["right"] * 12)]).order_findings
    assert "for 100.0% of 12 questions" in finding and "when shown as" not in finding
    assert "Its accuracy is not shown to depend on the order (from 100.0% to 100.0%); over all orders, it is 100.0%." in finding


def test_an_answer_over_all_orders_that_is_better_is_said_to_be():
    question = made.question("anatomy", 1)  # B is right; as shown in the four orders: B, A, D, C
    answered = [made.in_orders(question, "AADC").model_copy(update={"index": index}) for index in range(30)]
    copies = [record.model_copy(update={"question_sha256": made.sha256(f"{record.index}")}) for record in answered]
    (finding,) = section_of([made.evaluation("orders", made.ASK["orders"], copies)]).order_findings
    assert (
        "Its accuracy depends on the order (from 0.0% to 100.0%; Cochran's Q test, p < 0.0001); over all orders, it is 75.0%."
        in finding
    )
    assert finding.endswith(
        "The answer by the mean over all orders is better (100.0% against 0.0% in the order given; McNemar test, p < 0.0001)."
    )


def published(correct, total, subjects=("anatomy",)):
    """Return a reference that publishes this number of right answers for one model."""
    percent = 100 * correct / total
    model = PUBLISHED.models[MODEL].model_copy(
        update={
            "correct": correct,
            "total": total,
            "accuracy_percent": percent,
            "subjects": dict.fromkeys(subjects, PublishedSubject(accuracy_percent=percent, correct=correct)),
        }
    )
    return PUBLISHED.model_copy(update={"models": {MODEL: model}})


def of_the_reference(rights, **options):
    """Return a family whose models have the published model's name."""
    return [each.model_copy(update={"model": f"{MODEL}-{each.model}"}) for each in made.family(rights, **options).values()]


@pytest.mark.parametrize(
    ("correct", "sentences"),
    [
        (
            9,
            [
                f"The published 9.0% of {MODEL} is what one of the 4 ways of asking and reading gives, {MODEL}-bare by the "
                f"generated letter: 10.0% (95% interval 5.5% to 17.4%). Asked and read as published ({MODEL}-bare by the "
                "generated letter), this run's interval contains it."
            ],
        ),
        (
            50,
            [
                f"The published 50.0% of {MODEL} is in the intervals of {MODEL}-letters, {MODEL}-letters by the generated "
                f"letter, {MODEL}-bare, and outside those of {MODEL}-bare by the generated letter. The nearest is "
                f"{MODEL}-letters: 50.0% (95% interval 40.4% to 59.6%). Asked and read as published, this run gives "
                f"{MODEL}-bare by the generated letter: 10.0% (95% interval 5.5% to 17.4%), so how it is asked does not "
                "explain the difference."
            ],
        ),
        (
            100,
            [
                f"The published 100.0% of {MODEL} is in the interval of none of the 4 ways of asking and reading. The nearest "
                f"is {MODEL}-letters: 50.0% (",
                "so how it is asked does not explain the difference.",
            ],
        ),
    ],
)
def test_a_published_number_is_compared_with_every_way(correct, sentences):
    questions = [made.question("anatomy", index) for index in range(100)]
    right = [index % 2 == 0 for index in range(100)]
    letters = [made.letters(one, made.right(one, answer)) for one, answer in zip(questions, right, strict=True)]
    bare = [
        made.letters(one, made.right(one, index < 45), one.answer if index < 10 else "-") for index, one in enumerate(questions)
    ]
    evaluations = [
        made.evaluation(f"{MODEL}-{name}", made.ASK[name], answered)
        for name, answered in (("letters", letters), ("bare", bare))
    ]
    section = section_of(evaluations, published(correct, 100))
    assert all(sentence in section.family_findings[1] for sentence in sentences)
    row = ["published", "letters, bare question", "generated letter", str(correct), "100", f"**{correct}.0%**", "—", "—"]
    assert list(section.families[0].accuracies[-1]) == row


def test_a_published_number_that_all_ways_give_tells_nothing_apart():
    evaluations = of_the_reference({"letters": [YES, NO] * 10, "cloze": [NO, YES] * 10})
    (_, sentence) = section_of(evaluations, published(10, 20)).family_findings
    assert sentence == (
        f"The published 50.0% of {MODEL} is in the intervals of all 3 ways of asking and reading, so it does not tell them "
        f"apart. The nearest is {MODEL}-letters: 50.0% (95% interval 29.9% to 70.1%)."
    )


@pytest.mark.parametrize(("correct", "where"), [(2, "within"), (99, "outside")])
def test_the_one_way_that_answered_the_published_questions_is_compared_alone(correct, where):
    (cloze,) = of_the_reference({"cloze": [NO, YES] * 50})
    (pmi,) = of_the_reference({"pmi": [YES] * 4}, subject="virology")
    sentence = section_of([cloze, pmi], published(25 * correct if correct < 9 else correct, 100)).family_findings[1]
    assert f" is {where} the interval of the one way that answered its questions, {MODEL}-cloze: 50.0% (" in sentence


def test_published_numbers_that_name_no_subject_are_compared_on_as_many_questions():
    evaluations = of_the_reference({"letters": [YES, NO], "cloze": [NO, YES]})
    assert len(section_of(evaluations, published(1, 2, ())).family_findings) == 2
    assert len(section_of(evaluations, published(2, 4, ())).family_findings) == 1


def test_a_published_number_on_other_subjects_or_of_another_model_is_not_compared():
    evaluations = of_the_reference({"letters": [YES, NO], "cloze": [NO, YES]})
    partly = section_of(evaluations, published(1, 4, ("anatomy", "virology")))
    assert len(partly.family_findings) == 1 and partly.families[0].accuracies[-1][0] == "published"
    others = section_of(made.family({"letters": [YES, NO], "cloze": [NO, YES]}).values(), published(1, 2))
    assert len(others.family_findings) == 1 and others.families[0].accuracies[-1][0] == "cloze"


def test_the_section_is_well_formed():
    text = text_of(made.family({"letters": some(0.3, 1), "cloze": some(0.6, 2), "orders": some(0.4, 3)}).values())
    assert re.findall(r"^#+ .*$", text, re.MULTILINE) == [
        "### How Much Depends on How It Is Asked",
        "#### Scores of Choices",
        "#### Orders of Choices",
    ]
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({line.count("|") for line in block.splitlines()}) == 1, block
    html, _, _ = pages.report_html(text)
    assert html.count("<table>") == 5 and "None" not in text and "nan" not in text
    assert re.search(r"!\[Accuracy of the same weights, .*: letters \d\d\.\d%, .*\]\(figures/protocols\.png\)", text)


@pytest.fixture(scope="module")
def drawn():
    """Return analysis.json of two families, one with names as long as real ones, and partly without a generated letter."""
    ways = {"letters": some(0.3, 1), "bare": some(0.25, 2), "cloze": some(1.0, 3), "orders": some(0.0, 4)}
    _, analysis = analysed(list(made.family(ways).values()))
    family = analysis.protocols.families[0]
    long = "Some-rather-long-model-name-14B-Instruct-4bit"
    rows = [
        row.model_copy(update={"model": f"{long}-{row.model}", "protocol": f"{row.protocol}, 5-shot"})
        for row in family.accuracies
    ]
    families = [family, family.model_copy(update={"accuracies": rows})]
    return analysis.model_copy(update={"protocols": analysis.protocols.model_copy(update={"families": families})})


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_figure_is_reproducible(drawn, form):
    assert figures.render(protocol_figures.protocols, form, drawn) == figures.render(protocol_figures.protocols, form, drawn)


def test_the_figure_has_the_numbers_and_nothing_is_cut_off(drawn):
    with figures.matplotlib.rc_context(figures.STYLE):
        figure = protocol_figures.protocols(drawn)
        figure.canvas.draw()
        box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        texts = [text for text in figure.findobj(figures.matplotlib.text.Text) if text.get_text().strip()]
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
        pyplot.close(figure)
    assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height, box
    shares = [f"{100 * row.share:.1f}%" for family in drawn.protocols.families for row in family.accuracies]
    assert [text for text, _ in boxes if text.endswith("%")] == shares
    assert {"best answer", "generated letter", "guessing", "cloze\ncloze, per character"} <= {text for text, _ in boxes}
    for number, (one, first) in enumerate(boxes):
        for other, second in boxes[number + 1 :]:
            across, down = (
                min(first.x1, second.x1) - max(first.x0, second.x0),
                min(first.y1, second.y1) - max(first.y0, second.y0),
            )
            assert across <= 1 or down <= 1, f"{one!r} lies on {other!r}"


def test_only_a_study_with_a_family_has_the_figure(drawn):
    _, alone = analysed(list(made.family({"cloze": [YES, NO]}).values()))
    assert captions.of_protocols(drawn) == ["protocols"] and captions.of_protocols(alone) == []
    assert "figures/protocols.png" not in text_of(made.family({"cloze": [YES, NO]}).values())

"""The report's sentences and tables follow the results: each sentence is tried with results that call for it and not."""

import re

import pytest
from mmlu_kit import merging, reporting

from tests import results

WORSE, MIDDLE, BEST = "AAAA", "ABAA", "ABCD"
SIZES = {"s": 1_000, "m": 2_000, "l": 600_000_000}


def report(root, answers, **changes):
    models = list(answers)
    asked = results.study(models, ["anatomy"], **changes)
    merged, table = results.merged(asked, {model: {"anatomy": text} for model, text in answers.items() if text}, SIZES)
    return reporting.render(merged, table, root / "workflow/report")


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"s": WORSE, "m": MIDDLE, "l": BEST}, "Accuracy rises with every step in parameter count: l (0.60 B) has 100.0%"),
        ({"s": MIDDLE, "m": WORSE, "l": BEST}, "but does not rise with every step in parameter count: l"),
        ({"s": BEST, "m": WORSE, "l": MIDDLE}, "Accuracy does not rise with parameter count: l (0.60 B) has 50.0%"),
        ({"s": WORSE, "m": WORSE, "l": WORSE}, "Accuracy does not rise with parameter count: l (0.60 B) has 25.0%"),
    ],
)
def test_the_sentence_on_size_says_what_the_numbers_say(root, answers, sentence):
    assert sentence in report(root, answers)


def test_one_model_alone_makes_no_sentence_on_size(root):
    assert "parameter count" not in report(root, {"s": BEST})


def test_the_writeups_eight_sections_and_file_reference_are_there_in_order(root):
    text = report(root, {"s": BEST})
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [
        "Table of Contents",
        "1. Setup",
        "2. Timing Experiments",
        "3. Extended Evaluation",
        "4. Results & Graphs: Small Models",
        "5. Results & Graphs: Medium Models",
        "6. Error Pattern Analysis",
        "7. Google Colab Experiments",
        "8. Chat Agent",
        "Appendix: Numerical Stability",
        "File Reference",
    ]


def test_every_link_of_the_table_of_contents_leads_to_a_heading(root):
    text = report(root, {"s": BEST})
    # GitHub's rule for anchors: lower case, no punctuation, a hyphen for each space.
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) == 10 and set(links) <= anchors


def test_tables_have_as_many_cells_in_each_row(root):
    rows = None
    for line in report(root, {"s": WORSE, "m": MIDDLE, "l": BEST}).splitlines():
        if line.startswith("|"):
            cells = line.count("|")
            assert rows is None or cells == rows, line
            rows = cells
        else:
            rows = None


def test_the_notice_and_what_is_missing_stand_first(root):
    text = report(root, {"s": BEST, "m": ""}, notice="Only a test.")
    top = text[: text.index("## Table of Contents")]
    assert "Only a test." in top.splitlines()[2]
    assert "**Not complete:** 1 of 2 evaluations are missing" in top and "m on anatomy" in top


def test_a_part_of_a_study_says_so(root):
    assert "only small of study `made` was run" in report(root, {"s": BEST}, only=["small"])
    assert "A part of the study" not in report(root, {"s": BEST})


def test_baseline_section_prints_the_writeups_lines_or_says_that_it_did_not_run(root):
    text = report(root, {"s": MIDDLE}, baseline={"model": "s", "subjects": ["anatomy"]})
    ran = "Model dtype: torch.float32\nModel quantization: none\n"
    assert f"{ran} Result: 2/4 correct = 50.00%   # anatomy\nOverall Accuracy: 50.00%\n" in text
    assert "The baseline of this study was not run." in report(root, {"s": MIDDLE})


def test_a_resumed_model_is_named_and_has_no_times(root):
    asked = results.study(["s"], ["anatomy"])
    evaluations, timings = [results.evaluation("s", "anatomy", BEST)], [results.timing("s", "anatomy", resumed=True)]
    merged = merging.merge(asked, evaluations, timings, {"s/anatomy.time": results.process()})
    text = reporting.render(merged, merging.table(asked, evaluations), root / "workflow/report")
    assert "Evaluations of s were killed and resumed" in text and "| s | — | — | — | — | — | 1.00 GB |" in text
    assert "resumed" not in report(root, {"s": BEST})


def test_questions_are_counted_by_how_many_models_miss_them(root):
    text = report(root, {"s": WORSE, "m": MIDDLE, "l": BEST})
    # A is right for all; B wrong for s; C and D wrong for s and m.
    assert [line for line in text.splitlines() if " of 3 |" in line] == [
        "| 0 of 3 | 1 | 25.0% |",
        "| 1 of 3 | 1 | 25.0% |",
        "| 2 of 3 | 2 | 50.0% |",
        "| 3 of 3 | 0 | 0.0% |",
    ]

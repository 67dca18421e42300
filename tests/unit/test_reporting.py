"""The report's sentences and tables follow the results: each sentence is tried with results that call for it and not."""

import re

import pytest
from mmlu_kit import merging, records, reporting

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


def test_what_was_not_run_is_said_first_and_in_its_section(root):
    asked = results.study(["s", "m"], ["anatomy"])
    skipped = records.not_run("m", results.REQUESTED, "device 'cuda' was asked for and this machine has none", "anatomy")
    evaluations = [results.evaluation("s", "anatomy", BEST), skipped]
    merged = merging.merge(asked, evaluations, [results.timing("s", "anatomy"), skipped], {})
    text = reporting.render(merged, merging.table(asked, evaluations), root / "workflow/report")
    top, rest = text.split("## Table of Contents")
    assert "**Not run on this machine:** m (1 subject: device 'cuda' was asked for and this machine has none)" in top
    assert "`make retry STUDY=made`" in top and "Not complete" not in top
    assert rest.count("**m** was not run on 1 subject: device 'cuda'") == 2  # the list of models, and its group
    assert "Not run on this machine" not in report(root, {"s": BEST})


def test_a_model_that_fell_back_shows_both_in_every_table(root):
    asked = results.study(["s"], ["anatomy"])
    asked["models"]["s"] = {**asked["models"]["s"], "device": "cuda"}
    evaluation = results.evaluation("s", "anatomy", BEST)
    evaluation |= {"requested": {**results.REQUESTED, "device": "cuda"}, "reason": "device 'cuda' was asked for"}
    merged = merging.merge(asked, [evaluation], [results.timing("s", "anatomy")], {})
    text = reporting.render(merged, merging.table(asked, [evaluation]), root / "workflow/report")
    assert "| cuda, float32 | cpu, float32 (device 'cuda' was asked for) |" in text
    tables = [line for line in text.splitlines() if re.match(r"\| s\b", line) or re.search(r"\| s( \(.*)? \|$", line)]
    assert len(tables) == 7 and all("s (cpu instead of cuda)" in line for line in tables if "cuda, float32" not in line)


def test_no_speed_up_is_claimed_without_a_gpu(root):
    assert "so no speed-up is claimed" in report(root, {"s": BEST})


def test_a_speed_up_names_both_machines(root):
    asked = results.study(["s", "m"], ["anatomy"])
    asked["models"]["m"] = {**asked["models"]["m"], "device": "cuda"}
    evaluations = [results.evaluation("s", "anatomy", BEST), results.evaluation("m", "anatomy", BEST)]
    evaluations[1] |= {"requested": {**results.REQUESTED, "device": "cuda"}, "effective": results.effective("cuda")}
    timings = [results.timing("s", "anatomy", 6.0), results.timing("m", "anatomy", 0.5)]
    timings[1]["machine"] = {**timings[0]["machine"], "gpu": "T4", "driver": "580", "cuda": "12.8"}
    merged = merging.merge(asked, evaluations, timings, {})
    text = reporting.render(merged, merging.table(asked, evaluations), root / "workflow/report")
    assert "| s | 6.00 s | m | 0.50 s | 12.0× |" in text
    assert "- s: p, 2 cores, AVX2; torch 2, transformers 5. m: p, 2 cores, AVX2; T4, driver 580, CUDA 12.8; torch 2" in text

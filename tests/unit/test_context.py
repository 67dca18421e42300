"""The report's sentences and tables follow the results: each sentence is tried with results that call for it and not."""

import itertools
import json
import random
import re

import pytest
from mmlu_kit.evaluation import records
from mmlu_kit.results import merging, stability

from tests.helpers import audits, chats, reports, results

WORSE, MIDDLE, BEST = "AAAA", "ABAA", "ABCD"
SIZES = {"s": 1_000, "m": 2_000, "l": 600_000_000}


def report(answers, **changes):
    models = list(answers)
    asked = results.study(models, ["anatomy"], **changes)
    given = {model: {"anatomy": text} for model, text in answers.items() if text}
    return results.report(*results.merged(asked, given, SIZES))


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({"s": WORSE, "m": MIDDLE, "l": BEST}, "Accuracy rises with every step in parameter count: l (0.60 B) has 100.0%"),
        ({"s": MIDDLE, "m": WORSE, "l": BEST}, "but does not rise with every step in parameter count: l"),
        ({"s": BEST, "m": WORSE, "l": MIDDLE}, "Accuracy does not rise with parameter count: l (0.60 B) has 50.0%"),
        ({"s": WORSE, "m": WORSE, "l": WORSE}, "Accuracy does not rise with parameter count: l (0.60 B) has 25.0%"),
    ],
)
def test_the_sentence_on_size_says_what_the_numbers_say(answers, sentence):
    assert sentence in report(answers)


def test_one_model_alone_makes_no_sentence_on_size():
    text = report({"s": BEST})
    assert "parameter count" not in text[: text.index("## Appendix: The Writeup's Claims")]


def test_the_writeups_eight_sections_file_reference_and_how_it_was_made_are_there_in_order():
    text = report({"s": BEST})
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
        "Appendix: The Writeup's Claims and Numbers",
        "Appendix: Numerical Stability",
        "File Reference",
        "How This Was Made",
    ]


def test_every_link_of_the_table_of_contents_leads_to_a_heading():
    text = report({"s": BEST})
    # GitHub's rule for anchors: lower case, no punctuation, a hyphen for each space.
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert len(links) == 12 and set(links) <= anchors


def test_tables_have_as_many_cells_in_each_row():
    rows = None
    for line in report({"s": WORSE, "m": MIDDLE, "l": BEST}).splitlines():
        if line.startswith("|"):
            cells = line.count("|")
            assert rows is None or cells == rows, line
            rows = cells
        else:
            rows = None


def test_the_notice_and_what_is_missing_stand_first():
    text = report({"s": BEST, "m": ""}, notice="Only a test.")
    top = text[: text.index("## Table of Contents")]
    assert "Only a test." in top.splitlines()[2]
    assert "**Not complete:** 1 of 2 evaluations are missing" in top and "m on anatomy" in top


def test_a_part_of_a_study_says_so():
    assert "only small of study `made` was run" in report({"s": BEST}, only=["small"])
    assert "A part of the study" not in report({"s": BEST})


def test_what_is_absent_is_said_as_far_as_it_is_known():
    whole = report({"s": BEST})
    for name in ("baseline", "timing setups", "chat models", "stability measurement"):
        assert f"This study asks for no {name}." in whole
    part = report({"s": BEST}, only=["small"])
    assert "The part of the study that was run has no timing setups." in part and "asks for no" not in part
    asked = report({"s": BEST}, stability={"model": "s", "subjects": ["anatomy"]})
    assert "There is no result of the study's stability measurement." in asked


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("stability", "What ran: stability measurement (appendix)."),
        ("chat", "What ran: chat models (section 8)."),
        ("timing_setups", "What ran: timing setups (section 2)."),
    ],
)
def test_a_part_without_evaluations_says_what_ran_and_has_no_empty_tables(part, sentence):
    asked = {"model": "s", "subjects": ["anatomy"]}
    study = results.study(["s"], ["anatomy"], groups=[], only=[part], **{part: asked})
    merged, table = results.merged(study, {})
    answers = results.evaluation("s", "anatomy", BEST)["records"]
    settings = itertools.product(stability.DTYPES, stability.BATCHINGS, stability.THREADS)
    runs = [stability.run(*one, answers) for one in settings]
    found = {
        "stability": {**asked, "questions": 4, "runs": runs, "comparisons": stability.comparisons(runs)},
        "chat": chats.chat(),
        "timing_setups": audits.timed(audits.run("0.5B"), (4, "cpu none"))["setups"],
    }
    text = results.report({**merged, "setups" if part == "timing_setups" else part: found[part]}, table)
    assert sentence in text and "no machines to compare" in text
    lines = text.splitlines()
    assert not [line for line, after in itertools.pairwise(lines) if line.startswith("|---") and after[:1] != "|"]


def test_baseline_section_prints_the_writeups_lines_or_says_that_it_did_not_run():
    text = report({"s": MIDDLE}, baseline={"model": "s", "subjects": ["anatomy"]})
    ran = "Model dtype: torch.float32\nModel quantization: none\n"
    assert f"{ran} Result: 2/4 correct = 50.00%   # anatomy\nOverall Accuracy: 50.00%\n" in text
    assert "\nThis study asks for no baseline.\n" in report({"s": MIDDLE})


def test_a_resumed_model_is_named_and_has_no_times():
    asked = results.study(["s"], ["anatomy"])
    evaluations, timings = [results.evaluation("s", "anatomy", BEST)], [results.timing("s", "anatomy", resumed=True)]
    merged = merging.merge(asked, evaluations, timings, {"s/anatomy.time": results.process()})
    text = results.report(merged, merging.table(asked, evaluations))
    assert "Evaluations of s were killed and resumed" in text and "| s | — | — | — | — | — | 1.00 GB |" in text
    assert "resumed" not in report({"s": BEST})


def test_questions_are_counted_by_how_many_models_miss_them():
    text = report({"s": WORSE, "m": MIDDLE, "l": BEST})
    # A is right for all; B wrong for s; C and D wrong for s and m.
    assert [line for line in text.splitlines() if " of 3 |" in line] == [
        "| 0 of 3 | 1 | 25.0% | 0 |",
        "| 1 of 3 | 1 | 25.0% | 2 |",
        "| 2 of 3 | 2 | 50.0% | 2 |",
        "| 3 of 3 | 0 | 0.0% | 0 |",
    ]


def test_models_stand_in_the_order_of_the_groups_everywhere():
    names = ["z-small", "baseline", "a-large"]
    asked = results.study(names, ["anatomy"], baseline={"model": "baseline", "subjects": ["anatomy"]})
    answers = {name: {"anatomy": ALWAYS_WRONG} for name in ("baseline", "z-small", "a-large")}
    merged, table = results.merged(asked, answers)
    assert merged["results"][0]["model"] == "baseline"
    text = results.report(json.loads(json.dumps(merged, sort_keys=True)), table)
    said = re.findall(r"^(?:\||- ).*baseline.*(?:z-small|a-large).*$", text, re.M)
    assert len(said) > 8
    for line in said:
        places = [line.find(name) for name in names if name in line]
        assert places == sorted(places), line
    for heading in ("### Models Evaluated", "### Overall Accuracy", "## How This Was Made"):
        rows = [row[0] for row in reports.tables(text, heading)[0]]
        assert [name for row in rows for name in names if name in row] == names, heading


def test_what_was_not_run_is_said_first_and_in_its_section():
    asked = results.study(["s", "m"], ["anatomy"])
    skipped = records.not_run("m", results.REQUESTED, "device 'cuda' was asked for and this machine has none", "anatomy")
    evaluations = [results.evaluation("s", "anatomy", BEST), skipped]
    merged = merging.merge(asked, evaluations, [results.timing("s", "anatomy"), skipped], {})
    text = results.report(merged, merging.table(asked, evaluations))
    top, rest = text.split("## Table of Contents")
    assert "**Not run on this machine:** m (1 subject: device 'cuda' was asked for and this machine has none)" in top
    assert "`make retry STUDY=made`" in top and "Not complete" not in top
    assert rest.count("**m** was not run on 1 subject: device 'cuda'") == 2  # the list of models, and its group
    assert "Not run on this machine" not in report({"s": BEST})


def test_a_model_that_fell_back_shows_both_in_every_table():
    asked = results.study(["s"], ["anatomy"])
    asked["models"]["s"] = {**asked["models"]["s"], "device": "cuda"}
    evaluation = results.evaluation("s", "anatomy", BEST)
    evaluation |= {"requested": {**results.REQUESTED, "device": "cuda"}, "reason": "device 'cuda' was asked for"}
    merged = merging.merge(asked, [evaluation], [results.timing("s", "anatomy")], {})
    text = results.report(merged, merging.table(asked, [evaluation]))
    assert "| cuda, float32 | cpu, float32 (device 'cuda' was asked for) |" in text
    tables = [line for line in text.splitlines() if re.match(r"\| s\b", line) or re.search(r"\| s( \(.*)? \|$", line)]
    assert len(tables) == 10 and all("s (cpu instead of cuda)" in line for line in tables if "cuda, float32" not in line)


def test_no_speed_up_is_claimed_without_a_gpu():
    assert "so no speed-up is claimed" in report({"s": BEST})


def test_a_speed_up_names_both_machines():
    asked = results.study(["s", "m"], ["anatomy"])
    asked["models"]["m"] = {**asked["models"]["m"], "device": "cuda"}
    evaluations = [results.evaluation("s", "anatomy", BEST), results.evaluation("m", "anatomy", BEST)]
    evaluations[1] |= {"requested": {**results.REQUESTED, "device": "cuda"}, "effective": results.effective("cuda")}
    timings = [results.timing("s", "anatomy", 6.0), results.timing("m", "anatomy", 0.5)]
    timings[1]["machine"] = {
        **timings[0]["machine"],
        "gpu": "T4",
        "gpu_memory_bytes": 16 * 10**9,
        "driver": "580",
        "cuda": "12.8",
    }
    merged = merging.merge(asked, evaluations, timings, {})
    text = results.report(merged, merging.table(asked, evaluations))
    assert "| s | 6.00 s | m | 0.50 s | 12.0× |" in text
    assert "- s: p, 2 cores, AVX2; torch 2, transformers 5. m: p, 2 cores, AVX2; T4, driver 580, CUDA 12.8; torch 2" in text


def section_6(answers, subjects=("anatomy",), **changes):
    """Section 6 of a study whose models gave these answers in each subject."""
    asked = results.study(list(answers), list(subjects))
    merged, table = results.merged(asked, {model: dict.fromkeys(subjects, text) for model, text in answers.items()})
    text = results.report(merged, table, **changes)
    return text[text.index("## 6. Error Pattern Analysis") : text.index("## 7. ")]


ALWAYS_A = "A" * 100
RIGHT = results.GOLD
ALWAYS_WRONG = "BCDA" * 25
HALF_1 = "".join(gold if index % 8 < 4 else "A" for index, gold in enumerate(RIGHT))
HALF_2 = "".join(gold if index % 8 >= 4 else "A" for index, gold in enumerate(RIGHT))


def half_right(seed):
    """Answers of which half are right, chosen by chance, and the others any other letter."""
    chance = random.Random(seed)
    wrong = ["ABCD".replace(gold, "") for gold in RIGHT]
    return "".join(gold if chance.random() < 0.5 else chance.choice(others) for gold, others in zip(RIGHT, wrong, strict=True))


@pytest.mark.parametrize(
    ("answers", "sentences"),
    [
        (
            {"m": ALWAYS_A},
            ["cannot be told from guessing (p = 0.54)", "cannot be told from always answering A (p = 1)", "one model only"],
        ),
        ({"m": ALWAYS_WRONG}, ["does worse than guessing (p < 0.0001)", "| below: p < 0.0001 |", "and worse than always"]),
        ({"m": ALWAYS_WRONG[:80] + RIGHT[80:]}, ["cannot be told from guessing (p = 0.15)", "| below: p = 0.15 |"]),
        ({"m": RIGHT}, ["does better than guessing (p < 0.0001) and better than always answering A (p < 0.0001)."]),
        (
            {"m": half_right(1), "n": half_right(1)},
            [
                "**So models fail on the same questions more often than their accuracies alone explain.**",
                "- m and n choose the same wrong letter more often than two unrelated models with their liking for letters",
                "- The models are right and wrong on the same questions: Cochran's Q is not defined.",
            ],
        ),
        (
            {"m": half_right(1), "n": half_right(2)},
            [
                "The counts are those that independent mistakes would give",
                "- m and n choose the same wrong letter no more often than two unrelated models",
                "The models' accuracies cannot be told apart",
            ],
        ),
        (
            {"m": HALF_1, "n": HALF_2},
            ["So models do *not* fail together more often", "There is no question that every model missed."],
        ),
        (
            {"m": ALWAYS_A, "n": RIGHT},
            [
                "The models' accuracies differ",
                "### What Could Not Be Tested",
                "- m and n: no question was answered with a wrong letter by both",
            ],
        ),
    ],
)
def test_the_sentences_of_section_6_say_what_the_tests_say(answers, sentences):
    text = section_6(answers)
    for sentence in sentences:
        assert sentence in text, text


def test_unreadable_answers_are_named_with_what_guessing_would_give():
    asked = results.study(["s"], ["anatomy"])
    evaluations = [results.evaluation("s", "anatomy", RIGHT, "-" * 60 + RIGHT[60:])]
    merged = merging.merge(asked, evaluations, [results.timing("s", "anatomy")], {})
    text = results.report(merged, merging.table(asked, evaluations))
    assert (
        "No letter could be read from 60 of its 100 written answers; with that many, guessing would be right in 10.0%" in text
    )
    assert "No letter could be read" not in section_6({"s": RIGHT})


@pytest.mark.parametrize(
    ("w", "sentence"),
    [
        ({"w": 0.9, "chi2": 20.0, "df": 1, "p": 0.0001}, "**Systematic:** the models agree on which subjects are hard"),
        ({"w": 0.3, "chi2": 3.0, "df": 1, "p": 0.2}, "**Not shown:** the models do not agree on which subjects are hard"),
        (None, "takes two models and several subjects"),
    ],
)
def test_the_order_of_subjects_is_called_systematic_only_where_the_test_says_so(w, sentence):
    order = ["anatomy", "astronomy"]
    answers = {"m": HALF_1, "n": HALF_2}
    assert sentence in section_6(answers, order, difficulty={"order": order, "kendall_w": w, "spearman": []})


@pytest.mark.parametrize(
    ("missed", "sentence"),
    [
        (8, "8 of the 8 questions that every model missed, those first whose right letter they found least probable.\n\n| Q"),
        (40, "least probable. `analysis.json` has all of them, the explorer of `report.html` too.\n\n| Question"),
        (60, "least probable. `analysis.json` has the first 50 of them, the explorer of `report.html` all.\n\n| Question"),
    ],
)
def test_where_the_other_missed_questions_are_is_said_with_their_number(missed, sentence):
    assert sentence in section_6(dict.fromkeys("mn", ALWAYS_WRONG[:missed] + RIGHT[missed:]))


def test_what_was_not_measured_for_different_reasons_stands_on_lines_of_its_own():
    asked = results.study(["s"], ["anatomy", "virology"])
    reasons = {"anatomy": {"gpu_s": "no GPU"}, "virology": {"gpu_energy_j": "no meter"}}
    timings = [results.timing("s", subject, reasons=why) for subject, why in reasons.items()]
    evaluations = [results.evaluation("s", subject, BEST) for subject in reasons]
    text = results.report(merging.merge(asked, evaluations, timings, {}), merging.table(asked, evaluations))
    assert "\n\n- Not measured: GPU time (no GPU).\n- Not measured: GPU energy (no meter).\n\n" in text


def test_a_question_cannot_mark_up_the_report():
    hostile = {"subject": "anatomy", "index": 3, "question": "<script>alert(1)</script> | a\nb `c` [d](e)", "gold": "A"}
    hostile |= {"choices": ["<b>", "b", "c", "d"], "predicted": {"m": "B", "n": "C"}}
    text = section_6({"m": ALWAYS_A, "n": ALWAYS_A}, hardest=[hostile])
    assert r"&lt;script&gt;alert(1)&lt;/script&gt; \| a b \`c\` \[d\](e) | A: &lt;b&gt; | m: B; n: C |" in text
    assert "<script>" not in text


def test_label_errors_are_shown_where_they_were_looked_up():
    found = {"checked": 90, "flagged": 10, "unmatched": 2, "by_type": {"wrong_groundtruth": 10}, "models": []}
    found["models"] = [
        {"model": "m", "accuracy": 0.5, "accuracy_clean": 0.55, "accuracy_flagged": None, "clean": 80, "flagged": 0}
    ]
    text = section_6({"m": RIGHT}, label_errors=found)
    assert "MMLU-Redux checked 90 of these questions and flagged 10 (wrong_groundtruth: 10); 2 of its checks" in text
    assert "| m | 50.0% | 55.0% | — |" in text
    assert "was not looked up" in section_6({"m": RIGHT})

"""The report follows the results: each sentence is tried with results that lead to it and with others."""

import itertools
import json
import re

import pytest
from mmlu_kit.config import SubjectsOfModel
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.results import merging, stability
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.stability import RunSettings, StabilityFile
from mmlu_kit.settings import Device
from mmlu_kit.study import Group
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import audits, chats, reports, results

ALWAYS_WRONG = "BCDA" * 25
WORSE, MIDDLE, BEST = "AAAA", "ABAA", "ABCD"
SIZES = {"s": 1_000, "m": 2_000, "l": 600_000_000}


def report(answers, **changes):
    """Return the report on models with these answers on anatomy."""
    study = results.study(list(answers), ["anatomy"], **changes)
    answered = {model: {"anatomy": text} for model, text in answers.items() if text}
    return results.report(*results.merged(study, answered, SIZES))


def on_cuda(study, model):
    """Return the study with a model requested on CUDA."""
    entry = study.models[model].model_copy(update={"device": Device.CUDA})
    return study.model_copy(update={"models": {**study.models, model: entry}})


def requested_on_cuda(evaluation, **changes):
    """Return the evaluation of a model requested on CUDA."""
    requested = results.REQUESTED.model_copy(update={"device": Device.CUDA})
    return evaluation.model_copy(update={"requested": requested, **changes})


def test_one_model_has_no_sentence_on_size():
    text = report({"s": BEST})
    assert "parameter count" not in text[: text.index("## Appendix: The Writeup's Claims")]


def test_all_sections_are_in_the_writeups_order():
    text = report({"s": BEST})
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert headings == [
        "Summary",
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
        "File Reference",
        "How This Was Made",
    ]


def test_every_link_in_the_table_of_contents_leads_to_a_heading():
    text = report({"s": BEST})
    # GitHub's rule for anchors: lower case, no punctuation, a hyphen for each space.
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}
    links = re.findall(r"\]\(#([^)]+)\)", text)
    assert (
        {*links} <= anchors and {*anchors} > {"summary", "1-setup", "file-reference"} and len(links) == 12 + 2
    )  # of the summary


def test_all_rows_of_a_table_have_the_same_number_of_cells():
    rows = None
    for line in report({"s": WORSE, "m": MIDDLE, "l": BEST}).splitlines():
        if line.startswith("|"):
            cells = line.count("|")
            assert rows is None or cells == rows, line
            rows = cells
        else:
            rows = None


def test_the_report_begins_with_the_notice_and_what_is_missing():
    text = report({"s": BEST, "m": ""}, notice="Only a test.")
    top = text[: text.index("## Table of Contents")]
    assert "Only a test." in top.splitlines()[2]
    assert "**Not complete:** 1 of 2 evaluations are missing" in top and "m on anatomy" in top


@pytest.mark.parametrize(
    ("prompts", "phrases"),
    [
        ([{}], ["Each answer is read in two ways"]),
        ([{"orders": "cyclic"}], ["Each answer is read in two ways", "Of s it is the letter of the choice"]),
        ([{"preset": "cloze"}], ["Each choice of a question is scored as its continuation"]),
        (
            [{}, {"preset": "olmes"}],
            [
                "Each answer is read in two ways",
                "Some prompts show no letters, and nothing is generated (m: cloze (olmes), per character)",
            ],
        ),
    ],
)
def test_the_report_begins_with_how_answers_are_read(prompts, phrases):
    names = ["s", "m"][: len(prompts)]
    merged, table = results.merged(results.study(names, ["anatomy"]), {name: {"anatomy": BEST} for name in names})
    models = {
        name: merged.models[name].model_copy(update={"requested": results.asked(**prompt)})
        for name, prompt in zip(names, prompts, strict=True)
    }
    top = results.report(merged.model_copy(update={"models": models}), table).split("## Table of Contents")[0]
    known = ["Each answer is read", "Of s it is", "Each choice of a question", "Some prompts show no letters"]
    assert [phrase for phrase in known if phrase in top] == [
        next(p for p in known if phrase.startswith(p)) for phrase in phrases
    ]
    assert all(phrase in top for phrase in phrases) and "\n\n\n" not in top


def test_the_limit_is_in_the_first_lines():
    top = report({"s": BEST}, limit=20).split("## Table of Contents")[0]
    assert "> **Limited:** only the first 20 questions of each subject are asked." in top
    assert "only the first question of each subject is asked" in report({"s": BEST}, limit=1)
    assert "Limited" not in report({"s": BEST})


def test_sections_of_what_a_study_lacks_are_absent_and_numbers_have_no_gaps():
    text = report({"s": BEST}, reference=None, groups=[Group(name="one", title="One", models=["s"])])
    headings = re.findall(r"^## (.+)$", text, re.M)
    assert headings == [
        "Summary",
        "Table of Contents",
        "1. Setup",
        "2. Evaluation",
        "3. Results & Graphs: One",
        "4. Error Pattern Analysis",
        "File Reference",
        "How This Was Made",
    ]
    for word in (
        "writeup",
        "Colab",
        "claims",
        "Chat",
        "Timing Experiments",
        "Stability",
        "Label Errors",
        "This study has no",
        "GPU vs. CPU",
    ):
        assert word not in text, word
    baseline = report({"s": BEST}, reference=None, baseline=SubjectsOfModel(model="s", subjects=["anatomy"]))
    assert "## 2. Timing Experiments\n\n### Baseline Processes\n\nThe processes of section 1 (s)" in baseline


def test_the_report_on_part_of_a_study_says_so():
    assert "only small of study `made` was run" in report({"s": BEST}, only=["small"])
    assert "Part of the study" not in report({"s": BEST})


def test_absent_parts_are_described_as_far_as_known():
    whole = report({"s": BEST})
    for name in ("baseline", "timing setups", "chat models"):
        assert f"This study has no {name}." in whole
    part = report({"s": BEST}, only=["small"])
    assert "The part of the study that was run has no timing setups." in part and "This study has no " not in part
    unmeasured = report({"s": BEST}, stability=SubjectsOfModel(model="s", subjects=["anatomy"]))
    assert "There is no result of the study's stability measurement." in unmeasured


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("stability", "What ran: stability measurement (appendix)."),
        ("chat", "What ran: chat models (section 8)."),
        ("timing_setups", "What ran: timing setups (section 2)."),
    ],
)
def test_a_part_without_evaluations_names_what_ran_and_has_no_empty_tables(part, sentence):
    study = results.study(["s"], ["anatomy"], groups=[], only=[part])
    merged, table = results.merged(study, {})
    records = results.evaluation("s", "anatomy", BEST).records
    settings = itertools.product(stability.DTYPES, stability.Batching, stability.THREADS)
    runs = [
        stability.run(RunSettings(dtype=dtype, batching=batching, threads=threads), records, results.packing(records))
        for dtype, batching, threads in settings
    ]
    measured = {
        "stability": lambda: StabilityFile(
            model="s", subjects=["anatomy"], questions=4, runs=runs, comparisons=stability.comparisons(runs)
        ),
        "chat": chats.chat,
        "timing_setups": lambda: audits.timed(audits.run("0.5B"), (4, "cpu none")).setups,
    }[part]()
    update = {"setups" if part == "timing_setups" else part: measured}
    text = results.report(merged.model_copy(update=update), table)
    assert sentence in text and "no machines to compare" in text
    lines = text.splitlines()
    assert not [line for line, after in itertools.pairwise(lines) if line.startswith("|---") and after[:1] != "|"]


def test_the_baseline_section_has_the_writeups_lines_or_says_that_it_did_not_run():
    text = report({"s": MIDDLE}, baseline=SubjectsOfModel(model="s", subjects=["anatomy"]))
    ran = "Model dtype: torch.float32\nModel quantization: none\n"
    assert f"{ran} Result: 2/4 correct = 50.00%   # anatomy\nOverall Accuracy: 50.00%\n" in text
    assert "\nThis study has no baseline.\n" in report({"s": MIDDLE})


def test_a_resumed_model_is_named_and_has_no_times():
    study = results.study(["s"], ["anatomy"])
    evaluations, timings = [results.evaluation("s", "anatomy", BEST)], [results.timing("s", "anatomy", resumed=True)]
    merged = merging.merge(study, evaluations, timings, Processes({"s/anatomy.time": results.process()}))
    text = results.report(merged, merging.table(study, evaluations))
    assert "Evaluations of s were killed and resumed" in text and "| s | — | — | — | — | 1.00 GB |" in text
    assert "resumed" not in report({"s": BEST})


def test_questions_are_counted_by_how_many_models_miss_them():
    text = report({"s": "ACBA", "m": MIDDLE, "l": BEST})
    # A is right for all; B wrong for s; C and D wrong for s and m.
    assert [line for line in text.splitlines() if " of 3 |" in line] == [
        "| 0 of 3 | 1 | 25.0% | 0 |",
        "| 1 of 3 | 1 | 25.0% | 2 |",
        "| 2 of 3 | 2 | 50.0% | 2 |",
        "| 3 of 3 | 0 | 0.0% | 0 |",
    ]


def test_models_are_in_the_groups_order_everywhere():
    names = ["z-small", "baseline", "a-large"]
    study = results.study(names, ["anatomy"], baseline=SubjectsOfModel(model="baseline", subjects=["anatomy"]))
    answers = {name: {"anatomy": ALWAYS_WRONG} for name in ("baseline", "z-small", "a-large")}
    merged, table = results.merged(study, answers)
    assert merged.results[0].model == "baseline"
    # JSON files have sorted keys.
    text = results.report(Merged.parse(json.dumps(merged.plain(), sort_keys=True), "merged.json"), table)
    lines = re.findall(r"^(?:\||- ).*baseline.*(?:z-small|a-large).*$", text, re.M)
    assert len(lines) > 8
    for line in lines:
        places = [line.find(name) for name in names if name in line]
        assert places == sorted(places), line
    for heading in ("### Models Evaluated", "### Overall Accuracy", "## How This Was Made"):
        rows = [row[0] for row in reports.tables(text, heading)[0]]
        assert [name for row in rows for name in names if name in row] == names, heading


def test_models_not_run_are_named_at_the_top_and_in_their_section():
    study = results.study(["s", "m"], ["anatomy"])
    reason = "device 'cuda' was requested, but this machine has none"
    skipped = NotRun(model="m", requested=results.REQUESTED, reason=reason, subject="anatomy")
    evaluations = [results.evaluation("s", "anatomy", BEST), skipped]
    merged = merging.merge(study, evaluations, [results.timing("s", "anatomy"), skipped], Processes({}))
    text = results.report(merged, merging.table(study, evaluations))
    top, rest = text.split("## Table of Contents")
    assert f"**Not run on this machine:** m (1 subject: {reason})" in top
    assert "`make retry STUDY=made`" in top and "Not complete" not in top
    assert rest.count("**m** was not run on 1 subject: device 'cuda'") == 2  # the list of models, and its group
    assert "Not run on this machine" not in report({"s": BEST})


def test_a_fallback_is_labelled_in_every_table():
    study = on_cuda(results.study(["s"], ["anatomy"]), "s")
    evaluation = requested_on_cuda(results.evaluation("s", "anatomy", BEST), reason="device 'cuda' was asked for")
    merged = merging.merge(study, [evaluation], [results.timing("s", "anatomy")], Processes({}))
    text = results.report(merged, merging.table(study, [evaluation]))
    assert "| cuda, float32 | cpu, float32 (device 'cuda' was asked for) |" in text
    tables = [line for line in text.splitlines() if re.match(r"\| s\b", line) or re.search(r"\| s( \(.*)? \|$", line)]
    assert len(tables) == 14
    # The tables of how models ran name it by itself.
    assert all("s (cpu instead of cuda)" in line for line in tables if "cpu, float32" not in line)


def test_no_speed_up_is_claimed_without_a_gpu():
    assert "No speed-up is claimed" in report({"s": BEST})


def test_a_speed_up_names_both_machines():
    study = on_cuda(results.study(["s", "m"], ["anatomy"]), "m")
    slow, fast = (results.evaluation(model, "anatomy", BEST) for model in ("s", "m"))
    evaluations = [slow, requested_on_cuda(fast, effective=results.effective("cuda"))]
    gpu = {"gpu": "T4", "gpu_memory_bytes": 16 * 10**9, "driver": "580", "cuda": "12.8"}
    machine = results.MACHINE.model_copy(update=gpu)
    timings = [results.timing("s", "anatomy", 6.0), results.timing("m", "anatomy", 0.5, machine=machine)]
    merged = merging.merge(study, evaluations, timings, Processes({}))
    text = results.report(merged, merging.table(study, evaluations))
    assert "| s | 6.00 s | m | 0.50 s | 12.0× |" in text
    assert "- s: p, 2 cores, AVX2; torch 2, transformers 5. m: p, 2 cores, AVX2; T4, driver 580, CUDA 12.8; torch 2" in text


def test_each_reason_for_missing_measurements_has_its_own_line():
    study = results.study(["s"], ["anatomy", "virology"])
    reasons = {"anatomy": {"gpu_s": "no GPU"}, "virology": {"gpu_energy_j": "no meter"}}
    timings = [results.timing("s", subject, reasons=why) for subject, why in reasons.items()]
    evaluations = [results.evaluation("s", subject, BEST) for subject in reasons]
    text = results.report(merging.merge(study, evaluations, timings, Processes({})), merging.table(study, evaluations))
    assert "\n\n- Not measured: GPU time (no GPU).\n- Not measured: GPU energy (no meter).\n\n" in text

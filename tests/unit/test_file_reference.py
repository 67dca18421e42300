"""The File Reference: each file of a run matches exactly one pattern, and patterns have the right counts."""

import pytest
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.report import captions, file_reference, outline
from mmlu_kit.report.file_reference import FilePattern
from mmlu_kit.results import merging, summaries
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import audits, chats, results

SUBJECTS = ["anatomy", "virology"]


@pytest.fixture(scope="module")
def listed() -> dict[str, FilePattern]:
    """Patterns of a study with models run here, loaded once, imported, run on another machine, and skipped."""
    names = ["here", "once", "imported", "joined", "skipped"]
    study = results.study(names, SUBJECTS)
    once = study.models["once"].model_copy(update={"load_once": True})
    models = {**study.models, "once": once, "imported": ImportedEntry(predictions="p.csv")}
    study = study.model_copy(update={"models": models})
    evaluations = [results.evaluation(name, subject, "ABCD") for name in names[:4] for subject in SUBJECTS]
    evaluations = [
        one.model_copy(update={"requested": None, "effective": None}) if one.model == "imported" else one for one in evaluations
    ]
    skipped = [NotRun(model="skipped", requested=results.REQUESTED, reason="no", subject=subject) for subject in SUBJECTS]
    timings = [
        results.timing(name, subject, process="once/together.time" if name == "once" else f"{name}/{subject}.time")
        for name in ("here", "once", "joined")
        for subject in SUBJECTS
    ]
    names = ["here/anatomy.time", "here/virology.time", "once/together.time", "elsewhere/colab/joined/anatomy.time"]
    processes = Processes(dict.fromkeys(names, results.process()))
    sources = {("joined", subject): "elsewhere/colab" for subject in SUBJECTS}
    merged = merging.merge(study, [*evaluations, *skipped], timings, processes, sources=sources)
    setups = audits.timed(audits.run("0.5B"), (1,), (4, "cpu none")).setups
    merged = merged.model_copy(update={"setups": setups, "chat": chats.chat()})
    analysis = results.analysis(merged, merging.table(study, evaluations))
    sections = outline.outline(merged, analysis, audits.PUBLISHED.publication)
    patterns = file_reference.patterns(merged, analysis, sections)
    assert len({pattern.pattern for pattern in patterns}) == len(patterns)
    return {pattern.pattern: pattern for pattern in patterns}


@pytest.mark.parametrize(
    ("pattern", "count", "path"),
    [
        ("evaluations/<model>/<subject>.json", 2 + 2 + 2 + 2, "evaluations/here/anatomy.json"),
        ("timings/<model>/<subject>.json", 2 + 2 + 2, "timings/skipped/anatomy.json"),
        ("timings/<model>/<job>.time", 2 + 1 + 2, "timings/once/together.time"),
        ("timings/processes.json", 1, "timings/processes.json"),
        # Of the other machine's two processes one has a log.
        ("elsewhere/colab/<kind>/<model>/<file>", 2 + 2 + 1, "elsewhere/colab/timings/joined/anatomy.time"),
        ("setups/<run>/<setup>.txt", 2, "setups/run_1/setup_4_cpu_no_quant.txt"),
        ("setups/<run>/<setup>/timings/<subject>.json", 4, "setups/run_1/setup_1_gpu_no_quant/timings/astronomy.json"),
        ("chat/<transcript>.md", 3, "chat/sliding_window.md"),
        ("chat/<model>/times.json", 1, "chat/m/times.json"),
        ("logs/….log", 9 + 1 + 5 + (2 + 1) + (1 + 2), "logs/evaluate/here/anatomy.log"),
        ("logs/….log", 9 + 1 + 5 + (2 + 1) + (1 + 2), "logs/write_report.log"),
    ],
)
def test_each_file_matches_one_pattern_with_the_right_count(listed, pattern, count, path):
    assert [name for name, other in listed.items() if other.matches(path)] == [pattern]
    assert listed[pattern].count == count


def test_figures_are_counted_as_they_are_drawn(listed):
    # All but accuracy against time, as the times are alike.
    figures = len(captions.GROUP_FIGURES) - 1 + len(captions.MISTAKE_FIGURES) + len(captions.CHAT_FIGURES)
    assert listed["figures/<figure>.<format>"].count == 2 * figures


def test_files_that_a_study_lacks_are_not_listed():
    merged, table = results.merged(results.study(["m"], ["anatomy"], reference=None), {"m": {"anatomy": "ABCD"}})
    analysis = results.analysis(merged, table)
    patterns = file_reference.patterns(merged, analysis, outline.outline(merged, analysis, None))
    names = [pattern.pattern for pattern in patterns]
    assert not [name for name in names if name.startswith(("setups", "stability", "chat", "elsewhere", "claims"))]
    # evaluate, and each program that runs once but audit_claims
    assert {pattern.pattern: pattern.count for pattern in patterns}["logs/….log"] == 1 + 8


def test_figures_of_times_are_neither_made_nor_listed_where_no_time_is_known():
    study = results.study(["m"], ["anatomy"], reference=None)
    study = study.model_copy(update={"models": {"m": ImportedEntry(predictions="p.csv")}})
    one = results.evaluation("m", "anatomy", "ABCD").model_copy(update={"requested": None, "effective": None})
    merged = merging.merge(study, [one], [], Processes({}))
    models = summaries.summarize_group(merged, study.groups[0])
    assert captions.drawable_of_group(models) == ["overall_accuracy", "subject_heatmap"]
    text = results.report(merged, merging.table(study, [one]))
    assert "m_overall" not in text and "small_overall_accuracy.png" in text
    assert not [
        name for name in ("efficiency.png", "timing_comparison.png", "time_ledger.png", "### Execution") if name in text
    ]


@pytest.mark.parametrize(
    "path", ["evaluations/m/a/b.json", "evaluations/m/a.csv", "x/evaluations/m/a.json", "evaluations/m/.json"]
)
def test_a_placeholder_matches_one_name(path):
    assert not FilePattern("evaluations/<model>/<subject>.json", "").matches(path)


def test_a_single_file_is_a_link():
    assert FilePattern("a.json", "a file").row() == ["[`a.json`](a.json)", "1", "a file"]
    assert FilePattern("a/<b>.json", "files", 3).row() == ["`a/<b>.json`", "3", "files"]

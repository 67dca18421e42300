"""A study's status: what is done, what is running and the time left, on results with known times."""

import json
import os
import re
from pathlib import Path

import pytest
from mmlu_kit import files
from mmlu_kit.config import ChatEntry, SubjectsOfModel
from mmlu_kit.evaluation.journal import Journal
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.results import model_status, report_steps, skipped, status
from mmlu_kit.settings import Device, DType, OnUnavailable, Quantization
from mmlu_kit.study import Setup, TimingSetups
from mmlu_kit.user_errors import UserError

from tests.conftest import ROOT
from tests.helpers import results

SUBJECTS = ["anatomy", "virology", "nutrition"]
STUDY = results.study(["a", "b"], SUBJECTS)


def questions(folder, number):
    """The fetched questions of every subject."""
    for subject in SUBJECTS:
        rows = [{"split": split, "question": 'a "split": "test"'} for split in ["dev", *["test"] * number]]
        files.write_text(folder / f"subjects/q@local/{subject}.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    return folder


def scored(folder, model, subject, number, **changes):
    """Write an evaluation of `number` questions in `number` / 10 seconds, after 0.9 seconds of startup and loading."""
    results.evaluation(model, subject, "A" * number).write(folder / f"evaluations/{model}/{subject}.json")
    timing = results.timing(model, subject, number / 10, questions_scored=number, **changes)
    timing.write(folder / f"timings/{model}/{subject}.json")


def status_of_a(tmp_path, study=STUDY):
    sizes = model_status.question_counts(study, questions(tmp_path, 40))
    return model_status.model_status(study, "a", tmp_path, sizes, active=False)


def lines(tmp_path, study=STUDY):
    return status.lines(study, tmp_path, tmp_path, tmp_path / "locks")


def test_the_time_left_follows_the_measured_throughput(tmp_path):
    scored(tmp_path, "a", "anatomy", 40)
    a = status_of_a(tmp_path)
    assert (a.done, a.subjects, a.answered, a.questions, a.rate) == (1, 3, 40, 120, 10)
    assert a.left_s == 80 / 10 + 2 * 0.9


def test_a_model_loaded_once_starts_once(tmp_path):
    entry = STUDY.models["a"].model_copy(update={"load_once": True})
    scored(tmp_path, "a", "anatomy", 40)
    together = STUDY.model_copy(update={"models": {"a": entry, "b": entry}})
    assert status_of_a(tmp_path, together).left_s == 80 / 10 + 0.9


def test_jobs_that_mostly_start_are_advised_to_load_once(tmp_path):
    line = "a: 82% of each job is starting and loading the model: `load_once: true` does that once"  # 0.9 of 0.9 + 0.2 seconds
    questions(tmp_path, 40)
    scored(tmp_path, "a", "anatomy", 2)
    assert line in lines(tmp_path)
    once = {name: entry.model_copy(update={"load_once": True}) for name, entry in STUDY.models.items()}
    assert line not in lines(tmp_path, STUDY.model_copy(update={"models": once}))
    scored(tmp_path, "a", "virology", 2)
    assert line not in lines(tmp_path), "one job is left"


def test_progress_is_read_from_a_journal_in_use(tmp_path):
    journal = Journal(tmp_path / "journals/a/virology.jsonl", "key")
    for number in range(3):
        journal.append(number, [results.record("virology", index, "A", "A").plain() for index in range(5)])
    scored(tmp_path, "a", "anatomy", 40)
    a = status_of_a(tmp_path)
    assert [(job.subject, job.answered, job.questions) for job in a.running] == [("virology", 15, 40)]
    assert a.answered == 55 and a.left_s == 65 / 10 + 2 * 0.9
    journal.append(3, [])  # the process that writes it was not disturbed


def test_before_the_first_subject_is_done_the_rate_comes_from_the_running_jobs_log(tmp_path):
    journal = Journal(tmp_path / "journals/a/virology.jsonl", "key")
    journal.append(0, [results.record("virology", index, "A", "A").plain() for index in range(20)])
    log = "Loading a …\na virology: 10 of 40 questions, about 99 s left\na virology: 20 of 40 questions, about 40 s left\n"
    files.write_text(tmp_path / "logs/evaluate/a/virology.log", log)
    a = status_of_a(tmp_path)
    assert a.rate == 0.5 and a.left_s == 100 / 0.5


def test_an_unmeasured_rate_is_not_guessed_and_the_reason_is_true(tmp_path):
    assert status_of_a(tmp_path).left_s is None
    assert lines(tmp_path)[-1] == "time left unknown for a, b: nothing has been measured yet, and no run is at work here"
    files.write_text(tmp_path / "locks/0.input.lock", "")
    assert lines(tmp_path)[-1].endswith(": nothing has been measured yet (a run is at work; this takes half a minute)")
    (tmp_path / "subjects/q@local/virology.jsonl").unlink()
    assert lines(tmp_path)[-1] == "time left unknown for a, b: questions were not fetched yet"
    scored(tmp_path / "elsewhere/colab", "a", "anatomy", 40)
    questions(tmp_path, 40)
    assert "time left unknown for a: nothing was measured on this machine yet" in lines(tmp_path)[-2]


def test_a_study_that_is_done_has_nothing_left(tmp_path):
    for model in "ab":
        for subject in SUBJECTS:
            scored(tmp_path, model, subject, 40)
    questions(tmp_path, 40)
    for step in report_steps.steps(STUDY, tmp_path):
        files.write_text(step.file, "{}")
    assert lines(tmp_path) == [
        "a       3 of 3 subjects, 120 of 120 questions, 10 questions per second",
        "b       3 of 3 subjects, 120 of 120 questions, 10 questions per second",
        "report  9 of 9 steps",
        "6 of 6 evaluations are done",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "anatomy.json is not valid JSON"),
        ('{"schema": "mmlu-kit/evaluation/1"}', "anatomy.json was made by another version of the kit"),
        ("[]", "anatomy.json: not a valid evaluation file"),
    ],
)
def test_a_result_that_cannot_be_read_is_named_and_not_counted(tmp_path, text, words):
    for subject in SUBJECTS:
        scored(tmp_path, "a", subject, 40)
    for name in ("anatomy", "virology"):
        files.write_text(tmp_path / f"evaluations/a/{name}.json", text)
    questions(tmp_path, 40)
    first, second, _, report, count, *_ = lines(tmp_path)
    assert first == "a       1 of 3 subjects, 40 of 120 questions, 10 questions per second, about 10 s left"
    assert second.startswith("        not counted: ") and words in second and second.endswith(" (and 1 other file)")
    assert report == "report  0 of 9 steps" and count == "1 of 6 evaluations are done"


def test_a_damaged_timing_is_named(tmp_path):
    scored(tmp_path, "a", "anatomy", 40)
    files.write_text(tmp_path / "timings/a/anatomy.json", '{"schema": "mmlu-kit/timing/1"}')
    a = status_of_a(tmp_path)
    assert a.done == 0 and "timings/a/anatomy.json was made by another version of the kit" in a.unreadable[0]


def study_with_all_parts():
    setups = [
        Setup(name=name, number=number, device=Device.CPU, dtype=DType.FLOAT32, quantization=Quantization.NONE,
              on_unavailable=OnUnavailable.SKIP)
        for number, name in enumerate(["first", "second"], 1)
    ]  # fmt: skip
    return STUDY.model_copy(
        update={
            "timing_setups": TimingSetups(model="a", subjects=["anatomy"], repeats=2, setups=setups),
            "stability": SubjectsOfModel(model="a", subjects=["anatomy"]),
            "chat": ChatEntry(models=["c", "d"], strategies=["none", "full"]),
        }
    )


TIME_LOG = "\tUser time (seconds): 1.0\n\tElapsed (wall clock) time (h:mm:ss or m:ss): 0:30.00\n\tExit status: 0\n"


def test_timing_setups_chat_models_and_stability_are_counted(tmp_path):
    study = study_with_all_parts()
    questions(tmp_path, 40)

    def parts():
        names = ("timing setups", "stability ", "chat ")
        return {name.strip(): line for name in names for line in lines(tmp_path, study) if line.startswith(name)}

    assert parts() == {
        "timing setups": "timing setups  0 of 4 runs",
        "stability": "stability      0 of 1 measurement",
        "chat": "chat           0 of 2 models, transcripts to be written",
    }
    for run, setup in (("run_1", "first"), ("run_9", "first"), ("run_1", "old_setup")):  # the last two are not of this study
        files.write_text(tmp_path / f"setups/{run}/{setup}.txt", TIME_LOG)
        results.evaluation("a", "anatomy", "ABCD").write(tmp_path / f"setups/{run}/{setup}/evaluations/anatomy.json")
    files.write_text(tmp_path / "setups/run_1/second.txt", TIME_LOG)
    placeholder = NotRun(model="d", requested=results.REQUESTED, reason="no GPU", subject="anatomy")
    for name in ("setups/run_1/second/evaluations/anatomy.json", "chat/d/recall.json", "chat/d/times.json"):
        placeholder.write(tmp_path / name)
    journal = Journal(tmp_path / "journals/c/chat.jsonl", "key")
    journal.append(0, [{"text": "Hello."}, {"text": "Yes."}])
    files.write_text(tmp_path / "stability.json", "{}")
    counted = parts()
    assert counted["timing setups"] == "timing setups  1 of 4 runs, 1 not run on this machine, about 60 s left"
    assert counted["stability"] == "stability      0 of 1 measurement"
    words = (
        r"chat           0 of 2 models, 1 not run on this machine, in progress: c, 2 replies, last written [\d.]+ s ago, trans"
    )
    assert re.match(words, counted["chat"])
    assert any(
        "not counted:" in line and "stability.json: not a valid stability file" in line for line in lines(tmp_path, study)
    )


def test_the_steps_of_the_report_are_those_of_the_workflow(tmp_path):
    rules = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
    for step in report_steps.steps(study_with_all_parts(), Path("results")):
        rule = re.search(rf"^ *rule {step.rule}:\n(.*?)^ *shell:", rules, re.S | re.M)
        assert rule, step.rule
        assert f"{{RESULTS}}/{step.file.relative_to('results')}" in rule[1].partition("output:")[2], step.rule


def test_the_steps_of_the_report_are_counted_and_the_next_one_is_named(tmp_path):
    study = results.study(["a"], ["anatomy"])

    def report():
        return next(line.removeprefix("report  ") for line in lines(tmp_path, study) if line.startswith("report"))

    assert report() == "0 of 9 steps"
    scored(tmp_path, "a", "anatomy", 4)
    order = [path for path in tmp_path.rglob("*.json")] + [step.file for step in report_steps.steps(study, tmp_path)]
    for number, path in enumerate(order):
        if not path.exists():
            files.write_text(path, "{}")
        os.utime(path, (number, number))
    assert report() == "9 of 9 steps"
    (tmp_path / "claims.json").unlink()
    assert report() == f"5 of 9 steps, next: audit_claims (there is no {tmp_path}/claims.json)"
    os.utime(tmp_path / "evaluations/a/anatomy.json")
    evaluation = tmp_path / "evaluations/a/anatomy.json"
    assert report() == f"1 of 9 steps, next: merge ({tmp_path}/merged.json is older than {evaluation})"
    evaluation.unlink()
    assert report() == f"1 of 9 steps, next: merge ({tmp_path}/merged.json was made without {evaluation})"


def test_another_machines_rate_is_not_used(tmp_path):
    scored(tmp_path / "elsewhere/colab", "a", "anatomy", 40)
    a = status_of_a(tmp_path)
    assert a.done == 1 and a.rate is None


def test_placeholders_are_deleted_with_the_files_made_from_them(tmp_path):
    scored(tmp_path, "a", "anatomy", 40)
    files.write_json(tmp_path / "merged.json", {})
    assert skipped.forget(tmp_path) == 0 and (tmp_path / "merged.json").exists()
    placeholder = NotRun(model="b", requested=results.REQUESTED, reason="no GPU", subject="anatomy")
    for name in ("evaluations/b/anatomy.json", "timings/b/anatomy.json", "setups/run_1/s/evaluations/anatomy.json"):
        placeholder.write(tmp_path / name)
    assert model_status.model_status(STUDY, "b", tmp_path, dict.fromkeys(SUBJECTS), active=False).not_run == 1
    assert skipped.forget(tmp_path) == 3
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")}
    assert left == {"evaluations/a/anatomy.json", "timings/a/anatomy.json"}
    with pytest.raises(UserError, match="this study has no results yet"):
        skipped.forget(tmp_path / "none")

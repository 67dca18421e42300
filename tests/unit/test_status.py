"""A study's status: what is done, what is running and the time left, on results with known times."""

import json

import pytest
from mmlu_kit import files
from mmlu_kit.evaluation.journal import Journal
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.results import skipped, status
from mmlu_kit.user_errors import UserError

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
    return status.model_status(study, "a", tmp_path, status.question_counts(study, questions(tmp_path, 40)), now=1e9)


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
    scored(tmp_path, "a", "anatomy", 2)
    assert line in status.lines(STUDY, tmp_path, questions(tmp_path, 40))
    once = {name: entry.model_copy(update={"load_once": True}) for name, entry in STUDY.models.items()}
    assert line not in status.lines(STUDY.model_copy(update={"models": once}), tmp_path, questions(tmp_path, 40))
    scored(tmp_path, "a", "virology", 2)
    assert line not in status.lines(STUDY, tmp_path, questions(tmp_path, 40)), "one job is left"


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


def test_an_unmeasured_rate_is_not_guessed(tmp_path):
    assert status_of_a(tmp_path).left_s is None
    lines = status.lines(STUDY, tmp_path, tmp_path)
    assert lines[-1].startswith("time left unknown for a, b: nothing has been measured yet")


def test_a_study_that_is_done_has_nothing_left(tmp_path):
    for model in "ab":
        for subject in SUBJECTS:
            scored(tmp_path, model, subject, 40)
    lines = status.lines(STUDY, tmp_path, questions(tmp_path, 40))
    assert lines == [
        "a  3 of 3 subjects, 120 of 120 questions, 10 questions per second",
        "b  3 of 3 subjects, 120 of 120 questions, 10 questions per second",
        "6 of 6 evaluations are done",
    ]


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
    assert status.model_status(STUDY, "b", tmp_path, dict.fromkeys(SUBJECTS), now=1e9).not_run == 1
    assert skipped.forget(tmp_path) == 3
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")}
    assert left == {"evaluations/a/anatomy.json", "timings/a/anatomy.json"}
    with pytest.raises(UserError, match="this study has no results yet"):
        skipped.forget(tmp_path / "none")

"""What of a study is done, what is in progress and how long is left, against results whose times are known."""

import json

from mmlu_kit import files
from mmlu_kit.evaluation.journal import Journal
from mmlu_kit.results import status

from tests.helpers import results

SUBJECTS = ["anatomy", "virology", "nutrition"]
STUDY = results.study(["a", "b"], SUBJECTS)


def questions(folder, number):
    """Fetched questions of every subject."""
    for subject in SUBJECTS:
        rows = [{"split": split, "question": 'a "split": "test"'} for split in ["dev", *["test"] * number]]
        files.write_text(folder / f"subjects/q@local/{subject}.jsonl", "\n".join(map(json.dumps, rows)) + "\n")
    return folder


def scored(folder, model, subject, number, **changes):
    """What an evaluation leaves: `number` questions in `number` / 10 seconds, after 0.9 seconds of start and loading."""
    files.write_json(folder / f"evaluations/{model}/{subject}.json", results.evaluation(model, subject, "A" * number))
    timing = results.timing(model, subject, number / 10, questions_scored=number, **changes)
    files.write_json(folder / f"timings/{model}/{subject}.json", timing)


def of_a(tmp_path, study=STUDY):
    return status.of_model(study, "a", tmp_path, status.numbers(study, questions(tmp_path, 40)), now=1e9)


def test_the_time_left_is_by_the_measured_rate(tmp_path):
    scored(tmp_path, "a", "anatomy", 40)
    found = of_a(tmp_path)
    assert (found["done"], found["subjects"], found["answered"], found["questions"], found["rate"]) == (1, 3, 40, 120, 10)
    assert found["left_s"] == 80 / 10 + 2 * 0.9


def test_a_model_loaded_once_starts_once(tmp_path):
    entry = {**STUDY["models"]["a"], "load_once": True}
    scored(tmp_path, "a", "anatomy", 40)
    assert of_a(tmp_path, {**STUDY, "models": {"a": entry, "b": entry}})["left_s"] == 80 / 10 + 0.9


def test_what_is_in_progress_is_read_from_its_journal_while_it_is_in_use(tmp_path):
    journal = Journal(tmp_path / "journals/a/virology.jsonl", "key")
    for number in range(3):
        journal.append(number, [results.record("virology", index, "A", "A") for index in range(5)])
    scored(tmp_path, "a", "anatomy", 40)
    found = of_a(tmp_path)
    assert [(job["subject"], job["answered"], job["questions"]) for job in found["running"]] == [("virology", 15, 40)]
    assert found["answered"] == 55 and found["left_s"] == 65 / 10 + 2 * 0.9
    journal.append(3, [])  # it is as it was for the one who writes it


def test_before_a_first_subject_is_done_the_rate_is_that_of_the_running_jobs_log(tmp_path):
    journal = Journal(tmp_path / "journals/a/virology.jsonl", "key")
    journal.append(0, [results.record("virology", index, "A", "A") for index in range(20)])
    log = "Loading a …\na virology: 10 of 40 questions, about 99 s left\na virology: 20 of 40 questions, about 40 s left\n"
    files.write_text(tmp_path / "logs/evaluate/a/virology.log", log)
    found = of_a(tmp_path)
    assert found["rate"] == 0.5 and found["left_s"] == 100 / 0.5


def test_what_nobody_measured_is_not_guessed(tmp_path):
    assert of_a(tmp_path)["left_s"] is None
    lines = status.lines(STUDY, tmp_path, tmp_path)
    assert lines[-1] == "not known of a, b: no subject, nor half a minute of one, was measured yet"


def test_a_study_that_is_done_has_nothing_left(tmp_path):
    for model in "ab":
        for subject in SUBJECTS:
            scored(tmp_path, model, subject, 40)
    lines = status.lines(STUDY, tmp_path, questions(tmp_path, 40))
    assert lines == [
        "a  3 of 3 subjects, 120 of 120 questions, 10 questions a second",
        "b  3 of 3 subjects, 120 of 120 questions, 10 questions a second",
        "6 of 6 evaluations are done",
    ]


def test_another_machines_rate_is_not_this_ones(tmp_path):
    scored(tmp_path / "elsewhere/colab", "a", "anatomy", 40)
    found = of_a(tmp_path)
    assert found["done"] == 1 and found["rate"] is None

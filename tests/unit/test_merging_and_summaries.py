"""Results of many jobs in one: every number can be told from the answers by hand."""

import json

import pytest
from mmlu_kit.evaluation import records
from mmlu_kit.results import merging, summaries
from mmlu_kit.user_errors import UserError

from tests.helpers import results

ASKED = results.study(["a", "b"], ["anatomy", "virology"])
ANSWERS = {"a": {"anatomy": "ABCD", "virology": "ABAAA"}, "b": {"anatomy": "AAAA", "virology": "BBBBB"}}


def test_counts_and_times_add_up_over_subjects():
    merged, _ = results.merged(ASKED, ANSWERS)
    found = summaries.summarize(merged, "a", ["anatomy", "virology"])
    assert (found["correct"], found["questions"], found["subjects"]) == (7, 9, 2)
    assert found["accuracy"] == pytest.approx(7 / 9)
    assert (found["real_s"], found["cpu_s"], found["gpu_s"], found["load_s"]) == (4.0, 8.0, None, 1.0)
    assert [row["accuracy"] for row in summaries.by_subject(merged, ["a", "b"])] == [
        {"a": 1.0, "b": 0.25},
        {"a": 0.6, "b": 0.2},
    ]


def test_one_process_of_several_subjects_loads_once():
    pairs = [("a", "anatomy"), ("a", "virology")]
    evaluations = [results.evaluation(model, subject, "ABCD") for model, subject in pairs]
    timings = [results.timing(model, subject, process="a/together.time") for model, subject in pairs]
    merged = merging.merge(ASKED, evaluations, timings, {"a/together.time": results.process()})
    assert summaries.summarize(merged, "a", ["anatomy", "virology"])["load_s"] == 0.5


def test_times_of_a_resumed_evaluation_enter_no_comparison():
    pairs = [("a", "anatomy"), ("a", "virology")]
    evaluations = [results.evaluation(model, subject, "ABCD") for model, subject in pairs]
    timings = [results.timing(*pairs[0]), results.timing(*pairs[1], resumed=True)]
    processes = {f"{model}/{subject}.time": results.process() for model, subject in pairs}
    merged = merging.merge(ASKED, evaluations, timings, processes)
    records.check(merged, "merged", "x")
    assert list(merged["processes"]) == ["a/anatomy.time"]
    found = summaries.summarize(merged, "a", ["anatomy", "virology"])
    assert found["resumed"] and found["real_s"] is found["cpu_s"] is found["load_s"] is None
    assert summaries.summarize(merged, "a", ["anatomy"])["real_s"] == 2.0


def test_a_process_has_its_own_peak_memory_whatever_its_log_says():
    process = {**results.process(), "peak_rss_bytes": 4 * 10**9}  # as GNU time 1.7 logs
    evaluations = [results.evaluation("a", subject, "ABCD") for subject in ASKED["subjects"]]
    timings = [
        results.timing("a", subject, process="a/together.time", peak_rss_bytes=peak)
        for subject, peak in zip(ASKED["subjects"], (10**9, 11 * 10**8), strict=True)
    ]
    merged = merging.merge(ASKED, evaluations, timings, {"a/together.time": process})
    assert summaries.summarize(merged, "a", ASKED["subjects"])["processes"]["a/together.time"]["peak_rss_bytes"] == 11 * 10**8


def test_a_reading_that_fails_is_neither_right_nor_guessed():
    evaluation = results.evaluation("a", "anatomy", "ABCD", "AB--")
    assert evaluation["totals"] == {"questions": 4, "correct": 4, "correct_generated": 2, "parsed": 2}
    records.check(evaluation, "evaluation", "x")


# Published values: Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]
)
def test_wilson_intervals_equal_published_ones(successes, trials, low, high):
    assert statistics.wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_what_is_missing_is_named_and_not_counted():
    merged, table = results.merged(ASKED, {"a": ANSWERS["a"], "b": {"anatomy": "AAAA"}})
    assert merged["missing"] == [{"model": "b", "subject": "virology"}]
    assert summaries.summarize(merged, "b", ["virology"]) is None
    assert len(table) == 4 + 5 + 4


def test_the_table_has_a_row_for_each_model_and_question():
    _, table = results.merged(ASKED, ANSWERS)
    assert list(table["model"]) == ["a"] * 9 + ["b"] * 9
    row = table[(table["model"] == "a") & (table["subject"] == "virology")].iloc[2]
    assert (row["index"], row["gold"], row["predicted"], bool(row["correct"])) == (2, "C", "A", False)
    assert row["logprob_A"] == -0.5 and row["logprob_C"] == -2.5


@pytest.mark.parametrize("key", ["effective", "parameters", "model_files"])
def test_results_of_another_run_are_not_mixed_in(key):
    evaluations = [results.evaluation("a", subject, "ABCD") for subject in ASKED["subjects"]]
    evaluations[1][key] = {"other": 1}
    timings = [results.timing("a", subject) for subject in ASKED["subjects"]]
    with pytest.raises(UserError, match=f"evaluations/a/virology.json: its {key} differs"):
        merging.merge(ASKED, evaluations, timings, {})


@pytest.mark.parametrize(
    ("name", "value"), [("dtype", "bfloat16"), ("examples", 5), ("preset", "chat"), ("tokens_per_batch", 1)]
)
def test_an_evaluation_made_with_other_settings_is_not_merged(name, value):
    evaluation = results.evaluation("a", "anatomy", "ABCD")
    evaluation["requested"] = {**evaluation["requested"], name: value}
    with pytest.raises(UserError, match=f"anatomy.json was made with {name} {value} and the study asks for"):
        merging.merge(ASKED, [evaluation], [results.timing("a", "anatomy")], {})


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda e: e["records"][1].pop("gold"), "records.1"),
        (lambda e: e["records"][0].update(predicted="E"), "records.0.predicted"),
        (lambda e: e["records"][0].update(letter_logprobs={"A": 1}), "records.0.letter_logprobs"),
        (lambda e: e.update(extra=1), "the top level"),
        (lambda e: e.update(schema="mmlu-kit/timing/3"), "schema"),
    ],
)
def test_a_damaged_evaluation_is_named_with_its_place(spoil, where):
    evaluation = results.evaluation("a", "anatomy", "ABCD")
    spoil(evaluation)
    with pytest.raises(UserError, match=f"e.json: not a valid evaluation file at {where}: "):
        records.check(evaluation, "evaluation", "e.json")


def changed(**values):
    return lambda evaluation: evaluation["records"][2].update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed(predicted="A"), "correct of question 2"),
        (changed(predicted="A", correct=False), "predicted of question 2"),
        (changed(gold="D"), "correct of question 2"),
        (changed(generated=" A"), "parsed of question 2"),
        (changed(generated=" A", parsed="A"), "correct_generated of question 2"),
        (changed(index=1), "a question is there twice"),
        (changed(subject="virology"), "subject of question 2"),
        (lambda evaluation: evaluation["totals"].update(correct=3), "totals are not"),
        (lambda evaluation: evaluation["records"].pop(), "totals are not"),
    ],
)
def test_an_answer_changed_by_hand_is_found(tmp_path, change, words):
    path = tmp_path / "anatomy.json"
    evaluation = results.evaluation("a", "anatomy", "ABCD")
    path.write_text(json.dumps(evaluation))
    assert records.read_outcome(path, "evaluation") == evaluation
    change(evaluation)
    path.write_text(json.dumps(evaluation))
    with pytest.raises(UserError, match=rf"anatomy.json was changed after it was made: {words}"):
        records.read_outcome(path, "evaluation")


def test_only_imported_answers_have_no_probabilities_and_only_this_scorings_rules_are_asked():
    evaluation = results.evaluation("a", "anatomy", "ABCD")
    evaluation["records"][2].update(generated=" (A) or so")
    assert "parsed of question 2" in records.contradiction(evaluation)
    assert records.contradiction({**evaluation, "scoring": records.SCORING + 1}) is None
    evaluation = results.evaluation("a", "anatomy", "ABCD")
    for record in evaluation["records"]:
        record["letter_logprobs"] = None
    assert "letter_logprobs of question 0" in records.contradiction(evaluation)
    assert records.contradiction({**evaluation, "requested": None, "scoring": None}) is None
    evaluation["records"][0]["letter_logprobs"] = {"A": float("inf"), "B": -1, "C": -1, "D": -1}
    assert "letter_logprobs of question 0" in records.contradiction(evaluation)


def test_an_evaluation_of_another_version_of_the_kit_is_named_as_such():
    evaluation = {**results.evaluation("a", "anatomy", "ABCD"), "schema": "mmlu-kit/evaluation/2"}
    said = "e.json was made by another version of the kit .mmlu-kit/evaluation/2, here mmlu-kit/evaluation/3."
    with pytest.raises(UserError, match=said):
        records.check(evaluation, "evaluation", "e.json")


def test_timing_files_fit_their_schema():
    records.check(results.timing("a", "anatomy"), "timing", "x")


def not_run(model, subject):
    return records.not_run(model, results.REQUESTED, "no such device", subject)


def test_what_was_not_run_is_neither_a_result_nor_missing():
    evaluations = [results.evaluation("a", "anatomy", "ABCD"), not_run("a", "virology"), not_run("b", "anatomy")]
    timings = [results.timing("a", "anatomy"), not_run("a", "virology"), not_run("b", "anatomy")]
    merged = merging.merge(ASKED, evaluations, timings, {})
    records.check(merged, "merged", "x")
    reason = {"reason": "no such device"}
    assert merged["not_run"] == [
        {"model": "a", "subject": "virology", **reason},
        {"model": "b", "subject": "anatomy", **reason},
    ]
    assert merged["missing"] == [{"model": "b", "subject": "virology"}]
    assert [(result["model"], result["subject"]) for result in merged["results"]] == [("a", "anatomy")]
    assert len(merging.table(ASKED, evaluations)) == 4


def test_a_file_of_what_was_not_run_is_read_in_place_of_either(tmp_path):
    for schema in ("evaluation", "timing"):
        records.files.write_json(tmp_path / "x.json", not_run("a", "anatomy"))
        assert not records.was_run(records.read_outcome(tmp_path / "x.json", schema))
        records.files.write_json(tmp_path / "x.json", {**not_run("a", "anatomy"), "reason": ""})
        with pytest.raises(UserError, match="not a valid not_run file at reason"):
            records.read_outcome(tmp_path / "x.json", schema)


def ran_on(device, reason=None, **changes):
    """Both models on anatomy, `b` on `device`."""
    evaluations = [results.evaluation("a", "anatomy", "ABCD"), results.evaluation("b", "anatomy", "ABCD")]
    evaluations[1]["effective"] = results.effective(device)
    evaluations[1]["reason"] = reason
    evaluations[1]["requested"] = {**results.REQUESTED, "device": "cuda"}
    asked = results.study(["a", "b"], ["anatomy"])
    asked["models"]["b"] = {**asked["models"]["b"], "device": "cuda"}
    timings = [results.timing("a", "anatomy", real_s=6.0), results.timing("b", "anatomy", real_s=0.5, **changes)]
    return merging.merge(asked, evaluations, timings, {})


def test_a_model_that_fell_back_is_labelled_with_both():
    merged = ran_on("cpu", "device 'cuda' was asked for and this machine has none")
    records.check(merged, "merged", "x")
    assert summaries.summarize(merged, "b", ["anatomy"])["label"] == "b (cpu instead of cuda)"
    assert summaries.summarize(merged, "a", ["anatomy"])["label"] == "a"
    assert merged["models"]["b"]["reason"].startswith("device 'cuda'")


def speedups(merged):
    found = [summaries.summarize(merged, model, ["anatomy"]) for model in ("a", "b")]
    return summaries.speedups(found, {model: entry["machine"] for model, entry in merged["models"].items()})


def test_a_gpu_is_compared_with_a_cpu_on_the_same_questions():
    (pair,) = speedups(ran_on("cuda"))
    assert (pair["cpu"]["model"], pair["gpu"]["model"], pair["times"]) == ("a", "b", 12.0)
    assert len(pair["machines"]) == 2


def test_nothing_is_compared_that_ran_on_the_cpu_or_was_resumed_or_answered_other_questions():
    assert speedups(ran_on("cpu")) == []
    assert speedups(ran_on("cuda", resumed=True)) == []
    merged = ran_on("cuda")
    merged["results"][1]["questions_sha256"] = "another"
    assert speedups(merged) == []

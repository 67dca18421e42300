"""Published numbers beside a run's: reproduced, differs at the first stage that the files show, or not run and why."""

import pytest
from mmlu_kit.claims import comparison

from tests.helpers import audits


def rows(merged):
    found = comparison.compare(audits.PUBLISHED, merged)
    assert len({row["id"] for row in found}) == len(found)
    return {row["id"]: row for row in found}


def row(merged, short, what):
    return rows(merged)[f"{audits.NAMES.get(short, short)}: {what}"]


def anatomy(**counts):
    """A run of the 1.5B model, which is published to have 58 of 135 (43.0%), with these counts."""
    return {"totals": {"anatomy": counts}}


def test_a_run_with_the_published_counts_reproduces_every_accuracy():
    found = rows(audits.run("0.5B", "1.5B", "3B", "7B", "14B"))
    accuracies = [one for one in found.values() if one["unit"] == "fraction" and "Qwen" in one["id"]]
    assert len(accuracies) == 55 and {one["verdict"] for one in accuracies} == {"reproduced"}
    assert all(one["low"] <= one["run"] <= one["high"] and one["stage"] is None for one in accuracies)
    assert found["Qwen2.5-3B-Instruct to Qwen2.5-0.5B-Instruct: ratio of accuracies"]["run"] == pytest.approx(854 / 124)
    assert found["Qwen2.5-3B-Instruct: questions"]["verdict"] == "reproduced"


def test_an_accuracy_is_compared_by_the_generated_letter_and_its_wilson_interval():
    found = row(audits.run("1.5B", **anatomy(correct=10, correct_generated=70)), "1.5B", "accuracy on anatomy")
    assert found["run"] == pytest.approx(70 / 135)
    assert (found["low"], found["high"]) == pytest.approx((0.4349, 0.6011), abs=1e-4)  # 43.0% is just below
    assert found["verdict"] == "differs"
    found = row(audits.run("1.5B", **anatomy(correct_generated=69)), "1.5B", "accuracy on anatomy")
    assert found["verdict"] == "reproduced" and found["low"] < 0.43


@pytest.mark.parametrize(
    ("run", "stage", "reason"),
    [
        (audits.run("1.5B", **anatomy(questions=50, correct=40, correct_generated=40)), "data", "50 questions here, 135 there"),
        (audits.run("1.5B", preset="lm_eval", **anatomy(correct_generated=100)), "prompt", "`lm_eval` with 0 examples"),
        (audits.run("1.5B", dtype="bfloat16", **anatomy(correct_generated=100)), "logits", "bfloat16 instead of float32"),
        (audits.run("1.5B", device="cuda", **anatomy(correct_generated=100)), "logits", "cuda instead of cpu"),
        (audits.run("1.5B", **anatomy(correct_generated=9)), "parse", "best letter right in 43.0%"),
        (audits.run("1.5B", **anatomy(correct=9, correct_generated=9, parsed=50)), "parse", "read from 37.0% of answers"),
        (audits.run("1.5B", **anatomy(correct=100, correct_generated=100)), None, "no hashes, no revisions"),
    ],
)
def test_the_first_stage_that_differs_is_named(run, stage, reason):
    found = row(run, "1.5B", "accuracy on anatomy")
    assert found["verdict"] == "differs" and found["stage"] == stage and reason in found["reason"], found


def test_a_reproduced_number_has_no_stage_whatever_differs():
    found = row(audits.run("1.5B", preset="lm_eval"), "1.5B", "accuracy on anatomy")
    assert found["verdict"] == "reproduced" and found["stage"] is None


def test_a_4_bit_model_of_unpublished_number_format_does_not_differ_by_its_format():
    found = row(audits.run("7B", dtype="bfloat16", **anatomy(correct=5, correct_generated=5)), "7B", "accuracy on anatomy")
    assert found["verdict"] == "differs" and found["stage"] is None


def test_what_was_not_run_says_why():
    merged = audits.run("0.5B", "7B")
    assert "no result of Qwen2.5-3B-Instruct here" in row(merged, "3B", "accuracy on anatomy")["reason"]
    merged["results"] = [one for one in merged["results"] if one["subject"] != "anatomy"]
    found = row(merged, "0.5B", "accuracy on anatomy")
    assert found["verdict"] == "not run" and found["run"] is None and "on anatomy here" in found["reason"]
    assert "on 1 of its subjects" in row(merged, "0.5B", "accuracy over all subjects")["reason"]
    assert row(merged, "0.5B", "accuracy on astronomy")["verdict"] == "reproduced"
    del merged["models"]["Qwen2.5-7B-Instruct-4bit"]
    skipped = {"model": "Qwen2.5-7B-Instruct-4bit", "subject": "anatomy", "reason": "this machine has no cuda"}
    merged |= {"results": [one for one in merged["results"] if "7B" not in one["model"]], "not_run": [skipped]}
    assert "was not run: this machine has no cuda" in row(merged, "7B", "real time")["reason"]


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(8712, "reproduced"), (4400, "reproduced"), (4300, "differs"), (17500, "differs")]
)
def test_a_time_counts_within_a_factor_and_says_that_another_machine_ran(seconds, verdict):
    found = row(audits.run("3B", real_s=seconds), "3B", "real time")
    assert found["verdict"] == verdict and (found["low"], found["high"]) == pytest.approx((seconds / 2, seconds * 2))
    assert "on another machine: p, 2 cores" in found["reason"] and "does not name its own" in found["reason"]


def test_a_resumed_evaluation_has_no_time_to_compare():
    merged = audits.run("3B")
    merged["results"][0] |= {"real_s": None, "cpu_user_s": None, "resumed": True}
    found = row(merged, "3B", "real time")
    assert found["verdict"] == "not run" and "resumed" in found["reason"]
    assert row(merged, "3B", "CPU time")["verdict"] == "not run"


def test_gpu_seconds_and_ratios_of_times_are_compared():
    found = rows(audits.run("3B", "7B"))
    assert found["Qwen2.5-7B-Instruct (4-bit): GPU time"]["verdict"] == "reproduced"
    ratio = found["Qwen2.5-3B-Instruct to Qwen2.5-7B-Instruct (4-bit): ratio of real times"]
    assert ratio["verdict"] == "reproduced" and ratio["run"] == pytest.approx(8712 / 336)
    found = rows(audits.run("3B", "7B", real_s=300))
    assert found["Qwen2.5-3B-Instruct to Qwen2.5-7B-Instruct (4-bit): ratio of real times"]["verdict"] == "differs"
    assert found["Qwen2.5-3B-Instruct: CPU time over real time"]["run"] == pytest.approx(2)


def test_a_ratio_of_accuracies_needs_right_answers():
    nothing = {subject: {"correct_generated": 0} for subject in audits.PUBLISHED["questions"]}
    found = row(audits.run("0.5B", "3B", totals=nothing), "Qwen2.5-3B-Instruct to Qwen2.5-0.5B-Instruct", "ratio of accuracies")
    assert found["verdict"] == "not run" and "no answer right" in found["reason"]


def test_timing_runs_are_compared_with_their_setup():
    merged = audits.timed(
        audits.run("Llama", preset="writeup"),
        (1, "cpu none", 200, 400),
        (4, "cpu none", 500, 900),
        (4, "cpu none", 700, 900),
        (2,),
    )
    found = rows(merged)
    assert found["setup 1, 20260118_224739: real time"]["verdict"] == "reproduced"
    slow = found["setup 4, 20260118_223121: real time"]
    assert (slow["run"], slow["verdict"], slow["stage"]) == (600, "differs", "data") and "median of 2 runs" in slow["reason"]
    assert found["additional run, 20260118_214113: real time"]["run"] == 600
    assert "setup 5 was not run here" in found["setup 5, 20260118_220558: accuracy"]["reason"]
    assert found["setup 4, 20260118_223121: accuracy"]["run"] == 1.0
    assert found["timing runs: smallest user time over real time"]["run"] == pytest.approx(900 / 700)
    merged["setups"]["model"] = "another"
    assert "no timing runs of Llama" in rows(merged)["setup 1, 20260118_224739: real time"]["reason"]


def test_a_setup_that_really_ran_in_4_bits_differs_in_its_logits():
    merged = audits.timed(audits.run("Llama"), (5, "cpu 4bit", 600, 900))
    for run in merged["setups"]["runs"]:
        run["totals"] = {"questions": 252, "correct": 60, "correct_generated": 60, "parsed": 252}
    found = rows(merged)["setup 5, 20260118_220558: accuracy"]
    assert found["stage"] == "logits" and "4bit instead of no quantization" in found["reason"]


def test_the_baseline_is_compared_too():
    found = rows(audits.run("Llama"))
    assert found["Llama-3.2-1B-Instruct: accuracy over all subjects"]["run"] == pytest.approx(120 / 252)
    assert found["Llama-3.2-1B-Instruct: accuracy on astronomy"]["verdict"] == "reproduced"

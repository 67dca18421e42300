"""Published numbers compared with a run's: reproduced, different at the first known stage, or not run for a reason."""

import pytest
from mmlu_kit.claims import comparison
from mmlu_kit.claims.document import NumberResult, NumberVerdict
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.results.merged import Merged, NotRunHere

from tests.helpers import audits

REPRODUCED, DIFFERS, NOT_RUN = NumberVerdict


def rows(merged: Merged) -> dict[str, NumberResult]:
    numbers = comparison.compare(audits.PUBLISHED, merged)
    assert len({number.id for number in numbers}) == len(numbers)
    return {number.id: number for number in numbers}


def row(merged: Merged, short: str, what: str) -> NumberResult:
    return rows(merged)[f"{audits.NAMES.get(short, short)}: {what}"]


def anatomy(**counts):
    """Counts of the 1.5B model on anatomy, published as 58 of 135 (43.0%), with changes."""
    return {"totals": {"anatomy": counts}}


def test_a_run_with_the_published_counts_reproduces_every_accuracy():
    numbers = rows(audits.run("0.5B", "1.5B", "3B", "7B", "14B"))
    accuracies = [number for number in numbers.values() if number.unit == "fraction" and "Qwen" in number.id]
    assert len(accuracies) == 55 and {number.verdict for number in accuracies} == {REPRODUCED}
    assert all(number.low <= number.run <= number.high and number.stage is None for number in accuracies)
    ratio = numbers["Qwen2.5-3B-Instruct to Qwen2.5-0.5B-Instruct: ratio of accuracies"]
    assert ratio.run == pytest.approx(854 / 124)
    assert numbers["Qwen2.5-3B-Instruct: questions"].verdict == REPRODUCED


def test_where_nothing_is_generated_no_accuracy_is_compared():
    merged = audits.run("0.5B", "1.5B", "3B", preset="cloze")
    reason = "nothing is generated with the preset cloze"
    names = ["accuracy over all subjects", "accuracy on anatomy"]
    compared = [row(merged, "1.5B", name) for name in names]
    compared.append(rows(merged)["Qwen2.5-3B-Instruct to Qwen2.5-0.5B-Instruct: ratio of accuracies"])
    assert [(number.run, number.verdict, number.reason) for number in compared] == [(None, NOT_RUN, reason)] * 3
    assert row(merged, "1.5B", "questions").verdict == REPRODUCED


def test_an_accuracy_is_compared_by_the_generated_letter_and_its_wilson_interval():
    number = row(audits.run("1.5B", **anatomy(correct=10, correct_generated=70)), "1.5B", "accuracy on anatomy")
    assert number.run == pytest.approx(70 / 135)
    assert (number.low, number.high) == pytest.approx((0.4349, 0.6011), abs=1e-4)  # 43.0% is just below
    assert number.verdict == DIFFERS
    number = row(audits.run("1.5B", **anatomy(correct_generated=69)), "1.5B", "accuracy on anatomy")
    assert number.verdict == REPRODUCED and number.low < 0.43


@pytest.mark.parametrize(
    ("run", "stage", "reason"),
    [
        (
            audits.run("1.5B", **anatomy(questions=50, correct=40, correct_generated=40, parsed=50)),
            "data",
            "50 questions in this run, 135 in the publication",
        ),
        (
            audits.run("1.5B", preset="lm_eval", **anatomy(correct_generated=100)),
            "prompt",
            "`lm_eval` with 0 few-shot examples",
        ),
        (audits.run("1.5B", dtype="bfloat16", **anatomy(correct_generated=100)), "logits", "bfloat16 instead of float32"),
        (audits.run("1.5B", device="cuda", **anatomy(correct_generated=100)), "logits", "cuda instead of cpu"),
        (audits.run("1.5B", **anatomy(correct_generated=9)), "parse", "the best letter is right in 43.0%"),
        (audits.run("1.5B", **anatomy(correct=9, correct_generated=9, parsed=50)), "parse", "parsed from 37.0% of the answers"),
        (audits.run("1.5B", **anatomy(correct=100, correct_generated=100)), None, "no hashes, no revisions"),
    ],
)
def test_the_first_stage_that_differs_is_named(run, stage, reason):
    number = row(run, "1.5B", "accuracy on anatomy")
    assert number.verdict == DIFFERS and number.stage == stage and reason in number.reason, number


def test_a_reproduced_number_has_no_stage():
    number = row(audits.run("1.5B", preset="lm_eval"), "1.5B", "accuracy on anatomy")
    assert number.verdict == REPRODUCED and number.stage is None


def test_an_unpublished_number_format_is_no_difference():
    number = row(audits.run("7B", dtype="bfloat16", **anatomy(correct=5, correct_generated=5)), "7B", "accuracy on anatomy")
    assert number.verdict == DIFFERS and number.stage is None


def test_a_number_that_was_not_run_says_why():
    merged = audits.run("0.5B", "7B")
    assert "no result of Qwen2.5-3B-Instruct here" in row(merged, "3B", "accuracy on anatomy").reason
    without_anatomy = [result for result in merged.results if result.subject != "anatomy"]
    merged = merged.model_copy(update={"results": without_anatomy})
    number = row(merged, "0.5B", "accuracy on anatomy")
    assert number.verdict == NOT_RUN and number.run is None and "on anatomy here" in number.reason
    assert "on 1 of its subjects" in row(merged, "0.5B", "accuracy over all subjects").reason
    assert row(merged, "0.5B", "accuracy on astronomy").verdict == REPRODUCED
    name = audits.model_name("7B")
    merged = merged.model_copy(
        update={
            "models": {model: ran for model, ran in merged.models.items() if model != name},
            "results": [result for result in without_anatomy if result.model != name],
            "not_run": [NotRunHere(model=name, subject="anatomy", reason="this machine has no cuda")],
        }
    )
    assert "was not run: this machine has no cuda" in row(merged, "7B", "real time").reason


@pytest.mark.parametrize(("seconds", "verdict"), [(8712, REPRODUCED), (4400, REPRODUCED), (4300, DIFFERS), (17500, DIFFERS)])
def test_a_time_is_reproduced_within_a_factor_and_names_the_machine(seconds, verdict):
    number = row(audits.run("3B", real_s=seconds), "3B", "real time")
    assert number.verdict == verdict and (number.low, number.high) == pytest.approx((seconds / 2, seconds * 2))
    assert (
        "on another machine: p, 2 cores" in number.reason and "the machine of the published time is not known" in number.reason
    )


def test_a_resumed_evaluation_has_no_time_to_compare():
    merged = audits.run("3B")
    resumed = merged.results[0].model_copy(update={"real_s": None, "cpu_user_s": None, "resumed": True})
    merged = merged.model_copy(update={"results": [resumed, *merged.results[1:]]})
    number = row(merged, "3B", "real time")
    assert number.verdict == NOT_RUN and "resumed" in number.reason
    assert row(merged, "3B", "CPU time").verdict == NOT_RUN


def test_gpu_seconds_and_ratios_of_times_are_compared():
    numbers = rows(audits.run("3B", "7B"))
    assert numbers["Qwen2.5-7B-Instruct (4-bit): GPU time"].verdict == REPRODUCED
    ratio = numbers["Qwen2.5-3B-Instruct to Qwen2.5-7B-Instruct (4-bit): ratio of real times"]
    assert ratio.verdict == REPRODUCED and ratio.run == pytest.approx(8712 / 336)
    numbers = rows(audits.run("3B", "7B", real_s=300))
    assert numbers["Qwen2.5-3B-Instruct to Qwen2.5-7B-Instruct (4-bit): ratio of real times"].verdict == DIFFERS
    assert numbers["Qwen2.5-3B-Instruct: CPU time over real time"].run == pytest.approx(2)


def test_a_ratio_of_accuracies_needs_right_answers():
    nothing = {subject: {"correct_generated": 0} for subject in audits.PUBLISHED.questions}
    merged = audits.run("0.5B", "3B", totals=nothing)
    number = row(merged, "Qwen2.5-3B-Instruct to Qwen2.5-0.5B-Instruct", "ratio of accuracies")
    assert number.verdict == NOT_RUN and "no right answer" in number.reason


def test_timing_runs_are_compared_with_their_setup():
    merged = audits.timed(
        audits.run("Llama", preset="writeup"),
        (1, "cpu none", 200, 400),
        (4, "cpu none", 500, 900),
        (4, "cpu none", 700, 900),
        (2,),
    )
    numbers = rows(merged)
    assert numbers["setup 1, 20260118_224739: real time"].verdict == REPRODUCED
    slow = numbers["setup 4, 20260118_223121: real time"]
    assert (slow.run, slow.verdict, slow.stage) == (600, DIFFERS, "data") and "median of 2 runs" in slow.reason
    assert numbers["additional run, 20260118_214113: real time"].run == 600
    assert "setup 5 was not run here" in numbers["setup 5, 20260118_220558: accuracy"].reason
    assert numbers["setup 4, 20260118_223121: accuracy"].run == 1.0
    assert numbers["timing runs: smallest user time over real time"].run == pytest.approx(900 / 700)
    merged = merged.model_copy(update={"setups": merged.setups.model_copy(update={"model": "another"})})
    assert "no timing runs of Llama" in rows(merged)["setup 1, 20260118_224739: real time"].reason


def test_a_setup_that_ran_in_4_bits_differs_at_the_logits():
    merged = audits.timed(audits.run("Llama"), (5, "cpu 4bit", 600, 900))
    totals = Totals(questions=252, guessed=63.0, correct=60, correct_generated=60, parsed=252)
    (run,) = merged.setups.runs
    run = run.model_copy(update={"measured": run.measured.model_copy(update={"totals": totals})})
    merged = merged.model_copy(update={"setups": merged.setups.model_copy(update={"runs": [run]})})
    number = rows(merged)["setup 5, 20260118_220558: accuracy"]
    assert number.stage == "logits" and "4bit instead of no quantization" in number.reason


def test_the_baseline_is_compared():
    numbers = rows(audits.run("Llama"))
    assert numbers["Llama-3.2-1B-Instruct: accuracy over all subjects"].run == pytest.approx(120 / 252)
    assert numbers["Llama-3.2-1B-Instruct: accuracy on astronomy"].verdict == REPRODUCED

"""Published numbers compared with a run's: reproduced, different at the first known stage, or not run for a reason."""

import pytest
from mmlu_kit.claims import comparison
from mmlu_kit.claims.document import NumberResult, NumberVerdict
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.results.merged import Merged, NotRunHere

from tests.helpers import audits, chats, results

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


def test_a_ratio_of_a_gpus_time_to_a_cpus_is_not_one_of_two_on_the_cpu():
    ratio = "Qwen2.5-3B-Instruct to Qwen2.5-7B-Instruct (4-bit): ratio of real times"
    assert rows(audits.run("3B", "7B"))[ratio].verdict == REPRODUCED
    number = rows(audits.run("3B", "7B", device="cpu"))[ratio]
    assert number.verdict == NOT_RUN
    assert number.reason == "the two models ran on cpu alone here, and on two devices in the publication"


def test_where_nothing_is_generated_no_accuracy_is_compared():
    merged = audits.run("0.5B", "1.5B", "3B", preset="cloze")
    reason = "nothing is generated with the preset cloze"
    names = ["accuracy over all subjects", "accuracy on anatomy"]
    compared = [row(merged, "1.5B", name) for name in names]
    compared.append(rows(merged)["Qwen2.5-3B-Instruct to Qwen2.5-0.5B-Instruct: ratio of accuracies"])
    assert [(number.run, number.verdict, number.reason) for number in compared] == [(None, NOT_RUN, reason)] * 3
    assert row(merged, "1.5B", "questions").verdict == REPRODUCED


@pytest.mark.parametrize(
    ("generated", "verdict", "words"),
    [
        (58, REPRODUCED, "as many right answers of 135; no earlier stage"),
        (59, REPRODUCED, "1 more right of 135 (+0.7 points); "),
        (57, REPRODUCED, "1 fewer right of 135 (-0.7 points); "),
        (60, DIFFERS, "2 more right of 135 (+1.5 points); "),
        (50, DIFFERS, "8 fewer right of 135 (-5.9 points); "),
    ],
)
def test_an_accuracy_is_compared_by_its_right_generated_letters(generated, verdict, words):
    number = row(audits.run("1.5B", **anatomy(correct=10, correct_generated=generated)), "1.5B", "accuracy on anatomy")
    assert number.published == 58 / 135 and number.run == pytest.approx(generated / 135)
    # 1 % of 135 questions is one answer.
    assert (number.low, number.high) == pytest.approx(((generated - 1) / 135, (generated + 1) / 135))
    assert number.verdict == verdict and number.reason.startswith(words), number


def test_a_whole_accuracy_may_differ_by_one_percent_of_its_questions():
    def moved(answers):
        counts = {"anatomy": {"correct": 87 + answers, "correct_generated": 87 + answers}}
        return row(audits.run("3B", totals=counts), "3B", "accuracy over all subjects")

    assert [moved(answers).verdict for answers in (-14, -13, 0, 13, 14)] == [DIFFERS, *[REPRODUCED] * 3, DIFFERS]
    assert moved(14).reason.startswith("14 more right of 1369 (+1.0 points)")


@pytest.mark.parametrize("points", [-0.075, 0.075])
def test_a_run_with_every_subject_moved_reproduces_no_accuracy(points):
    shorts = ("1.5B", "3B", "7B", "14B")

    def moved(result):
        right = result.totals.correct_generated + round(points * result.totals.questions)
        return {"correct": right, "correct_generated": right}

    numbers = rows(audits.with_counts(audits.run(*shorts), moved))
    accuracies = [number for number in numbers.values() if number.unit == "fraction" and number.run is not None]
    assert len(accuracies) == 11 * len(shorts) and {number.verdict for number in accuracies} == {DIFFERS}


@pytest.mark.parametrize("correct", [8, 9])
def test_a_part_of_the_questions_reproduces_nothing_within_an_answer(correct):
    part = {"anatomy": {"questions": 20, "correct": correct, "correct_generated": correct, "parsed": 20}}
    number = row(audits.run("1.5B", totals=part), "1.5B", "accuracy on anatomy")  # published as 43.0 %
    assert (number.verdict, number.stage) == (DIFFERS, "data") and number.low == number.run == number.high


def test_a_publication_without_counts_is_compared_by_its_percentages():
    model = audits.PUBLISHED.models[audits.NAMES["3B"]].model_copy(update={"correct": None, "subjects": {}})
    published = audits.PUBLISHED.model_copy(update={"models": {audits.NAMES["3B"]: model}, "timing_runs": None, "ratios": []})
    published = published.model_copy(update={"cpu_over_real": [], "contexts": []})
    numbers = {number.id.split(": ")[1]: number for number in comparison.compare(published, audits.run("3B"))}
    assert numbers["accuracy over all subjects"].verdict == REPRODUCED
    assert numbers["accuracy over all subjects"].reason.startswith("as many right answers of 1369")


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
        (audits.run("1.5B", **anatomy(correct=62, correct_generated=9)), None, "49 fewer right of 135"),
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
    assert "on another machine: p, 2 cores" in number.reason
    assert "of the published time's machine, only a name is known: MacBook" in number.reason


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
    ratio = numbers["Qwen2.5-3B-Instruct: CPU time over real time"]
    assert ratio.verdict == NOT_RUN and ratio.reason == "the threads here can keep 2 cores busy, too few for 5.93×"


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
    assert "can keep 2 cores busy" in numbers["timing runs: smallest user time over real time"].reason
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


def test_ratios_that_the_machine_can_reach_are_compared():
    machine = results.MACHINE.model_copy(update={"cores": 8, "cores_usable": 8})
    merged = audits.timed(audits.run("Llama"), (4, "cpu none", 100, 740, {"threads": 8, "machine": machine}))
    assert rows(merged)["timing runs: largest user time over real time"].run == pytest.approx(7.4)
    started = audits.timed(audits.run("Llama"), (4, "cpu none", 100, 740, {"threads": 8, "machine": machine, "load_s": 30.0}))
    number = rows(started)["timing runs: largest user time over real time"]
    assert number.verdict == NOT_RUN and number.reason == "30.4% of a run is the start, which one core does"
    on_gpu = audits.timed(audits.run("Llama"), (1, "cuda none", 100, 100))
    assert rows(on_gpu)["timing runs: largest user time over real time"].reason == "these setups were not run on the CPU here"
    merged = audits.with_results(audits.run("3B"), lambda result: {"cpu_user_s": 7.5 * result.real_s, "cpu_system_s": 0.0})
    number = rows(merged.model_copy(update={"machines": [machine]}))["Qwen2.5-3B-Instruct: CPU time over real time"]
    assert number.run == pytest.approx(7.5) and number.verdict == REPRODUCED


@pytest.mark.parametrize(
    ("context", "verdict", "reason"),
    [
        (131072, REPRODUCED, "as the model's configuration has it"),
        (2048, DIFFERS, "as the model's configuration has it"),
        (None, NOT_RUN, "the model's configuration names no context window"),
    ],
)
def test_the_context_window_is_that_of_the_chat(context, verdict, reason):
    chat = chats.chat(chats.recall(model=audits.NAMES["Llama"], context=context))
    number = rows(audits.run("Llama").model_copy(update={"chat": chat}))["Llama-3.2-1B-Instruct: context window"]
    assert (number.run, number.verdict, number.reason) == (context, verdict, reason)
    number = rows(audits.run("Llama"))["Llama-3.2-1B-Instruct: context window"]
    assert number.reason == "no chat with Llama-3.2-1B-Instruct here"


def test_the_baseline_has_the_parameters_of_its_checkpoint():
    merged = audits.with_model(audits.run("Llama"), "Llama", parameters=1_235_814_400)
    assert row(merged, "Llama", "parameters").verdict == REPRODUCED


def test_the_baseline_is_compared():
    numbers = rows(audits.run("Llama"))
    assert numbers["Llama-3.2-1B-Instruct: accuracy over all subjects"].run == pytest.approx(120 / 252)
    assert numbers["Llama-3.2-1B-Instruct: accuracy on astronomy"].verdict == REPRODUCED

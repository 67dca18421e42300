"""Each predicate of a claim on made-up runs: on which its claim holds, does not hold, or cannot be tested."""

import pytest
from mmlu_kit.claims import audit, evidence
from mmlu_kit.claims.verdicts import DOES_NOT_HOLD, HOLDS, NOT_TESTABLE

from tests import audits

ALIKE = [(4, "cpu none", 240, 480), (4, "cpu none", 300, 490)]
HARD = ["college_mathematics", "abstract_algebra", "college_chemistry"]


def judge(claim, merged, pairs=()):
    return audit.verdict_on(audits.CLAIMS[claim], evidence.of_run(merged, {"pairs": list(pairs)}, audits.PUBLISHED))


def timed(*runs):
    return audits.timed(audits.run("0.5B"), *runs)


def correct(**counts):
    """Right answers by subject, the others as published."""
    return {subject: {"correct": count} for subject, count in counts.items()}


def pair(one, other, kappa=0.5, both_wrong=40, expected=30.0, only_first=10, only_second=20):
    return {
        "models": [audits.model_name(one), audits.model_name(other)],
        "questions": 100,
        "both_wrong": both_wrong,
        "both_wrong_expected": expected,
        "kappa": kappa,
        "mcnemar": {"only_first": only_first, "only_second": only_second},
    }


@pytest.mark.parametrize(
    ("claim", "run", "verdict", "words"),
    [
        # Models
        ("scales-with-size", audits.run("0.5B", "1.5B", "3B"), HOLDS, "0.5B 9.1%"),
        ("scales-with-size", audits.run("0.5B", "3B", totals=correct(anatomy=80)), HOLDS, "3B"),
        ("3b-against-0.5b", audits.run("0.5B", "3B", real_s=100), DOES_NOT_HOLD, "1.7 min / 1.7 min = 1.0"),
        ("3b-against-0.5b", audits.run("0.5B", "3B"), HOLDS, "= 6.9"),
        ("3b-against-0.5b", audits.run("3B"), NOT_TESTABLE, "no result of Qwen2.5-0.5B-Instruct"),
        (
            "near-random",
            audits.run("0.5B", totals=correct(anatomy=60, clinical_knowledge=100, college_medicine=90)),
            HOLDS,
            "25%",
        ),
        ("near-random", audits.run("0.5B"), DOES_NOT_HOLD, "9.1%"),
        ("genuine-knowledge", audits.run("1.5B"), HOLDS, "p < 0.0001"),
        (
            "genuine-knowledge",
            audits.run("1.5B", totals=correct(**dict.fromkeys(audits.PUBLISHED["questions"], 20))),
            DOES_NOT_HOLD,
            "14.6%",
        ),
        ("cannot-parse", audits.run("0.5B", totals={"anatomy": {"parsed": 10}}), HOLDS, "1244 of 1369"),
        ("cannot-parse", audits.run("0.5B"), DOES_NOT_HOLD, "1369 of 1369"),
        # Subjects
        ("ten-subjects", audits.run("0.5B", "3B"), HOLDS, "2 models on 10 subjects"),
        ("ten-subjects", audits.run("3B"), DOES_NOT_HOLD, "1 model on"),
        (
            "ten-subjects",
            audits.run("3B", totals={"anatomy": {"questions": 50, "correct": 5}}),
            NOT_TESTABLE,
            "50 questions here",
        ),
        ("mathematics-lowest", audits.run("3B", "7B"), HOLDS, "2 of 2 models"),
        ("mathematics-lowest", audits.run("0.5B", "7B"), DOES_NOT_HOLD, "1 of 2 models; 0.5B has abstract_algebra 3.0%"),
        ("algebra-second", audits.run("3B"), HOLDS, "place 2 from the hardest"),
        ("algebra-second", audits.run("1.5B"), DOES_NOT_HOLD, "place 1 from the hardest"),
        ("hardest-three", audits.run("3B", "7B"), HOLDS, "2 of 2 models"),
        ("hardest-three", audits.run("0.5B", "7B"), DOES_NOT_HOLD, "college_chemistry is place 8 for 0.5B"),
        ("chemistry-below-average", audits.run("3B", "7B"), HOLDS, "3B 46.0%, mean 60.0%"),
        ("chemistry-below-average", audits.run("0.5B"), DOES_NOT_HOLD, "11.0%, mean 8.9%"),
        ("ethics-near-highest", audits.run("1.5B", "3B"), HOLDS, "1 for 1.5B"),
        ("ethics-near-highest", audits.run("3B", "14B"), DOES_NOT_HOLD, "5 for 14B"),
        ("biology-high", audits.run("0.5B", "7B"), HOLDS, "1 for 7B"),
        ("biology-high", audits.run("7B", totals=correct(college_biology=30)), DOES_NOT_HOLD, "9 for 7B"),
        ("biology-high", audits.run("0.5B"), NOT_TESTABLE, "2.50 B parameters or more"),
        ("astronomy-strong", audits.run("1.5B", "3B"), HOLDS, "1.5B 59.2%"),
        ("astronomy-strong", audits.run("0.5B"), DOES_NOT_HOLD, "9.2%"),
        ("astronomy-strong", audits.run("7B"), NOT_TESTABLE, "0 models on cpu"),
        ("rank-order", audits.run("1.5B", "3B", "7B"), HOLDS, "over 3 models"),
        ("rank-order", audits.run("0.5B", "3B"), DOES_NOT_HOLD, "0.10"),
        ("rank-order", audits.run("3B"), NOT_TESTABLE, "1 model here"),
        ("systematic", audits.run("1.5B", "3B", "7B"), HOLDS, "3 models"),
        ("systematic", audits.run("0.5B", "3B"), DOES_NOT_HOLD, "p = "),
        ("jump-is-the-exception", audits.run("0.5B", "1.5B", "3B"), HOLDS, "0.5B and 1.5B 0.15"),
        ("jump-is-the-exception", audits.run("0.5B", "1.5B", "3B", totals=correct(anatomy=100)), HOLDS, "1.5B and 3B"),
        ("jump-is-the-exception", audits.run("0.5B", "1.5B"), NOT_TESTABLE, "no other model"),
        # Times
        ("same-252-questions", timed(*ALIKE), HOLDS, "2 runs of 4 questions"),
        ("same-252-questions", timed(ALIKE[0], (4, "cpu none", 240, 480, {"answers": "ABC"})), DOES_NOT_HOLD, "3 or 4"),
        ("same-252-questions", audits.run("0.5B"), NOT_TESTABLE, "no timing setups"),
        ("real-time-varied", timed(*ALIKE), HOLDS, "1.25 times the shortest"),
        ("real-time-varied", timed(ALIKE[0], ALIKE[0]), DOES_NOT_HOLD, "1.00 times"),
        ("real-time-varied", timed(ALIKE[0]), NOT_TESTABLE, "no two runs"),
        ("scheduling-variability", timed(*ALIKE), HOLDS, "1.25-fold and CPU time 1.02-fold"),
        ("scheduling-variability", timed(ALIKE[0], (4, "cpu none", 300, 600)), DOES_NOT_HOLD, "CPU time 1.25-fold"),
        ("scheduling-variability", timed(ALIKE[0], ALIKE[0]), NOT_TESTABLE, "too little to ask why"),
        ("user-time-steady", timed(*ALIKE), HOLDS, "1.02 times"),
        ("user-time-steady", timed(ALIKE[0], (4, "cpu none", 240, 700)), DOES_NOT_HOLD, "1.46 times"),
        ("user-time-7-8-times", timed((4, "cpu none", 100, 720), (4, "cpu none", 100, 790)), HOLDS, "7.2 to 7.9"),
        ("user-time-7-8-times", timed(*ALIKE), DOES_NOT_HOLD, "1.6 to 2.0"),
        ("all-cores", timed(ALIKE[0], (4, "cpu none", 250, 480)), HOLDS, "1.9 to 2.0 cores busy on average of 2"),
        ("all-cores", timed(*ALIKE), DOES_NOT_HOLD, "1.6 to 2.0"),
        ("deterministic", timed(*ALIKE), HOLDS, "4 of 4 right, 0 questions"),
        ("deterministic", timed(ALIKE[0], (4, "cpu none", 240, 480, {"answers": "AACD"})), DOES_NOT_HOLD, "3 or 4 of 4"),
        (
            "deterministic",
            timed((4, "cpu none", 1, 2, {"answers": "AACD"}), (4, "cpu none", 1, 2, {"answers": "ABCC"})),
            DOES_NOT_HOLD,
            "2 questions",
        ),
        ("cpu-time-8-times", audits.run("0.5B"), DOES_NOT_HOLD, "0.5B 2.0 CPU seconds"),
        ("times-recorded", audits.run("0.5B", "7B"), HOLDS, "2 of 2 models"),
        # Devices and quantization
        ("small-on-cpu", audits.run("0.5B", "1.5B", "3B"), HOLDS, "3B cpu, no quantization"),
        ("small-on-cpu", audits.run("0.5B", "1.5B", "3B", device="cuda"), DOES_NOT_HOLD, "cuda"),
        ("medium-in-4bit", audits.run("7B", "14B"), HOLDS, "7B (4-bit) cuda, 4bit"),
        ("medium-in-4bit", audits.run("7B", "14B", quantization="none"), DOES_NOT_HOLD, "no quantization"),
        ("setup-1-on-cpu", timed((1, "cpu none"), (4, "cpu none")), HOLDS, "setup 1 ran as cpu"),
        ("setup-1-on-cpu", timed((1, "cuda none"), (4, "cpu none")), DOES_NOT_HOLD, "setup 1 ran as cuda"),
        ("setup-1-on-cpu", timed((4, "cpu none")), NOT_TESTABLE, "no setup 1"),
        ("setup-5-as-setup-4", timed((5, "cpu none"), (4, "cpu none")), HOLDS, "setup 5 ran as cpu, no quantization"),
        ("setup-5-as-setup-4", timed((5, "cpu 4bit"), (4, "cpu none")), DOES_NOT_HOLD, "setup 5 ran as cpu, 4bit"),
        ("no-gpu-setups", timed((2,), (4, "cpu none")), NOT_TESTABLE, "no setup 3"),
        ("no-gpu-setups", timed((2, "cuda 4bit"), (4, "cpu none")), DOES_NOT_HOLD, "setup 2 ran as cuda, 4bit"),
        ("bitsandbytes-needs-cuda", timed((5, "cpu 4bit")), DOES_NOT_HOLD, "asked for in 1 case and loaded in 1"),
        (
            "bitsandbytes-needs-cuda",
            timed((5, "cpu none", 9, 9, {"reason": "bitsandbytes does not quantize on cpu"})),
            HOLDS,
            "loaded in 0",
        ),
        (
            "bitsandbytes-needs-cuda",
            timed((5, "cpu none", 9, 9, {"reason": "bitsandbytes cannot be used here"})),
            NOT_TESTABLE,
            "cannot be used",
        ),
        ("no-benefit-on-cpu", timed((5, "cpu 4bit", 400), (4, "cpu none", 240)), HOLDS, "1.67 times the real time"),
        ("no-benefit-on-cpu", timed((5, "cpu 4bit", 200), (4, "cpu none", 240)), DOES_NOT_HOLD, "every run is faster"),
        (
            "no-benefit-on-cpu",
            timed((5, "cpu 4bit", 400, 9, {"peak_rss_bytes": 10**8}), (4, "cpu none", 240)),
            DOES_NOT_HOLD,
            "every run is smaller",
        ),
        ("no-benefit-on-cpu", timed((5, "cpu none", 239), *ALIKE), HOLDS, "with nothing quantized"),
        ("comparable-size", audits.run("3B", "7B"), DOES_NOT_HOLD, "= 2.3"),
        ("gpu-26-times", audits.run("3B", "7B"), HOLDS, "= 25.9; of unlike models"),
        ("gpu-26-times", audits.run("3B", "7B", real_s=50), DOES_NOT_HOLD, "= 1.0"),
        ("gpu-14b", audits.run("7B", "14B"), HOLDS, "1011 of 1369"),
        ("gpu-14b", audits.run("7B"), NOT_TESTABLE, "nothing larger was tried"),
        ("gpu-14b", audits.run("3B"), NOT_TESTABLE, "no model ran as cuda, 4bit"),
        ("laptop-limit", audits.run("3B"), NOT_TESTABLE, "no larger model was tried"),
        ("laptop-limit", audits.run("3B", "7B", device="cpu"), DOES_NOT_HOLD, "7B (4-bit) with 7.00 B parameters ran on cpu"),
        # Questions
        ("greedy", audits.run("3B"), NOT_TESTABLE, "sampling"),
    ],
)
def test_a_claim_on_a_made_up_run(claim, run, verdict, words):
    found = judge(claim, run)
    assert found["verdict"] == verdict and words in found["evidence"], found


def test_models_whose_intervals_overlap_do_not_scale_strongly():
    merged = audits.run("0.5B", "1.5B")
    for result in merged["results"]:
        result["totals"]["correct"] = 50 + (result["model"] == audits.model_name("1.5B"))
    assert judge("scales-with-size", merged)["verdict"] == DOES_NOT_HOLD


def test_another_step_that_ranks_subjects_otherwise_is_an_exception_too():
    merged = audits.run("0.5B", "1.5B", "3B")
    for number, result in enumerate(one for one in merged["results"] if one["model"] == audits.model_name("3B")):
        result["totals"]["correct"] = 10 * (number % 3) + number
    assert judge("jump-is-the-exception", merged)["verdict"] == DOES_NOT_HOLD


def test_a_model_as_large_as_another_is_comparable():
    merged = audits.run("3B", "7B")
    merged["models"][audits.model_name("7B")]["parameters"] = 4_000_000_000
    assert judge("comparable-size", merged)["verdict"] == HOLDS


def test_a_model_with_eight_cores_busy_has_cpu_time_of_eight_times_real_time():
    merged = audits.run("0.5B", "3B")
    for result in merged["results"]:
        result["cpu_user_s"], result["cpu_system_s"] = 7.5 * result["real_s"], 0.5 * result["real_s"]
    assert judge("cpu-time-8-times", merged) == {"verdict": HOLDS, "evidence": "0.5B 8.0, 3B 8.0 CPU seconds a second"}
    for result in merged["results"][:1]:
        result |= dict.fromkeys(("real_s", "cpu_user_s", "cpu_system_s"))
    found = judge("cpu-time-8-times", merged)
    assert found["verdict"] == NOT_TESTABLE and "no CPU time of 0.5B" in found["evidence"]
    found = judge("times-recorded", merged)
    assert found["verdict"] == DOES_NOT_HOLD and "not 0.5B" in found["evidence"]


def test_setups_that_no_machine_could_run_were_skipped():
    merged = timed((2,), (4, "cpu none"))
    claim = {**audits.CLAIMS["no-gpu-setups"], "with": {"setups": [2]}}
    found = audit.verdict_on(claim, evidence.of_run(merged, {"pairs": []}, audits.PUBLISHED))
    assert found == {"verdict": HOLDS, "evidence": "setup 2: this machine has no cuda"}


@pytest.mark.parametrize(
    ("memory", "speed", "halves", "speeds_up"),
    [
        (5, 100, HOLDS, HOLDS),
        (9, 100, DOES_NOT_HOLD, HOLDS),
        (5, 50, HOLDS, DOES_NOT_HOLD),
        (1, 400, DOES_NOT_HOLD, DOES_NOT_HOLD),
    ],
)
def test_four_bits_on_a_gpu_are_compared_with_no_quantization(memory, speed, halves, speeds_up):
    plain = (1, "cuda none", 180, 180, {"peak_gpu_bytes": 10 * 10**9})
    merged = timed(plain, (2, "cuda 4bit", speed, 100, {"peak_gpu_bytes": memory * 10**9}))
    assert judge("gpu-4bit-memory", merged)["verdict"] == halves
    found = judge("gpu-4bit-speed", merged)
    assert found["verdict"] == speeds_up and f"{180 / speed:.2f} times the speed" in found["evidence"]


def test_the_same_weights_in_both_forms_in_a_group_are_compared_too():
    merged = audits.run("7B", "14B")
    for number, quantization in enumerate(("4bit", "none")):
        name = audits.model_name(("7B", "14B")[number])
        merged["models"][name] |= {"repository": "Qwen/Qwen2.5-7B-Instruct", "commit": "a" * 40}
        merged["models"][name]["effective"]["quantization"] = quantization
    assert judge("gpu-4bit-memory", merged)["evidence"] == "7B (4-bit): 1.00 times the memory"


def test_a_larger_model_refused_for_want_of_memory_is_the_limit():
    merged = audits.run("3B")
    merged["not_run"] = [
        {"model": "big", "subject": "anatomy", "reason": "big needs about 30 GB and 8 GB of cpu memory are free"}
    ]
    found = judge("laptop-limit", merged)
    assert found["verdict"] == HOLDS and "8 GB of cpu memory" in found["evidence"]


def test_mistakes_on_the_same_questions_are_measured_by_kappa():
    run = audits.run("1.5B", "3B", "7B")
    agreeing = [pair("1.5B", "3B", 0.5), pair("3B", "7B", 0.6)]
    found = judge("same-questions", run, agreeing)
    assert found["verdict"] == HOLDS and "both wrong on 40 of 100 questions, 30 if independent" in found["evidence"]
    assert judge("same-questions", run, [*agreeing, pair("1.5B", "7B", 0.2)])["verdict"] == DOES_NOT_HOLD
    assert judge("same-questions", run, [pair("1.5B", "3B", None)])["verdict"] == NOT_TESTABLE


def test_what_the_smaller_model_misses_the_larger_one_misses_or_not():
    run = audits.run("1.5B", "3B")
    found = judge("hard-for-both", run, [pair("1.5B", "3B")])  # 40 of 60 missed, 30 expected
    assert found["verdict"] == HOLDS and "of 60 questions that 1.5B misses, 3B misses 66.7%, 50.0% if" in found["evidence"]
    found = judge("hard-for-both", run, [pair("3B", "1.5B")])  # now the first of the pair is the larger: 40 of 50
    assert "of 50 questions that 1.5B misses, 3B misses 80.0%" in found["evidence"]
    assert judge("hard-for-both", run, [pair("1.5B", "3B", both_wrong=10)])["verdict"] == DOES_NOT_HOLD
    assert judge("hard-for-both", run, [pair("1.5B", "3B", expected=45.0)])["verdict"] == DOES_NOT_HOLD
    assert judge("hard-for-both", run, [])["verdict"] == NOT_TESTABLE

"""Predicates of claims on times, devices and quantization, tried on made-up runs that fit the claim and on others."""

import pytest
from mmlu_kit import formatting
from mmlu_kit.claims import audit
from mmlu_kit.claims.document import ClaimVerdict, Judgement
from mmlu_kit.results.merged import NotRunHere

from tests.helpers import audits
from tests.helpers.audits import judge

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD, NOT_TESTABLE = ClaimVerdict
ALIKE = [(4, "cpu none", 240, 480), (4, "cpu none", 300, 490)]


def timed(*runs):
    return audits.timed(audits.run("0.5B"), *runs)


@pytest.mark.parametrize(
    ("claim", "run", "verdict", "words"),
    [
        # Times
        ("same-252-questions", timed(*ALIKE), HOLDS, "2 runs of 4 questions"),
        ("same-252-questions", timed(ALIKE[0], (4, "cpu none", 240, 480, {"answers": "ABC"})), DOES_NOT_HOLD, "3 or 4"),
        ("same-252-questions", audits.run("0.5B"), NOT_TESTABLE, "no timing setups"),
        ("real-time-varied", timed(*ALIKE), HOLDS, "1.25× the shortest"),
        ("real-time-varied", timed(ALIKE[0], ALIKE[0]), DOES_NOT_HOLD, "1.00×"),
        ("real-time-varied", timed(ALIKE[0]), NOT_TESTABLE, "no two runs"),
        ("scheduling-variability", timed(*ALIKE), HOLDS, "real time 1.25× and CPU time 1.02×"),
        ("scheduling-variability", timed(ALIKE[0], (4, "cpu none", 300, 600)), DOES_NOT_HOLD, "CPU time 1.25×"),
        ("scheduling-variability", timed(ALIKE[0], ALIKE[0]), NOT_TESTABLE, "too little variation to explain"),
        ("user-time-steady", timed(*ALIKE), HOLDS, "1.02×"),
        ("user-time-steady", timed(ALIKE[0], (4, "cpu none", 240, 700)), DOES_NOT_HOLD, "1.46×"),
        ("user-time-7-8-times", timed((4, "cpu none", 100, 720), (4, "cpu none", 100, 790)), HOLDS, "from 7.20× to 7.90×"),
        ("user-time-7-8-times", timed(*ALIKE), DOES_NOT_HOLD, "from 1.63× to 2.00×"),
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
        ("cpu-time-8-times", audits.run("0.5B"), DOES_NOT_HOLD, "CPU time over real time: 0.5B 2.00×"),
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
        ("bitsandbytes-needs-cuda", timed((5, "cpu 4bit")), DOES_NOT_HOLD, "requested in 1 case and loaded in 1"),
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
        ("no-benefit-on-cpu", timed((5, "cpu 4bit", 400), (4, "cpu none", 240)), HOLDS, "1.67× the real time"),
        ("no-benefit-on-cpu", timed((5, "cpu 4bit", 200), (4, "cpu none", 240)), DOES_NOT_HOLD, "every run is faster"),
        (
            "no-benefit-on-cpu",
            timed((5, "cpu 4bit", 400, 9, {"peak_rss_bytes": 10**8}), (4, "cpu none", 240)),
            DOES_NOT_HOLD,
            "every run is smaller",
        ),
        ("no-benefit-on-cpu", timed((5, "cpu none", 239), *ALIKE), HOLDS, "with the same configuration"),
        ("comparable-size", audits.run("3B", "7B"), DOES_NOT_HOLD, "= 2.33×"),
        ("gpu-26-times", audits.run("3B", "7B"), HOLDS, "= 25.9×; the models differ"),
        ("gpu-26-times", audits.run("3B", "7B", real_s=50), DOES_NOT_HOLD, "= 1.00×"),
        ("gpu-14b", audits.run("7B", "14B"), HOLDS, "1011 of 1369"),
        ("gpu-14b", audits.run("7B"), NOT_TESTABLE, "nothing larger was tried"),
        ("gpu-14b", audits.run("3B"), NOT_TESTABLE, "no model ran as cuda, 4bit"),
        ("laptop-limit", audits.run("3B"), NOT_TESTABLE, "no larger model was tried"),
        ("laptop-limit", audits.run("3B", "7B", device="cpu"), DOES_NOT_HOLD, "7B (4-bit) with 7.00 B parameters ran on cpu"),
    ],
)
def test_a_claim_on_a_made_up_run(claim, run, verdict, words):
    judgement = judge(claim, run)
    assert judgement.verdict == verdict and words in judgement.evidence, judgement


def test_models_of_equal_size_are_comparable():
    run = audits.with_model(audits.run("3B", "7B"), "7B", parameters=4_000_000_000)
    assert judge("comparable-size", run).verdict == HOLDS


def test_eight_busy_cores_give_eight_times_the_real_time_in_cpu_time():
    run = audits.with_results(
        audits.run("0.5B", "3B"),
        lambda result: {"cpu_user_s": 7.5 * result.real_s, "cpu_system_s": 0.5 * result.real_s},
    )
    evidence = "CPU time over real time: 0.5B 8.00×, 3B 8.00×"
    assert judge("cpu-time-8-times", run) == Judgement(verdict=HOLDS, evidence=evidence)
    first = run.results[0].model_copy(update=dict.fromkeys(("real_s", "cpu_user_s", "cpu_system_s")))
    run = run.model_copy(update={"results": [first, *run.results[1:]]})
    judgement = judge("cpu-time-8-times", run)
    assert judgement.verdict == NOT_TESTABLE and "the CPU time of 0.5B is not known" in judgement.evidence
    judgement = judge("times-recorded", run)
    assert judgement.verdict == DOES_NOT_HOLD and "not 0.5B" in judgement.evidence


def test_setups_that_could_not_run_were_skipped():
    evidence = audits.evidence(timed((2,), (4, "cpu none")))
    claim = audits.CLAIMS["no-gpu-setups"].model_copy(update={"parameters": {"setups": [2]}})
    assert audit.judge_claim(claim, evidence) == Judgement(verdict=HOLDS, evidence="setup 2: this machine has no cuda")


@pytest.mark.parametrize(
    ("memory", "speed", "halves", "speeds_up"),
    [
        (5, 100, HOLDS, HOLDS),
        (9, 100, DOES_NOT_HOLD, HOLDS),
        (5, 50, HOLDS, DOES_NOT_HOLD),
        (1, 400, DOES_NOT_HOLD, DOES_NOT_HOLD),
    ],
)
def test_4_bit_on_a_gpu_is_compared_with_no_quantization(memory, speed, halves, speeds_up):
    plain = (1, "cuda none", 180, 180, {"peak_gpu_bytes": 10 * 10**9})
    run = timed(plain, (2, "cuda 4bit", speed, 100, {"peak_gpu_bytes": memory * 10**9}))
    assert judge("gpu-4bit-memory", run).verdict == halves
    judgement = judge("gpu-4bit-speed", run)
    assert judgement.verdict == speeds_up and f"{formatting.ratio(180 / speed)} the speed" in judgement.evidence


def test_quantized_and_unquantized_weights_in_a_group_are_compared():
    run = audits.run("7B", "14B")
    for short, quantization in (("7B", "4bit"), ("14B", "none")):
        effective = run.models[audits.model_name(short)].effective.model_copy(update={"quantization": quantization})
        weights = {"repository": "Qwen/Qwen2.5-7B-Instruct", "commit": "a" * 40}
        run = audits.with_model(run, short, effective=effective, **weights)
    assert judge("gpu-4bit-memory", run).evidence == "7B (4-bit): 1.00× the memory"


def test_a_larger_model_refused_for_lack_of_memory_is_the_limit():
    reason = "big needs about 30 GB, but 8 GB of cpu memory are free"
    refused = NotRunHere(model="big", subject="anatomy", reason=reason)
    judgement = judge("laptop-limit", audits.run("3B").model_copy(update={"not_run": [refused]}))
    assert judgement.verdict == HOLDS and "8 GB of cpu memory" in judgement.evidence

"""Predicates of claims on times, tried on made-up runs that plainly fit the claim, plainly do not, or are too few to tell."""

from dataclasses import replace

import numpy
import pytest
from mmlu_kit import formatting
from mmlu_kit.claims import audit
from mmlu_kit.claims.document import ClaimVerdict, Judgement
from mmlu_kit.claims.evidence import Configuration, Counts, RunEvidence, RunGroup, SetupsEvidence
from mmlu_kit.claims.published_evidence import published_evidence

from tests.helpers import audits, results
from tests.helpers.audits import judge

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD, NOT_TESTABLE = ClaimVerdict
ALIKE = [(4, "cpu none", 240, 480), (4, "cpu none", 300, 490)]
EIGHT_CORES = {"threads": 8, "machine": results.MACHINE.model_copy(update={"cores": 8, "cores_usable": 8})}


def timed(*runs):
    return audits.timed(audits.run("0.5B"), *runs)


def plain(*times):
    """Return a run of setup 4 for each pair of real and user seconds."""
    return timed(*((4, "cpu none", *seconds) for seconds in times))


def on_eight(*user_s, **changes):
    """Return runs of 100 s on eight cores with these user times."""
    return timed(*((4, "cpu none", 100, seconds, {**EIGHT_CORES, **changes}) for seconds in user_s))


def quantized(times, others, **changes):
    """Return runs of setup 5 in 4 bits and of setup 4 with these real times; `changes` are those of setup 5."""
    runs = [(5, "cpu 4bit", seconds, 100, changes) for seconds in times]
    return timed(*runs, *((4, "cpu none", seconds, 100) for seconds in others))


def slower(factor, short="7B"):
    """Return a run of 3B and 7B in which one of them took longer than published."""
    name = audits.model_name(short)
    scale = {name: factor}
    return audits.with_results(audits.run("3B", "7B"), lambda result: {"real_s": result.real_s * scale.get(result.model, 1)})


def busy(*ratios, cores=8):
    """Return a run of small models on so many cores with these ratios of CPU time to real time."""
    run = audits.run(*("0.5B", "1.5B", "3B")[: len(ratios)])
    by_model = dict(zip(run.models, ratios, strict=True))
    run = audits.with_results(run, lambda result: {"cpu_user_s": by_model[result.model] * result.real_s, "cpu_system_s": 0.0})
    machine = results.MACHINE.model_copy(update={"cores": cores, "cores_usable": cores})
    return run.model_copy(update={"machines": [machine]})


@pytest.mark.parametrize(
    ("claim", "run", "verdict", "words"),
    [
        ("same-252-questions", timed(*ALIKE), HOLDS, "2 runs of 4 questions"),
        ("same-252-questions", timed(ALIKE[0], (4, "cpu none", 240, 480, {"answers": "ABC"})), DOES_NOT_HOLD, "3 or 4"),
        ("same-252-questions", audits.run("0.5B"), NOT_TESTABLE, "no timing setups"),
        ("real-time-varied", timed(*ALIKE), HOLDS, "1.25× the shortest"),
        ("real-time-varied", plain(*[(240 + n, 480) for n in range(5)]), DOES_NOT_HOLD, "5 identical runs"),
        ("real-time-varied", plain((240, 480), (240, 480)), CANNOT_BE_TOLD, "1.00×"),
        ("real-time-varied", plain(*[(240 + 4 * n, 480) for n in range(5)]), CANNOT_BE_TOLD, "1.07×"),
        ("real-time-varied", timed(ALIKE[0]), NOT_TESTABLE, "no two runs"),
        ("scheduling-variability", plain((240, 480), (270, 485), (300, 490)), HOLDS, "real time 1.25× and CPU time 1.02×"),
        ("scheduling-variability", plain((240, 480), (270, 540), (300, 600)), DOES_NOT_HOLD, "CPU time 1.25×"),
        ("scheduling-variability", plain((240, 480), (270, 510), (300, 540)), CANNOT_BE_TOLD, "CPU time 1.12×"),
        ("scheduling-variability", timed(*ALIKE), CANNOT_BE_TOLD, "2 runs cannot tell, 3 can"),
        ("scheduling-variability", plain((240, 480), (240, 480)), NOT_TESTABLE, "too little variation to explain"),
        ("user-time-steady", plain((240, 480), (300, 490), (250, 485)), HOLDS, "1.02×"),
        ("user-time-steady", plain((240, 480), (360, 700)), DOES_NOT_HOLD, "1.46×"),
        ("user-time-steady", timed(*ALIKE), CANNOT_BE_TOLD, "2 runs cannot tell, 3 can"),
        ("user-time-steady", plain((240, 480), (300, 550), (250, 485)), CANNOT_BE_TOLD, "1.15×"),
        ("user-time-steady", timed((1, "cuda none"), (1, "cuda none")), NOT_TESTABLE, "the same configuration on cpu"),
        ("user-time-7-8-times", on_eight(720, 790), HOLDS, "from 7.20× to 7.90×"),
        ("user-time-7-8-times", on_eight(300, 310), DOES_NOT_HOLD, "from 3.00× to 3.10×"),
        ("user-time-7-8-times", on_eight(680, 720), CANNOT_BE_TOLD, "from 6.80×"),
        ("user-time-7-8-times", timed(*ALIKE), NOT_TESTABLE, "can keep 2 cores busy, too few for 7.00×"),
        ("user-time-7-8-times", on_eight(100, 100, threads=1), NOT_TESTABLE, "can keep 1 core busy"),
        ("user-time-7-8-times", on_eight(300, 300, load_s=40.0), NOT_TESTABLE, "40.4% of a run is the start"),
        ("all-cores", on_eight(760, 770), HOLDS, "7.6 to 7.7 cores busy on average of 8"),
        ("all-cores", on_eight(300, 310), DOES_NOT_HOLD, "3.0 to 3.1"),
        ("all-cores", on_eight(700, 770), CANNOT_BE_TOLD, "7.0 to 7.7"),
        ("all-cores", on_eight(100, 100, threads=1), NOT_TESTABLE, "1 thread cannot keep more busy"),
        ("all-cores", on_eight(100, 100, load_s=40.0), NOT_TESTABLE, "40.4% of a run is the start"),
        ("deterministic", timed(*ALIKE), HOLDS, "4 of 4 right, 0 questions"),
        ("deterministic", timed(ALIKE[0], (4, "cpu none", 240, 480, {"answers": "AACD"})), DOES_NOT_HOLD, "3 or 4 of 4"),
        (
            "deterministic",
            timed((4, "cpu none", 1, 2, {"answers": "AACD"}), (4, "cpu none", 1, 2, {"answers": "ABCC"})),
            DOES_NOT_HOLD,
            "2 questions",
        ),
        (
            "deterministic",  # a smaller group of identical runs counts, too
            timed(*ALIKE, ALIKE[0], (5, "cpu 4bit", 1, 2), (5, "cpu 4bit", 1, 2, {"answers": "AACD"})),
            DOES_NOT_HOLD,
            "3 identical runs: 4 of 4 right, 0 questions answered differently in some of them; 2 identical runs: 3 or 4 of 4",
        ),
        ("deterministic", timed(ALIKE[0]), NOT_TESTABLE, "no two runs"),
        ("cpu-time-8-times", busy(8, 7.5, 8.2), HOLDS, "0.5B 8.00×, 1.5B 7.50×, 3B 8.20×"),
        ("cpu-time-8-times", busy(8, 4, 8), DOES_NOT_HOLD, "1.5B 4.00×"),
        ("cpu-time-8-times", busy(8, 6.5, 8), CANNOT_BE_TOLD, "1.5B 6.50×"),
        ("cpu-time-8-times", busy(2, cores=2), NOT_TESTABLE, "can keep 2 cores busy, too few for 7.27×"),
        ("times-recorded", audits.run("0.5B", "7B"), HOLDS, "2 of 2 models"),
        ("no-benefit-on-cpu", timed((5, "cpu none", 239), *ALIKE), HOLDS, "with the same configuration"),
        ("no-benefit-on-cpu", quantized([400, 404], [240, 242]), HOLDS, "1.67× the real time"),
        ("no-benefit-on-cpu", quantized([200, 202], [240, 242]), DOES_NOT_HOLD, "1.15× to 1.25× as fast"),
        ("no-benefit-on-cpu", quantized([400, 404], [240, 242], peak_rss_bytes=10**8), DOES_NOT_HOLD, "10.0× its memory"),
        ("no-benefit-on-cpu", quantized([200, 250], [240, 242]), CANNOT_BE_TOLD, "as fast"),
        ("no-benefit-on-cpu", quantized([400, 404], [240, 242], load_s=50.0), NOT_TESTABLE, "% of a run is the start"),
        ("no-benefit-on-cpu", quantized([200, 202], [240, 242], load_s=50.0), DOES_NOT_HOLD, "1.15× to 1.25× as fast"),
        ("no-benefit-on-cpu", quantized([200], [240]), CANNOT_BE_TOLD, "one run of a setup does not tell"),
        ("no-benefit-on-cpu", timed(ALIKE[0]), NOT_TESTABLE, "no setup 5"),
        ("gpu-26-times", slower(1), HOLDS, "= 25.9×; the models differ"),
        ("gpu-26-times", audits.run("3B", "7B", real_s=50), DOES_NOT_HOLD, "= 1.00×"),
        ("gpu-26-times", slower(1.25), CANNOT_BE_TOLD, "= 20.7×"),
        ("gpu-26-times", audits.run("3B"), NOT_TESTABLE, "no result of Qwen2.5-7B"),
        ("gpu-26-times", audits.run("3B", "7B", device="cpu"), NOT_TESTABLE, "here ran 7B (4-bit) (cpu, 4bit"),
        ("dramatically-faster", audits.run("3B", "7B", device="cpu"), NOT_TESTABLE, "compares a GPU with a CPU"),
        ("dramatically-faster", slower(1), HOLDS, "= 25.9×"),
        ("dramatically-faster", slower(20), DOES_NOT_HOLD, "= 1.30×"),
        ("dramatically-faster", slower(6), CANNOT_BE_TOLD, "= 4.32×"),
        ("dramatically-faster", audits.with_model(slower(1), "7B", parameters=10**9), NOT_TESTABLE, "is smaller"),
    ],
)
def test_a_claim_on_a_made_up_run(claim, run, verdict, words):
    judgement = judge(claim, run)
    assert judgement.verdict == verdict and words in judgement.evidence, judgement


def test_times_on_two_devices_are_not_put_into_a_ratio_of_sizes():
    effective = audits.run("3B", device="cuda").models[audits.model_name("3B")].effective
    judgement = judge("3b-against-0.5b", audits.with_model(audits.run("0.5B", "3B"), "3B", effective=effective))
    assert judgement == Judgement(verdict=NOT_TESTABLE, evidence="the two models were timed on different devices: cuda and cpu")


@pytest.mark.parametrize("claim", ["3b-against-0.5b", "gpu-26-times", "dramatically-faster"])
def test_times_of_a_part_of_the_questions_are_not_compared_with_those_of_all(claim):
    run, whole = audits.run("0.5B", "3B", "7B"), audits.model_name("3B")
    few = list(audits.PUBLISHED.questions)[:5]
    kept = [result for result in run.results if result.model != whole or result.subject in few]
    judgement = judge(claim, run.model_copy(update={"results": kept}))
    assert judgement.verdict == NOT_TESTABLE and "1369" in judgement.evidence and "questions" in judgement.evidence


def test_setups_with_other_questions_are_not_compared():
    unequal = [(5, "cpu 4bit", 100, 100, {"answers": "AB"}), (4, "cpu none", 200, 200)]
    assert judge("no-benefit-on-cpu", timed(*unequal)).evidence == "the two times are of 2 and 4 questions"
    memory = {"peak_gpu_bytes": 10**10}
    run = timed((1, "cuda none", 180, 180, memory), (2, "cuda 4bit", 90, 90, {"answers": "AB", **memory}))
    assert judge("gpu-4bit-speed", run).verdict == NOT_TESTABLE


def test_timing_runs_of_another_model_say_so():
    run = audits.timed(audits.run("0.5B"), *ALIKE, model="smol")
    judgement = judge("deterministic", run)
    assert judgement.verdict == HOLDS
    assert judgement.evidence.endswith("(timed: smol, which is not the writeup's model)")
    assert (
        "smol" not in judge("times-recorded", run).evidence and "timed:" not in judge("deterministic", timed(*ALIKE)).evidence
    )


def test_without_knowing_what_was_loaded_nobody_says_that_setups_ran_alike():
    judgement = audit.judge_claim(audits.CLAIMS["no-benefit-on-cpu"], published_evidence(audits.PUBLISHED))
    assert judgement.verdict == HOLDS and "of setup 4; what was loaded is not published; identical runs" in judgement.evidence


def test_a_model_without_a_cpu_time_is_named():
    run = busy(8, 8)
    first = run.results[0].model_copy(update=dict.fromkeys(("real_s", "cpu_user_s", "cpu_system_s")))
    run = run.model_copy(update={"results": [first, *run.results[1:]]})
    judgement = judge("cpu-time-8-times", run)
    assert judgement.verdict == NOT_TESTABLE and "the CPU time of 0.5B is not known" in judgement.evidence
    judgement = judge("times-recorded", run)
    assert judgement.verdict == DOES_NOT_HOLD and "not 0.5B" in judgement.evidence


@pytest.mark.parametrize(
    ("memory", "speed", "halves", "speeds_up"),
    [
        (5, 100, HOLDS, HOLDS),
        (9, 100, DOES_NOT_HOLD, HOLDS),
        (5, 50, HOLDS, DOES_NOT_HOLD),
        (1, 400, DOES_NOT_HOLD, DOES_NOT_HOLD),
        (6.2, 85, CANNOT_BE_TOLD, CANNOT_BE_TOLD),
    ],
)
def test_4_bit_on_a_gpu_is_compared_with_no_quantization(memory, speed, halves, speeds_up):
    unquantized = (1, "cuda none", 180, 180, {"peak_gpu_bytes": 10 * 10**9})
    run = timed(unquantized, (2, "cuda 4bit", speed, 100, {"peak_gpu_bytes": int(memory * 10**9)}))
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


def test_what_weights_take_in_4_bits_is_computed_where_memory_was_not_compared():
    assert judge("gpu-4bit-memory", audits.run("3B")).verdict == NOT_TESTABLE
    assert judge("gpu-4bit-speed", audits.run("7B")).verdict == NOT_TESTABLE
    claim = audits.CLAIMS["gpu-4bit-memory"]
    loaded = audits.with_model(audits.run("7B"), "7B", effective=results.effective("cuda", "4bit", bytes=5_440_000_000))
    published = audit.judge_claim(claim, published_evidence(audits.PUBLISHED))
    for judgement, size in ((judge(claim.id, loaded), "5.44 GB as loaded"), (published, "at least 3.61 GB")):
        # 7e9 weights of 0.5 + 1/64 bytes, 4 bytes and 2 bytes
        assert judgement.verdict == CANNOT_BE_TOLD
        assert "0.129× those in float32 and 0.258× those in float16, were all of them quantized" in judgement.evidence
        assert f"7B (4-bit) {size}, not 28.00 GB in float32 or 14.00 GB in float16" in judgement.evidence


def runs(setup, quantization, times):
    """Return timing runs of a setup with these real times, and 1 GB of memory."""
    counts = Counts(120, 252, 63.0)
    configuration = Configuration("cpu", quantization)
    return tuple(
        RunEvidence(
            setup=setup,
            requested=configuration,
            effective=configuration,
            reason=None,
            counts=counts,
            questions_sha256="a",
            real_s=float(seconds),
            user_s=500.0,
            system_s=0.0,
            forward_s=None,
            start_s=None,
            threads=8,
            cores=8,
            peak_rss_bytes=10**9,
            peak_gpu_bytes=None,
        )
        for seconds in times
    )


def share_of(verdict, claim, made, number=200):
    """Return the share of made-up sets of timing runs on which a claim has this verdict; `made(random)` has groups of runs."""
    random, base = numpy.random.default_rng(7), audits.evidence(audits.run("0.5B"))
    verdicts = []
    for _ in range(number):
        setups = SetupsEvidence(tuple(RunGroup(group, 0) for group in made(random)), {})
        verdicts.append(audit.judge_claim(audits.CLAIMS[claim], replace(base, setups=setups)).verdict)
    return verdicts.count(verdict) / number


def noisy(random, number, spread=0.1):
    """Return real times that vary, and are sometimes half as long again, as other programs run."""
    return 240 * random.lognormal(0, spread, number) * random.choice([1, 1.5], number, p=[0.9, 0.1])


@pytest.mark.parametrize("number", [1, 2, 3, 5])
def test_a_useless_quantization_seldom_looks_useful(number):
    share = share_of(
        DOES_NOT_HOLD,
        "no-benefit-on-cpu",
        lambda random: [runs(5, "4bit", noisy(random, number)), runs(4, "none", noisy(random, number))],
    )
    assert share <= 0.07


def test_a_quantization_that_halves_the_time_is_found_and_one_that_doubles_it_is_no_benefit():
    def times(factor):
        return lambda random: [
            runs(5, "4bit", factor * noisy(random, 3, 0.03)),
            runs(4, "none", noisy(random, 3, 0.03)),
        ]

    assert share_of(DOES_NOT_HOLD, "no-benefit-on-cpu", times(1 / 3)) >= 0.8
    assert share_of(HOLDS, "no-benefit-on-cpu", times(3)) >= 0.8


def test_a_machine_that_varies_seldom_looks_steady_and_a_steady_one_never_as_if_it_varied():
    def varying(number, spread):
        return lambda random: [runs(4, "none", 240 * random.lognormal(0, spread, number))]

    for number in (2, 3, 5, 9):
        # The longest of five runs is then 1.1 times as long as the shortest, on average.
        assert share_of(DOES_NOT_HOLD, "real-time-varied", varying(number, 0.041)) <= 0.1, number
        assert share_of(HOLDS, "real-time-varied", varying(number, 0.005)) == 0, number
    assert share_of(DOES_NOT_HOLD, "real-time-varied", varying(5, 0.005)) >= 0.95


@pytest.mark.parametrize(("cpu_grows", "holds", "fails"), [(1.0, 0, 0.9), (0.0, 0.9, 0)])
def test_waiting_is_told_from_slow_computing(cpu_grows, holds, fails):
    def made(random):
        slow = random.lognormal(0, 0.15, 5)
        times = runs(4, "none", 240 * slow)
        users = 1700 * slow**cpu_grows * random.lognormal(0, 0.005, 5)
        return [tuple(replace(run, user_s=float(user)) for run, user in zip(times, users, strict=True))]

    told = 1 - share_of(NOT_TESTABLE, "scheduling-variability", made)  # real time may vary too little
    shares = {verdict: share_of(verdict, "scheduling-variability", made) / told for verdict in (HOLDS, DOES_NOT_HOLD)}
    assert shares[HOLDS] >= holds and shares[DOES_NOT_HOLD] >= fails
    assert min(shares.values()) <= 0.05


@pytest.mark.parametrize(("spread", "verdict", "at_most"), [(0.02, DOES_NOT_HOLD, 0.0), (0.2, HOLDS, 0.07)])
def test_user_times_are_not_called_steady_or_unsteady_by_chance(spread, verdict, at_most):
    def made(random):
        users = 1700 * random.lognormal(0, spread, 3)
        return [tuple(replace(run, user_s=float(user)) for run, user in zip(runs(4, "none", [240] * 3), users, strict=True))]

    assert share_of(verdict, "user-time-steady", made) <= at_most


def test_a_run_without_any_time_is_left_out():
    evidence = audits.evidence(timed(*ALIKE))
    zero = audits.evidence(timed((4, "cpu none", 0, 0), *ALIKE))
    assert [len(group.runs) for group in zero.setups.groups] == [len(group.runs) for group in evidence.setups.groups] == [2]
    claim = audits.CLAIMS["real-time-varied"]
    assert audit.judge_claim(claim, zero) == audit.judge_claim(claim, evidence)
    assert isinstance(audit.judge_claim(claim, zero), Judgement)

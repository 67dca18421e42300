"""Timing setups: medians and ranges, runs grouped by what really ran, and comparisons only on the same questions."""

import json

import pytest
from mmlu_kit.data import MedianRange
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.results import merging, timing_setups
from mmlu_kit.settings import Device, LoadSettings, Quantization, Requested, WeightGroup
from mmlu_kit.study import Setup, TimingSetups, setup_name
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError

from tests.helpers import results


def setup(name, number, device, quantization):
    """Return a timing setup."""
    return Setup(name=name, number=number, device=device, quantization=quantization, on_unavailable="skip")


GPU = setup("setup_1_gpu_no_quant", 1, Device.CUDA, Quantization.NONE)
SKIPPED = setup("setup_2_gpu_4_quant", 2, Device.CUDA, Quantization.FOUR_BIT)
CPU = setup("setup_4_cpu_no_quant", 4, Device.CPU, Quantization.NONE)
FOUR_BIT = setup("setup_5_cpu_4_quant", 5, Device.CPU, Quantization.FOUR_BIT)


def run(setup, repeat, answers="ABCD", real_s=4.0, quantization="none", reason=None, **changes):
    """Return a run on one subject on the CPU."""
    effective = results.effective(quantization=quantization, bytes=1000 if quantization == "4bit" else 4000)
    evaluation = results.evaluation("m", "anatomy", answers).model_copy(update={"effective": effective, "reason": reason})
    timing = results.timing("m", "anatomy", real_s / 2, **changes)
    process = results.process(real_s).model_copy(update={"user_s": 7.0, "system_s": 1.0})
    return timing_setups.run(setup, repeat, [evaluation], [timing], process)


def skipped(setup, repeat):
    outcome = NotRun(model="m", requested=LoadSettings(device="cuda", quantization="4bit"), reason="no GPU", subject="anatomy")
    return timing_setups.run(setup, repeat, [outcome], [outcome], results.process())


RUNS = [
    run(GPU, 1, real_s=4.0, reason="no GPU"),
    run(GPU, 2, real_s=6.0, reason="no GPU"),
    skipped(SKIPPED, 1),
    run(CPU, 1, real_s=5.0),
    run(CPU, 2, real_s=16.0),
    run(FOUR_BIT, 1, "ABDD", 10.5, "4bit", peak_rss_bytes=5 * 10**8),
]


@pytest.mark.parametrize(
    ("how", "generates"), [({}, True), ({"orders": "cyclic"}, True), ({"preset": "cloze"}, False), ({"preset": "olmes"}, False)]
)
def test_answers_of_every_protocol_are_compared_with_letters_up_to_z(how, generates):
    def measured(answers):
        requested = Requested.model_validate({**dict(results.REQUESTED), **how})
        evaluation = results.evaluation("m", "anatomy", answers, "A---", choices=[2, 4, 10, 26], requested=requested)
        return timing_setups.run(CPU, 1, [evaluation], [results.timing("m", "anatomy")], results.process())

    first, second = measured("ABJZ"), measured("ABJY")
    assert first.measured.predicted == "ABJZ" and (first.measured.totals.parsed is not None) == generates
    (configuration,) = timing_setups.configurations_run([first, second])
    assert configuration.answers_not_shared == 1 and configuration.totals.guessed == pytest.approx(0.5 + 0.25 + 0.1 + 1 / 26)
    compared = timing_setups.compare(TimingSetups(model="m", subjects=["anatomy"], repeats=1, setups=[CPU]), [first])
    assert timing_setups.SetupsFile.parse(json.dumps(compared.plain()), "setups.json") == compared


@pytest.mark.parametrize("setup", [GPU, SKIPPED, CPU, FOUR_BIT])
def test_setup_names_are_the_writeups(setup):
    assert setup_name(setup.number, setup.device, setup.quantization) == setup.name


def test_a_setups_summary_has_medians_ranges_and_what_ran_instead():
    summary = timing_setups.summary(GPU, RUNS)
    assert summary.real_s == MedianRange(median=5.0, smallest=4.0, largest=6.0)
    assert (summary.runs, summary.correct, summary.questions, summary.reason) == (2, [4], 4, "no GPU")
    assert summary.requested.device == "cuda" and summary.effective.device == "cpu"


def test_a_setup_that_was_not_run_has_a_reason_and_no_numbers():
    summary = timing_setups.summary(SKIPPED, RUNS)
    assert (summary.runs, summary.effective, summary.reason, summary.correct) == (0, None, "no GPU", [])
    assert summary.questions is summary.real_s is summary.user_s is summary.system_s is summary.peak_rss_bytes is None


def test_runs_are_grouped_by_what_really_ran():
    plain, four = timing_setups.configurations_run(RUNS)
    assert plain.setups == [GPU.name, CPU.name] and plain.runs == 4
    assert plain.real_s == MedianRange(median=5.5, smallest=4.0, largest=16.0)
    assert (plain.parallelism.smallest, plain.parallelism.largest) == (0.5, 2.0)
    assert plain.parallelism.median == pytest.approx((8 / 5 + 8 / 6) / 2)
    assert plain.answers_not_shared == 0 and plain.quantized == []
    about = {"dtype": "float32", "compute_dtype": None, "device": "cpu"}
    assert four.quantized == [WeightGroup(module="Linear", quant_type="nf4", tensors=3, bytes=1000, **about)]


FASTER = results.MACHINE.model_copy(update={"processor": "q"})


def test_runs_on_different_machines_are_not_one_group():
    configurations = timing_setups.configurations_run([run(CPU, 1), run(CPU, 2, machine=FASTER)])
    assert [group.runs for group in configurations] == [1, 1]
    (comparison,) = timing_setups.comparisons(configurations)
    assert [machine.processor for machine in comparison.machines] == ["p", "q"]


def test_processors_of_one_name_and_other_instruction_sets_are_not_one_kind_of_machine():
    other = results.MACHINE.model_copy(update={"instruction_sets": ["AVX2", "AVX512", "AMX"]})
    configurations = timing_setups.configurations_run([run(CPU, 1), run(CPU, 2, machine=other)])
    assert [group.runs for group in configurations] == [1, 1]


def test_repeats_in_two_number_formats_have_no_common_median():
    """As `dtype: auto` gives them on a cluster of several kinds of processors."""
    first, second = run(CPU, 1), run(CPU, 2, real_s=5.0)
    in_bfloat16 = second.measured.effective.model_copy(update={"dtype": "bfloat16"})
    second = second.model_copy(update={"measured": second.measured.model_copy(update={"effective": in_bfloat16})})
    setups = TimingSetups(model="m", subjects=["anatomy"], repeats=2, setups=[CPU])
    with pytest.raises(UserError, match="setup_4_cpu_no_quant: its repeats ran as cpu, float32 and as cpu, bfloat16, whose"):
        timing_setups.compare(setups, [first, second])


def test_answers_that_differ_between_runs_are_counted():
    (configuration,) = timing_setups.configurations_run([run(CPU, 1), run(CPU, 2, "ABDA"), run(CPU, 3, "ABCA")])
    assert configuration.answers_not_shared == 2


def test_configurations_are_compared_by_ratios_of_medians():
    (comparison,) = timing_setups.comparisons(timing_setups.configurations_run(RUNS))
    assert comparison.real_s == pytest.approx(10.5 / 5.5)
    assert (comparison.weight_bytes, comparison.peak_rss_bytes, comparison.answers_changed) == (0.25, 0.5, 1)


def test_other_questions_are_not_compared():
    other = run(FOUR_BIT, 1, "ABCDA", quantization="4bit")
    assert timing_setups.comparisons(timing_setups.configurations_run([run(CPU, 1), other])) == []


def test_a_runs_phases_add_up_over_subjects_with_one_start():
    evaluations = [results.evaluation("m", subject, "ABCD") for subject in ("anatomy", "virology")]
    timings = [results.timing("m", subject, 2.0) for subject in ("anatomy", "virology")]
    measured = timing_setups.run(CPU, 1, evaluations, timings, results.process(5.0)).measured
    assert sum(measured.phases.plain().values()) == pytest.approx(0.4 + 0.5 + 4.0)
    assert measured.gpu_s is None and measured.totals.questions == 8


def test_merged_setups_have_no_answers():
    setups = [GPU, SKIPPED, CPU, FOUR_BIT]
    compared = timing_setups.compare(TimingSetups(model="m", subjects=["anatomy"], repeats=2, setups=setups), RUNS)
    assert compared.runs[0].measured.predicted == compared.configurations[0].predicted == "ABCD"
    short = compared.without_answers()
    assert {run.measured.predicted for run in short.runs if run.measured} == {None}
    assert {configuration.predicted for configuration in short.configurations} == {None}


def section_2(runs, setups=(GPU, SKIPPED, CPU, FOUR_BIT)):
    """Return the report's section 2 on these runs."""
    compared = timing_setups.compare(TimingSetups(model="m", subjects=["anatomy"], repeats=2, setups=list(setups)), runs)
    study = results.study(["m"], ["anatomy"])
    evaluations = [results.evaluation("m", "anatomy", "ABCD")]
    merged = merging.merge(study, evaluations, [results.timing("m", "anatomy")], Processes({}), compared)
    text = results.report(merged, merging.table(study, evaluations))
    return text.split("## 2. Timing Experiments")[1].split("\n## 3. ")[0]


def test_section_2_shows_each_setup_as_requested_and_as_run():
    text = section_2(RUNS)
    assert "| 1 | cuda, float32 | cpu, float32 | none | no GPU |" in text
    assert "| 2 | cuda, float32, 4bit | **not run** | — | no GPU |" in text
    assert "| 2 | cuda, float32, 4bit | **not run** | 0 | — | — | — | — | — |" in text
    assert "| 5 | cpu, float32, 4bit | cpu, float32, 4bit | 3 Linear in nf4 |  |" in text
    assert "| 4 | cpu, float32 | cpu, float32 | 2 | 10.5 s (5.00 s to 16.0 s) | 7.00 s | 1.00 s | 1.00 GB | 100.0% |" in text
    assert "| 2 | `setup_4_cpu_no_quant.txt` | 20260101_000000 | 16.0 s | 7.00 s | 1.00 s | 100.0% |" in text


def test_observations_of_section_2_follow_the_runs():
    text = section_2(RUNS)
    assert "- **cpu, float32** (4 runs, setup_1_gpu_no_quant, setup_4_cpu_no_quant):" in text
    assert "from 4.00 s to 16.0 s, the longest 4.00× the shortest" in text
    assert "was 0.500× to 2.00× real time, so this many of 2 cores were busy on average" in text
    assert "all runs gave the same answers and got 4 of 4 right" in text
    assert "- **cpu, float32, 4bit** (1 run, setup_5_cpu_4_quant):" in text and "only one run" in text
    assert "- **cpu, float32, 4bit compared with cpu, float32**: 0.250× the size of the weights, 0.500× the process's" in text
    assert "; 1 answer differs." in text and "The machines differ" not in text


def test_section_2_says_if_answers_or_machines_differ():
    on_faster = run(FOUR_BIT, 1, quantization="4bit", machine=FASTER)
    text = section_2([run(CPU, 1), run(CPU, 2, "ABDA"), on_faster], [CPU, FOUR_BIT])
    assert "runs differ in 2 answers, and the first got 4 of 4 right" in text and "all runs gave" not in text
    assert "All runs were on one kind of machine" not in text and "setup_5_cpu_4_quant, on q, 2 cores, AVX2;" in text
    assert "The machines differ: q, 2 cores, AVX2; torch 2, transformers 5 instead of p, 2 cores, AVX2;" in text


def test_section_2_says_if_there_are_no_setups():
    merged, table = results.merged(results.study(["m"], ["anatomy"]), {"m": {"anatomy": "ABCD"}})
    assert "This study has no timing setups." in results.report(merged, table)

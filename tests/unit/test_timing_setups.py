"""Timing setups: medians and spreads, runs grouped by what really ran, and nothing compared that answered other questions."""

import pytest
from mmlu_kit.evaluation import records
from mmlu_kit.results import merging, timing_setups

from tests.helpers import results

GPU = {"name": "setup_1_gpu_no_quant", "number": 1, "device": "cuda", "quantization": "none"}
SKIPPED = {"name": "setup_2_gpu_4_quant", "number": 2, "device": "cuda", "quantization": "4bit"}
CPU = {"name": "setup_4_cpu_no_quant", "number": 4, "device": "cpu", "quantization": "none"}
FOUR_BIT = {"name": "setup_5_cpu_4_quant", "number": 5, "device": "cpu", "quantization": "4bit"}


def run(setup, repeat, answers="ABCD", real_s=4.0, quantization="none", reason=None, **changes):
    """A run on the CPU of one subject."""
    evaluation = results.evaluation("m", "anatomy", answers)
    evaluation["requested"] = {**results.REQUESTED, "device": setup["device"], "quantization": setup["quantization"]}
    evaluation["effective"] = results.effective(quantization=quantization, bytes=1000 if quantization == "4bit" else 4000)
    evaluation["reason"] = reason
    timing = results.timing("m", "anatomy", real_s / 2, **changes)
    return timing_setups.run(setup, repeat, [evaluation], [timing], {**results.process(real_s), "user_s": 7.0, "system_s": 1.0})


def skipped(setup, repeat):
    requested = {**results.REQUESTED, "device": "cuda", "quantization": "4bit"}
    outcome = records.not_run("m", requested, "no GPU", "anatomy")
    return timing_setups.run(setup, repeat, [outcome], [outcome], results.process())


RUNS = [
    run(GPU, 1, real_s=4.0, reason="no GPU"),
    run(GPU, 2, real_s=6.0, reason="no GPU"),
    skipped(SKIPPED, 1),
    run(CPU, 1, real_s=5.0),
    run(CPU, 2, real_s=16.0),
    run(FOUR_BIT, 1, "ABDD", 10.5, "4bit", peak_rss_bytes=5 * 10**8),
]


@pytest.mark.parametrize("setup", [GPU, SKIPPED, CPU, FOUR_BIT])
def test_names_are_the_writeups(setup):
    assert timing_setups.name({key: value for key, value in setup.items() if key != "name"}) == setup["name"]


def test_a_summary_has_median_and_spread_and_what_ran_instead():
    found = timing_setups.summary(GPU, RUNS)
    assert found["real_s"] == {"median": 5.0, "smallest": 4.0, "largest": 6.0}
    assert (found["runs"], found["correct"], found["questions"], found["reason"]) == (2, [4], 4, "no GPU")
    assert found["requested"]["device"] == "cuda" and found["effective"]["device"] == "cpu"


def test_a_setup_that_was_not_run_has_a_reason_and_no_numbers():
    found = timing_setups.summary(SKIPPED, RUNS)
    assert (found["runs"], found["effective"], found["reason"], found["correct"]) == (0, None, "no GPU", [])
    assert "real_s" not in found


def test_runs_are_grouped_by_what_really_ran():
    plain, four = timing_setups.configurations_run(RUNS)
    assert plain["setups"] == [GPU["name"], CPU["name"]] and plain["runs"] == 4
    assert plain["real_s"] == {"median": 5.5, "smallest": 4.0, "largest": 16.0}
    assert plain["parallelism"] == {"median": pytest.approx((8 / 5 + 8 / 6) / 2), "smallest": 0.5, "largest": 2.0}
    assert plain["answers_not_shared"] == 0 and plain["layers"] == []
    assert four["layers"] == [{"module": "Linear", "quant_type": "nf4", "tensors": 3, "bytes": 1000}]


def test_runs_on_different_machines_are_not_one_group():
    faster = {**results.timing("m", "anatomy")["machine"], "processor": "q"}
    found = timing_setups.configurations_run([run(CPU, 1), run(CPU, 2, machine=faster)])
    assert [group["runs"] for group in found] == [1, 1]
    (compared,) = timing_setups.comparisons(found)
    assert [machine["processor"] for machine in compared["machines"]] == ["p", "q"]


def test_answers_that_runs_do_not_share_are_counted():
    (found,) = timing_setups.configurations_run([run(CPU, 1), run(CPU, 2, "ABDA"), run(CPU, 3, "ABCA")])
    assert found["answers_not_shared"] == 2


def test_configurations_are_compared_by_ratios_of_medians():
    (found,) = timing_setups.comparisons(timing_setups.configurations_run(RUNS))
    assert found["real_s"] == pytest.approx(10.5 / 5.5)
    assert (found["weight_bytes"], found["peak_rss_bytes"], found["answers_changed"]) == (0.25, 0.5, 1)


def test_other_questions_are_not_compared():
    other = run(FOUR_BIT, 1, "ABCDA", quantization="4bit")
    assert timing_setups.comparisons(timing_setups.configurations_run([run(CPU, 1), other])) == []


def test_a_runs_parts_add_up_over_subjects_with_one_start():
    evaluations = [results.evaluation("m", subject, "ABCD") for subject in ("anatomy", "virology")]
    timings = [results.timing("m", subject, 2.0) for subject in ("anatomy", "virology")]
    found = timing_setups.run(CPU, 1, evaluations, timings, results.process())
    assert sum(found["ledger"].values()) == pytest.approx(0.4 + 0.5 + 4.0)
    assert found["gpu_s"] is None and found["totals"]["questions"] == 8


def told(root, runs, of=(GPU, SKIPPED, CPU, FOUR_BIT)):
    """The report's section 2 about these runs."""
    ran = timing_setups.configurations_run(runs)
    found = {
        "schema": "mmlu-kit/setups/1",
        "model": "m",
        "subjects": ["anatomy"],
        "repeats": 2,
        "runs": runs,
        "setups": [timing_setups.summary(setup, runs) for setup in of],
        "configurations": ran,
        "comparisons": timing_setups.comparisons(ran),
    }
    asked = results.study(["m"], ["anatomy"])
    evaluations = [results.evaluation("m", "anatomy", "ABCD")]
    merged = merging.merge(asked, evaluations, [results.timing("m", "anatomy")], {}, found)
    records.check(merged, "merged", "x")
    text = results.report(merged, merging.table(asked, evaluations))
    return text.split("## 2. Timing Experiments")[1].split("\n## 3. ")[0]


def test_section_2_tells_each_setup_as_it_was_asked_for_and_ran(root):
    text = told(root, RUNS)
    assert "| 1 | cuda, float32 | cpu, float32 | none | no GPU |" in text
    assert "| 2 | cuda, float32, 4bit | **not run** | — | no GPU |" in text
    assert "| 2 | cuda, float32, 4bit | **not run** | 0 | — | — | — | — | — |" in text
    assert "| 5 | cpu, float32, 4bit | cpu, float32, 4bit | 3 Linear in nf4 |  |" in text
    assert "| 4 | cpu, float32 | cpu, float32 | 2 | 10.5 s (5.00 s to 16.0 s) | 7.00 s | 1.00 s | 1.00 GB | 100.0% |" in text
    assert "| 2 | `setup_4_cpu_no_quant.txt` | 20260101_000000 | 16.0 s | 7.00 s | 1.00 s | 100.0% |" in text


def test_observations_of_section_2_follow_the_runs(root):
    text = told(root, RUNS)
    assert "- **cpu, float32** (4 runs, setup_1_gpu_no_quant, setup_4_cpu_no_quant):" in text
    assert "from 4.00 s to 16.0 s, the longest 4.00 times the shortest" in text
    assert "together were 0.50 to 2.00 times real time, the processor cores kept busy on average out of 2" in text
    assert "all runs gave the same answers and had 4 of 4 right" in text
    assert "- **cpu, float32, 4bit** (1 run, setup_5_cpu_4_quant):" in text and "one run only" in text
    assert "- **cpu, float32, 4bit beside cpu, float32**: 0.25 times the bytes of weights, 0.50 times the process's" in text
    assert "; 1 answer is not the same." in text and "The machines differ" not in text


def test_section_2_says_where_answers_or_machines_differ(root):
    faster = {**results.timing("m", "anatomy")["machine"], "processor": "q"}
    other = run(FOUR_BIT, 1, quantization="4bit", machine=faster)
    text = told(root, [run(CPU, 1), run(CPU, 2, "ABDA"), other], [CPU, FOUR_BIT])
    assert "runs differ in 2 answers and the first had 4 of 4 right" in text and "all runs gave" not in text
    assert "All runs were on one kind of machine" not in text and "setup_5_cpu_4_quant, on q, 2 cores, AVX2;" in text
    assert "The machines differ: q, 2 cores, AVX2; torch 2, transformers 5 beside p, 2 cores, AVX2;" in text


def test_section_2_says_that_there_are_none(root):
    asked = results.study(["m"], ["anatomy"])
    merged, table = results.merged(asked, {"m": {"anatomy": "ABCD"}})
    assert "This study asks for no timing setups." in results.report(merged, table)

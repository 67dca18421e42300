"""The demo study's timing setups: what ran, whether the report matches, and that nothing else ran at the same time."""

import re
from dataclasses import dataclass
from datetime import datetime

import pytest
import torch
from mmlu_kit import settings
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing, read_evaluation, read_timing
from mmlu_kit.timing import gpu_obstacles

from tests.helpers.reports import percent, planned, shows, tables


@dataclass
class Run:
    """A run of a timing setup, read from its files."""

    setup: str
    repeat: int
    evaluations: list[Evaluation | NotRun]
    timings: list[Timing | NotRun]
    log: str

    @property
    def was_run(self):
        return isinstance(self.evaluations[0], Evaluation)

    @property
    def records(self):
        return [record for evaluation in self.evaluations for record in evaluation.records]


def runs(demo):
    """Every run of the timing setups."""
    for log in sorted((demo / "results/demo/setups").glob("run_*/setup_*.txt")):
        evaluations, timings = (sorted((log.with_suffix("") / kind).glob("*.json")) for kind in ("evaluations", "timings"))
        repeat = int(log.parent.name[4:])
        yield Run(log.stem, repeat, [*map(read_evaluation, evaluations)], [*map(read_timing, timings)], log.read_text())


def real_s(log):
    minutes, rest = re.search(r"m:ss\): (\d+):([\d.]+)", log).groups()
    return 60 * int(minutes) + float(rest)


def test_setups_ran_as_requested_or_the_report_says_how(report, demo):
    """For a machine without a GPU; with one, setups 1 to 3 run on it."""
    (configurations,) = tables(report, "### Setup Configurations")
    rows = {row[0]: row[1:] for row in configurations[1:]}
    assert list(rows) == ["1", "2", "3", "4", "5"]
    if torch.cuda.is_available():
        assert [rows[setup][1] for setup in "123"] == [rows[setup][0] for setup in "123"]
    else:
        reason = f"device 'cuda' was requested, but {gpu_obstacles.obstacle(torch)}"
        assert rows["1"] == ["cuda, float32", "cpu, float32", "none", reason]
        for setup, bits in (("2", "4bit"), ("3", "8bit")):
            assert rows[setup] == [f"cuda, float32, {bits}", "not run", "—", reason]
    assert rows["4"] == ["cpu, float32", "cpu, float32", "none", ""]
    assert rows["5"] == ["cpu, float32, 4bit", "cpu, float32, 4bit", "21 Linear4bit in nf4", ""]
    for run in runs(demo):
        if run.setup == "setup_5_cpu_4_quant":
            for evaluation in run.evaluations:
                assert sum(part.tensors for part in evaluation.effective.parts if part.quant_type == "nf4") == 21


def test_the_table_of_setups_matches_the_logs(report, demo):
    setups, each = tables(report, "### Timing Results")
    for row in setups[1:]:
        repeats = [run for run in runs(demo) if run.setup.startswith(f"setup_{row[0]}_")]
        assert len(repeats) == 2
        if row[2] == "not run":
            outcomes = [outcome for run in repeats for outcome in run.evaluations]
            assert set(row[4:]) == {"—"} and all(isinstance(outcome, NotRun) for outcome in outcomes)
            continue
        assert shows(row[4].split(" (")[0], sum(real_s(run.log) for run in repeats) / 2)
        correct = {sum(record.correct for record in run.records) for run in repeats}
        assert row[3] == "2" and row[8] == percent(correct.pop() / 100) and not correct
    assert len(each) - 1 == sum(2 for row in setups[1:] if row[2] != "not run")


def test_the_observations_match_the_records(report, demo):
    observations = report.split("**Key observations:**")[1].split("### ")[0]
    answers, sizes = {}, {}
    for run in runs(demo):
        if run.was_run:
            effective = run.evaluations[0].effective
            configuration = settings.in_words(effective)
            sizes[configuration] = effective.weight_bytes
            answers.setdefault(configuration, []).append([record.predicted for record in run.records])
    for configuration, letters in answers.items():
        assert f"**{configuration}** ({len(letters)} runs" in observations
        assert all(run_letters == letters[0] for run_letters in letters)
    assert observations.count("all runs gave the same answers") == len(answers)
    changed = sum(a != b for a, b in zip(answers["cpu, float32"][0], answers["cpu, float32, 4bit"][0], strict=True))
    smaller = sizes["cpu, float32, 4bit"] / sizes["cpu, float32"]
    assert 0.52 < smaller < 0.54
    assert f"**cpu, float32, 4bit compared with cpu, float32**: {smaller:.3f}× the size of the weights" in observations
    assert re.search(rf"\b{changed} answers? differs?\b", observations)


def test_setups_ran_alone_in_rounds_without_a_journal(demo):
    began, ended = [], []
    for run in runs(demo):
        if run.was_run:
            start = datetime.fromisoformat(run.timings[0].process_started).timestamp()
            began.append((start, run.repeat))
            ended.append((start + real_s(run.log), run.repeat))
    others = []
    for path in (demo / "results/demo/timings").glob("*/*.json"):
        timing = Timing.read(path)
        start = datetime.fromisoformat(timing.process_started).timestamp()
        others.append((start, start + timing.startup_s + timing.load_s + timing.real_s))
    assert len(began) >= 6 and len(others) == 70
    for (start, _), (end, _) in zip(began, ended, strict=True):
        # Dates are to the second.
        assert not [other for other in others if other[0] < end - 1 and other[1] > start + 1]
    assert max(end for end, repeat in ended if repeat == 1) <= min(start for start, repeat in began if repeat == 2) + 1
    assert not list((demo / "results/demo/setups").rglob("*.jsonl"))


def test_make_retry_reruns_skipped_setups(demo_copy, snakemake, kit):
    """Runs the two programs of `make retry`."""
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA: nothing was skipped")
    process = kit("forget-skipped", demo_copy / "results/demo")
    # Two setups, twice, two subjects, an evaluation and a timing file each.
    assert process.stdout.startswith("16 placeholders of skipped evaluations deleted"), process.stdout + process.stderr
    jobs = planned(snakemake, demo_copy)
    assert jobs["time_setup"] >= 4 and "evaluate" not in jobs and jobs["write_report"] == 1
    assert kit("forget-skipped", demo_copy / "results/demo").stdout.startswith("0 placeholders")

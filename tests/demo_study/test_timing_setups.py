"""The demo study's timing setups: what ran, whether the report says so, and that nothing ran beside them."""

import json
import re
from datetime import datetime

import pytest
import torch

from tests.helpers.reports import percent, planned, shows, tables


def runs(demo):
    """Every run of the timing setups, by setup and repeat: evaluations, timings and its log."""
    for log in sorted((demo / "results/demo/setups").glob("run_*/setup_*.txt")):
        folder = log.with_suffix("")
        found = [
            [json.loads(path.read_text()) for path in sorted((folder / kind).glob("*.json"))]
            for kind in ("evaluations", "timings")
        ]
        yield log.stem, int(log.parent.name[4:]), *found, log.read_text()


def real_s(log):
    minutes, rest = re.search(r"m:ss\): (\d+):([\d.]+)", log).groups()
    return 60 * int(minutes) + float(rest)


def test_setups_ran_as_asked_or_say_in_the_report_what_they_did(report, demo):
    """On a machine without a GPU; with one, setups 1 to 3 run on it."""
    (asked,) = tables(report, "### Setup Configurations")
    rows = {row[0]: row[1:] for row in asked[1:]}
    ran = {name: evaluations for name, _, evaluations, _, _ in runs(demo)}
    assert list(rows) == ["1", "2", "3", "4", "5"]
    if torch.cuda.is_available():
        assert [rows[setup][1] for setup in "123"] == [rows[setup][0] for setup in "123"]
    else:
        reason = "device 'cuda' was asked for and this machine has none"
        assert rows["1"] == ["cuda, float32", "cpu, float32", "none", reason]
        for setup, bits in (("2", "4bit"), ("3", "8bit")):
            assert rows[setup] == [f"cuda, float32, {bits}", "not run", "—", reason]
    assert rows["4"] == ["cpu, float32", "cpu, float32", "none", ""]
    assert rows["5"] == ["cpu, float32, 4bit", "cpu, float32, 4bit", "21 Linear4bit in nf4", ""]
    for evaluation in ran["setup_5_cpu_4_quant"]:
        assert sum(part["tensors"] for part in evaluation["effective"]["parts"] if part["quant_type"] == "nf4") == 21


def test_the_table_of_setups_is_that_of_their_logs(report, demo):
    setups, each = tables(report, "### Timing Results")
    for row in setups[1:]:
        mine = [(evaluations, log) for name, _, evaluations, _, log in runs(demo) if name.startswith(f"setup_{row[0]}_")]
        assert len(mine) == 2
        if row[2] == "not run":
            assert set(row[4:]) == {"—"} and all("reason" in found for evaluations, _ in mine for found in evaluations)
            continue
        assert shows(row[4].split(" (")[0], sum(real_s(log) for _, log in mine) / 2)
        right = {sum(record["correct"] for found in evaluations for record in found["records"]) for evaluations, _ in mine}
        assert row[3] == "2" and row[8] == percent(right.pop() / 100) and not right
    assert len(each) - 1 == sum(2 for row in setups[1:] if row[2] != "not run")


def test_observations_are_those_of_the_records(report, demo):
    told = report.split("**Key observations:**")[1].split("### ")[0]
    answers = {}
    for _, _, evaluations, _, _ in runs(demo):
        if "effective" in evaluations[0]:
            ran = ", ".join(evaluations[0]["effective"][key] for key in ("device", "dtype", "quantization")).removesuffix(
                ", none"
            )
            answers.setdefault(ran, []).append([record["predicted"] for found in evaluations for record in found["records"]])
    for ran, found in answers.items():
        assert f"**{ran}** ({len(found)} runs" in told
        assert all(one == found[0] for one in found)
    assert told.count("all runs gave the same answers") == len(answers)
    changed = sum(a != b for a, b in zip(answers["cpu, float32"][0], answers["cpu, float32, 4bit"][0], strict=True))
    assert "**cpu, float32, 4bit beside cpu, float32**: 0.527× the bytes of weights" in told
    assert f"{changed} answers differ" in told


def test_setups_ran_alone_in_rounds_and_without_a_journal(demo):
    began, ended = [], []
    for _, repeat, _, timings, log in runs(demo):
        if "process_started" in timings[0]:
            start = datetime.fromisoformat(timings[0]["process_started"]).timestamp()
            began.append((start, repeat))
            ended.append((start + real_s(log), repeat))
    others = []
    for path in (demo / "results/demo/timings").glob("*/*.json"):
        timing = json.loads(path.read_text())
        start = datetime.fromisoformat(timing["process_started"]).timestamp()
        others.append((start, start + timing["startup_s"] + timing["load_s"] + timing["real_s"]))
    assert len(began) >= 6 and len(others) == 30
    for (start, _), (end, _) in zip(began, ended, strict=True):
        # Dates are to the second.
        assert not [other for other in others if other[0] < end - 1 and other[1] > start + 1]
    assert max(end for end, repeat in ended if repeat == 1) <= min(start for start, repeat in began if repeat == 2) + 1
    assert not list((demo / "results/demo/setups").rglob("*.jsonl"))


def test_what_was_skipped_runs_again_when_it_is_asked_for(demo_copy, snakemake, run):
    """The two programs of `make retry`."""
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA: nothing was skipped")
    process = run("forget_skipped.py", demo_copy / "results/demo")
    # Two setups, twice, two subjects, an evaluation and a timing file each.
    assert process.stdout.startswith("16 files of skipped evaluations removed"), process.stdout + process.stderr
    jobs = planned(snakemake, demo_copy)
    assert jobs["time_setup"] >= 4 and "evaluate" not in jobs and jobs["write_report"] == 1
    assert run("forget_skipped.py", demo_copy / "results/demo").stdout.startswith("0 files")

"""Timing runs in evidence: those that ran alike, and a setup's runs as one."""

import statistics

from mmlu_kit.claims.verdicts import Untestable


def timing_setups(evidence: dict) -> dict:
    """The evidence's timing setups; Untestable where none ran."""
    if evidence["setups"] is None or not evidence["setups"]["groups"]:
        raise Untestable("no timing setups were run here")
    return evidence["setups"]


def alike(evidence: dict) -> dict:
    """Of the groups of runs that ran alike, the largest."""
    group = max(timing_setups(evidence)["groups"], key=lambda group: len(group["runs"]))
    if len(group["runs"]) < 2:
        raise Untestable("no two runs here ran alike")
    return group


def runs_of(evidence: dict, setup: int) -> list[dict]:
    """A setup's runs; Untestable where it has none."""
    found = timing_setups(evidence)
    if setup in found["not_run"]:
        raise Untestable(f"setup {setup} was not run: {found['not_run'][setup]}")
    runs = [run for group in found["groups"] for run in group["runs"] if run["setup"] == setup]
    if not runs:
        raise Untestable(f"there is no setup {setup} here")
    return runs


def median(evidence: dict, setup: int) -> dict:
    """A setup's runs as one: what ran, medians of what was measured."""
    runs = runs_of(evidence, setup)
    middle = {key: _middle([run[key] for run in runs]) for key in ("real_s", "peak_rss_bytes", "peak_gpu_bytes", "forward_s")}
    return {**middle, "cpu_s": _middle([cpu_s(run) for run in runs]), **{key: runs[0][key] for key in ("effective", "correct")}}


def cpu_s(run: dict) -> float | None:
    """User and system time of a run, None where they are not known."""
    return None if run["user_s"] is None else run["user_s"] + run["system_s"]


def fold(values: list[float]) -> float:
    """How many times the smallest value the largest is."""
    return max(values) / min(values)


def _middle(values: list[float | None]) -> float | None:
    return None if None in values else statistics.median(values)

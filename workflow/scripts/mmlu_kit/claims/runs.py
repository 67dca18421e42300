"""Timing runs in evidence: those that ran alike, and a setup's runs as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mmlu_kit.claims.evidence import Configuration, Evidence, RunEvidence, RunGroup, SetupsEvidence
from mmlu_kit.claims.verdicts import Untestable


@dataclass(frozen=True)
class SetupMedian:
    """A setup's runs as one: what ran, and medians of what was measured, None where it is not known of every run."""

    effective: Configuration | None
    correct: int
    real_s: float
    cpu_s: float | None
    forward_s: float | None
    peak_rss_bytes: float | None
    peak_gpu_bytes: float | None


def timing_setups(evidence: Evidence) -> SetupsEvidence:
    """Return the timing setups; raises Untestable where none ran."""
    if evidence.setups is None or not evidence.setups.groups:
        raise Untestable("no timing setups were run here")
    return evidence.setups


def all_runs(evidence: Evidence) -> list[RunEvidence]:
    """Return all timing runs, none where there are no timing setups."""
    return evidence.setups.runs if evidence.setups else []


def alike(evidence: Evidence) -> RunGroup:
    """Return the largest group of runs that ran alike; raises Untestable where no two did."""
    group = max(timing_setups(evidence).groups, key=lambda group: len(group.runs))
    if len(group.runs) < 2:
        raise Untestable("no two runs here ran alike")
    return group


def runs_of(evidence: Evidence, setup: int) -> list[RunEvidence]:
    """Return a setup's runs; raises Untestable where it has none."""
    setups = timing_setups(evidence)
    if setup in setups.not_run:
        raise Untestable(f"setup {setup} was not run: {setups.not_run[setup]}")
    runs = [run for run in setups.runs if run.setup == setup]
    if not runs:
        raise Untestable(f"there is no setup {setup} here")
    return runs


def setup_median(evidence: Evidence, setup: int) -> SetupMedian:
    """Return a setup's runs as one; raises Untestable where it has none."""
    runs = runs_of(evidence, setup)
    return SetupMedian(
        effective=runs[0].effective,
        correct=runs[0].counts.correct,
        real_s=median(run.real_s for run in runs),
        cpu_s=_median([run.cpu_s for run in runs]),
        forward_s=_median([run.forward_s for run in runs]),
        peak_rss_bytes=_median([run.peak_rss_bytes for run in runs]),
        peak_gpu_bytes=_median([run.peak_gpu_bytes for run in runs]),
    )


def max_over_min(values: Sequence[float]) -> float:
    """Return the largest value over the smallest."""
    return max(values) / min(values)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) == len(values) else None

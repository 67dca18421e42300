"""Timing runs in evidence: identical runs, and medians over a setup's runs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from mmlu_kit import formatting
from mmlu_kit.claims.evidence import Configuration, Evidence, RunEvidence, RunGroup, SetupsEvidence
from mmlu_kit.claims.verdicts import Untestable

# The largest share of a run that its start, until the model is loaded, may take where cores are counted or times compared.
MOST_OF_START = 0.1


@dataclass(frozen=True)
class SetupMedian:
    """What ran in a setup, and medians over its runs; a median is None if the value is not known for every run."""

    effective: Configuration | None
    questions: int
    correct: int
    real_s: float
    cpu_s: float | None
    forward_s: float | None
    peak_rss_bytes: float | None
    peak_gpu_bytes: float | None


def timing_setups(evidence: Evidence) -> SetupsEvidence:
    """Return the timing setups. Raises Untestable if none ran."""
    if evidence.setups is None or not evidence.setups.groups:
        raise Untestable("no timing setups were run here")
    return evidence.setups


def all_runs(evidence: Evidence) -> list[RunEvidence]:
    """Return all timing runs; none if there are no timing setups."""
    return evidence.setups.runs if evidence.setups else []


def identical_runs(evidence: Evidence, device: str | None = None) -> RunGroup:
    """Return the largest group of runs with the same configuration, on a device if one is named.

    Where it is not known what ran, the group counts as one on any device. Raises Untestable if no two runs share one.
    """
    return max(repeated_runs(evidence, device), key=lambda group: len(group.runs))


def repeated_runs(evidence: Evidence, device: str | None = None) -> list[RunGroup]:
    """Return the groups of two or more runs with the same configuration, like `identical_runs`, which is the largest."""
    groups = [group for group in timing_setups(evidence).groups if len(group.runs) > 1 and _may_be_on(group, device)]
    if not groups:
        raise Untestable(f"no two runs here have the same configuration{f' on {device}' if device else ''}")
    return groups


def _may_be_on(group: RunGroup, device: str | None) -> bool:
    effective = group.runs[0].effective
    return device is None or effective is None or effective.device == device


def setup_runs(evidence: Evidence, setup: int) -> list[RunEvidence]:
    """Return a setup's runs. Raises Untestable if it has none."""
    setups = timing_setups(evidence)
    if setup in setups.not_run:
        raise Untestable(f"setup {setup} was not run: {setups.not_run[setup]}")
    runs = [run for run in setups.runs if run.setup == setup]
    if not runs:
        raise Untestable(f"there is no setup {setup} here")
    return runs


def setup_median(evidence: Evidence, setup: int) -> SetupMedian:
    """Return medians over a setup's runs. Raises Untestable if it has none."""
    runs = setup_runs(evidence, setup)
    return SetupMedian(
        effective=runs[0].effective,
        questions=runs[0].counts.questions,
        correct=runs[0].counts.correct,
        real_s=median(run.real_s for run in runs),
        cpu_s=_median([run.cpu_s for run in runs]),
        forward_s=_median([run.forward_s for run in runs]),
        peak_rss_bytes=_median([run.peak_rss_bytes for run in runs]),
        peak_gpu_bytes=_median([run.peak_gpu_bytes for run in runs]),
    )


def unreachable(reach: int | None, ratio: float) -> str | None:
    """Return why no CPU time can be so many times the real time, None if a process could keep so many cores busy."""
    if reach is None or reach >= ratio:
        return None
    return f"the threads here can keep {formatting.plural(reach, 'core')} busy, too few for {formatting.ratio(ratio)}"


def mostly_start(shares: Sequence[float]) -> str | None:
    """Return why runs do not tell how a model computes, by their start's shares of real time; None if they do."""
    if not shares or max(shares) <= MOST_OF_START:
        return None
    return f"{formatting.percent(max(shares))} of a run is the start, which one core does"


def start_shares(runs: Iterable[RunEvidence]) -> list[float]:
    """Return the start's shares of the runs' real times, as far as they are known."""
    return [run.start_s / run.real_s for run in runs if run.start_s is not None]


def max_over_min(values: Sequence[float]) -> float:
    """Return the largest value over the smallest."""
    return max(values) / min(values)


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return median(known) if len(known) == len(values) else None

"""Predicates of claims on the time and memory that quantization and a GPU save.

A predicate takes evidence and the claim's parameters, and returns a judgement.
"""

from dataclasses import dataclass
from typing import Literal

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Configuration, Evidence
from mmlu_kit.claims.reference import Factor
from mmlu_kit.claims.runs import all_runs, identical_runs, max_over_min, setup_median, setup_runs
from mmlu_kit.claims.verdicts import Untestable, counterpart, is_about, real_times, verdict
from mmlu_kit.settings import Device, Quantization


def has_no_benefit(evidence: Evidence, setup: int, other_setup: int) -> Judgement:
    """A setup is neither faster than another nor smaller in memory: neither quantity is lower in all of its runs.

    If both ran with the same configuration, it must not be faster by more than the times of identical runs vary.
    """
    first, second = setup_median(evidence, setup), setup_median(evidence, other_setup)
    time = first.real_s / second.real_s
    line = f"setup {setup} took {formatting.ratio(time)} the real time of setup {other_setup}"
    if first.effective == second.effective:
        variation = max_over_min([run.real_s for run in identical_runs(evidence).runs])
        line += f" with the same configuration; identical runs differ by up to {formatting.ratio(variation)}"
        return verdict(1 / time <= variation, line)
    if first.peak_rss_bytes is None or second.peak_rss_bytes is None:
        raise Untestable(f"{line}; the peak memory is not known")
    line += f" and {formatting.ratio(first.peak_rss_bytes / second.peak_rss_bytes)} its peak memory, as {first.effective}"
    runs, others = setup_runs(evidence, setup), setup_runs(evidence, other_setup)
    faster = max(run.real_s for run in runs) < min(run.real_s for run in others)
    smaller = max(run.peak_rss_bytes or 0 for run in runs) < min(run.peak_rss_bytes or 0 for run in others)
    gains = [word for word, gained in (("faster", faster), ("smaller", smaller)) if gained]
    line += f"; every run is {' and '.join(gains)}" if gains else "; not every run is faster or smaller"
    return verdict(not gains, line)


def quantizing_gains(evidence: Evidence, measure: Literal["memory", "speed"], low: float, high: float) -> Judgement:
    """On a GPU, the ratio of memory or speed in 4 bits to that without quantization is between `low` and `high`."""
    ratios = [(gain.name, gain.memory if measure == "memory" else gain.speed) for gain in _gains_on_gpu(evidence)]
    if not ratios:
        raise Untestable("no model here ran on a GPU both in 4 bits and without quantization")
    line = "; ".join(f"{name}: {formatting.ratio(ratio)} the {measure}" for name, ratio in ratios)
    return verdict(all(low <= ratio <= high for _, ratio in ratios), line)


def is_faster(evidence: Evidence, fast: str, slow: str, times: float, within: Factor) -> Judgement:
    """One model is about this many times as fast as another, and has more parameters."""
    faster, slower = counterpart(evidence, fast), counterpart(evidence, slow)
    fast_s, slow_s = real_times(faster, slower)
    ratio = slow_s / fast_s
    models = " and ".join(f"{model.short} ({model.configuration})" for model in (faster, slower))
    line = f"{slow_s / 60:.1f} min / {fast_s / 60:.1f} min = {formatting.ratio(ratio)}; the models differ: {models}"
    return verdict(is_about(ratio, times, within) and faster.parameters > slower.parameters, line)


@dataclass(frozen=True)
class _Measured:
    """Weights that ran on a GPU, with memory and time."""

    weights: str
    name: str
    configuration: Configuration | None
    peak_gpu_bytes: float | None
    forward_s: float | None


@dataclass(frozen=True)
class _Gain:
    """Ratios of 4-bit quantization to no quantization, in memory and in speed."""

    name: str
    memory: float
    speed: float


def _gains_on_gpu(evidence: Evidence) -> list[_Gain]:
    """Return the ratios for each model that ran on a GPU both in 4 bits and without quantization."""
    measured = [
        _Measured(model.weights, model.short, model.effective, model.peak_gpu_bytes, model.forward_s)
        for model in evidence.models
        if model.weights
    ]
    for number in sorted({run.setup for run in all_runs(evidence) if run.setup is not None}):
        median = setup_median(evidence, number)
        measured.append(_Measured("setups", f"setup {number}", median.effective, median.peak_gpu_bytes, median.forward_s))
    four_bits = Configuration(Device.CUDA, Quantization.FOUR_BIT)
    unquantized = Configuration(Device.CUDA, Quantization.NONE)
    return [
        _Gain(four.name, four.peak_gpu_bytes / plain.peak_gpu_bytes, plain.forward_s / four.forward_s)
        for four in measured
        for plain in measured
        if four.configuration == four_bits and plain.configuration == unquantized and four.weights == plain.weights
        if four.peak_gpu_bytes and plain.peak_gpu_bytes and four.forward_s and plain.forward_s
    ]

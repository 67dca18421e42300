"""Predicates of claims on the time and memory that quantization and a GPU save.

A predicate takes evidence and the claim's parameters, and returns a judgement.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Configuration, Evidence, ModelEvidence
from mmlu_kit.claims.reference import Factor
from mmlu_kit.claims.runs import (
    all_runs,
    identical_runs,
    max_over_min,
    mostly_start,
    setup_median,
    setup_runs,
    start_shares,
)
from mmlu_kit.claims.verdicts import Untestable, check_questions, counterpart, in_range, real_times, shown, verdict
from mmlu_kit.settings import COMPRESSIONS, DTYPE_BYTES, GPUS, Device, DType, Quantization
from mmlu_kit.statistics import ALPHA, measurements

FOUR_BITS_ON_GPU = Configuration(Device.CUDA, Quantization.FOUR_BIT)


def has_no_benefit(evidence: Evidence, setup: int, other_setup: int, within: Factor) -> Judgement:
    """A setup is not faster than another and not smaller in memory, or by less than the factor `within`.

    If both ran with the same configuration, only time can differ, and by chance; else the intervals of the ratios of time and
    memory over their runs, 95 % for both together, must show it.
    """
    first, second = setup_median(evidence, setup), setup_median(evidence, other_setup)
    check_questions(first.questions, second.questions)
    time = first.real_s / second.real_s
    line = f"setup {setup} took {formatting.ratio(time)} the real time of setup {other_setup}"
    if first.effective == second.effective:
        variation = max_over_min([run.real_s for run in identical_runs(evidence).runs])
        configuration = " with the same configuration" if first.effective else "; what was loaded is not published"
        line += f"{configuration}; identical runs differ by up to {formatting.ratio(variation)}"
        # Where what ran is known, nothing was quantized, so a difference in time is chance.
        return shown(first.effective is not None or 1 / time <= variation, False, line)
    if first.peak_rss_bytes is None or second.peak_rss_bytes is None:
        raise Untestable(f"{line}; the peak memory is not known")
    line += f" and {formatting.ratio(first.peak_rss_bytes / second.peak_rss_bytes)} its peak memory, as {first.effective}"
    runs, others = setup_runs(evidence, setup), setup_runs(evidence, other_setup)
    gains = [
        measurements.ratio_interval([getattr(run, name) for run in others], [getattr(run, name) for run in runs], ALPHA / 2)
        for name in ("real_s", "peak_rss_bytes")
    ]
    known = [gain for gain in gains if gain]
    if len(known) < len(gains):
        return shown(False, False, f"{line}; one run of a setup does not tell how much runs vary")
    faster, smaller = (f"{formatting.ratio(gain.low)} to {formatting.ratio(gain.high)}" for gain in known)
    holds = all(gain.high <= within for gain in known)
    gained = any(gain.low > 1 and gain.high > within for gain in known)
    line += f"; {faster} as fast, and setup {other_setup} takes {smaller} its memory (intervals)"
    start = mostly_start(start_shares([*runs, *others]))
    if holds and start:
        raise Untestable(f"{line}; {start}")
    return shown(holds, gained, line)


def quantizing_gains(
    evidence: Evidence, measure: Literal["memory", "speed"], low: float, high: float, noise: Factor
) -> Judgement:
    """On a GPU, the ratio of memory or speed in 4 bits to that without quantization is between `low` and `high`.

    If memory was measured in 4 bits alone, or not at all, the line has what the weights take, which decides nothing.
    """
    ratios = [(gain.name, gain.memory if measure == "memory" else gain.speed) for gain in _gains_on_gpu(evidence)]
    if ratios:
        line = "; ".join(f"{name}: {formatting.ratio(ratio)} the {measure}" for name, ratio in ratios)
        return in_range([ratio for _, ratio in ratios], low, high, noise, line)
    line = "no model here ran on a GPU both in 4 bits and without quantization"
    quantized = [model for model in evidence.models if model.configuration == FOUR_BITS_ON_GPU]
    if measure == "speed" or not quantized:
        raise Untestable(line)
    return shown(False, False, f"{line}; {_weights_in_words(quantized)}")


def is_faster(evidence: Evidence, fast: str, slow: str, times: float, within: Factor, noise: Factor) -> Judgement:
    """One model is about this many times as fast on a GPU as another on the CPU, and has more parameters."""
    faster, slower = counterpart(evidence, fast), counterpart(evidence, slow)
    ratio, line = _times_as_fast(faster, slower)
    if faster.parameters <= slower.parameters:
        return verdict(False, f"{line}; {faster.short} is not the larger")
    return in_range([ratio], times / within, times * within, noise, line)


def is_much_faster(evidence: Evidence, fast: str, slow: str, at_least: float, noise: Factor) -> Judgement:
    """One model is at least this many times as fast on a GPU as another on the CPU that has no more parameters."""
    faster, slower = counterpart(evidence, fast), counterpart(evidence, slow)
    ratio, line = _times_as_fast(faster, slower)
    if faster.parameters < slower.parameters:
        raise Untestable(f"{line}; {faster.short} is smaller, which alone makes it faster")
    return in_range([ratio], at_least, math.inf, noise, line)


def _times_as_fast(faster: ModelEvidence, slower: ModelEvidence) -> tuple[float, str]:
    """Return the ratio of the slower model's real time to the faster's, and a line on both.

    Raises Untestable if they did not run on a GPU and on the CPU.
    """
    if faster.configuration.device not in GPUS or slower.configuration.device != Device.CPU:
        raise Untestable(f"this compares a GPU with a CPU, and here ran {_where(faster)} and {_where(slower)}")
    fast_s, slow_s = real_times(faster, slower)
    ratio = slow_s / fast_s
    models = " and ".join(_where(model) for model in (faster, slower))
    line = f"{slow_s / 60:.1f} min / {fast_s / 60:.1f} min = {formatting.ratio(ratio)}; the models differ: {models}"
    return ratio, line


def _where(model: ModelEvidence) -> str:
    hardware = f", {' or '.join(model.hardware)}" if model.hardware else ""
    return f"{model.short} ({model.configuration}{hardware})"


def _loaded(model: ModelEvidence, bytes_each: float) -> str:
    if model.weight_bytes is not None:
        return f"{formatting.gigabytes(model.weight_bytes)} as loaded"
    return f"at least {formatting.gigabytes(round(bytes_each * model.parameters))}"


def _weights_in_words(models: Sequence[ModelEvidence]) -> str:
    """Return what the weights of models in 4 bits take, as loaded or by their numbers of parameters, and in other formats."""
    four = COMPRESSIONS[Quantization.FOUR_BIT].bytes
    sizes = "; ".join(
        f"{model.short} {_loaded(model, four)}, not "
        + " or ".join(
            f"{formatting.gigabytes(round(DTYPE_BYTES[dtype] * model.parameters))} in {dtype}"
            for dtype in (DType.FLOAT32, DType.FLOAT16)
        )
        for model in models
    )
    ratios = " and ".join(
        f"{formatting.ratio(four / DTYPE_BYTES[dtype])} those in {dtype}" for dtype in (DType.FLOAT32, DType.FLOAT16)
    )
    return f"weights in 4 bits take {ratios}, were all of them quantized ({sizes}); the rest of the memory is not known"


@dataclass(frozen=True)
class _Measured:
    """Weights that ran on a GPU, with memory and time."""

    weights: str
    name: str
    configuration: Configuration | None
    questions: int
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
        _Measured(model.weights, model.short, model.effective, model.total.questions, model.peak_gpu_bytes, model.forward_s)
        for model in evidence.models
        if model.weights
    ]
    for number in sorted({run.setup for run in all_runs(evidence) if run.setup is not None}):
        median = setup_median(evidence, number)
        measured.append(
            _Measured("setups", f"setup {number}", median.effective, median.questions, median.peak_gpu_bytes, median.forward_s)
        )
    unquantized = Configuration(Device.CUDA, Quantization.NONE)
    return [
        _Gain(four.name, four.peak_gpu_bytes / plain.peak_gpu_bytes, plain.forward_s / four.forward_s)
        for four in measured
        for plain in measured
        if four.configuration == FOUR_BITS_ON_GPU and plain.configuration == unquantized and four.weights == plain.weights
        if four.questions == plain.questions
        if four.peak_gpu_bytes and plain.peak_gpu_bytes and four.forward_s and plain.forward_s
    ]

"""What the benchmarks' programs are told to do, and what they report."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from mmlu_kit.data import Bytes, Count, Data, Joules, Positive, Seconds
from mmlu_kit.settings import DType, Quantization, WeightGroup
from mmlu_kit.timing.machine import Machine
from pydantic import Field


class Task(Data):
    """Work for a process of benchmarks/contend.py."""

    way: str
    questions: Path = Field(description="A folder of MMLU CSVs.")
    subjects: tuple[str, ...]
    examples: Count
    batches: tuple[Positive, ...] = Field(
        description="Tokens (the kit), prompts (lm_eval) or tokens to write (generate) at once; of several, the fastest."
    )


class Work(Data):
    """What a task took; the operations a second are those of each subject."""

    load_s: Seconds = Field(description="Loading model and tokenizer.")
    questions: Positive
    seconds: Seconds = Field(description="Asking them, tokenizing included; for `forward`, its forward passes alone.")
    peak_rss_bytes: Bytes = Field(description="Of the process until the task's end.")
    batch: Positive
    flops_per_s: list[float] = Field([], description="Of the forward passes.")
    product_flops_per_s: list[float] = Field([], description="Of nothing but the machine's matrix products.")
    logprobs: list[list[float]] = Field([], description="Of each question's letters.")

    @property
    def seconds_a_question(self) -> float:
        return self.seconds / self.questions


class Run(Data):
    """A task in one round: the real time of its process in seconds, and its work, unless it is a whole process."""

    process_s: Seconds
    work: Work | None = None

    def __str__(self) -> str:
        return f"{self.work.seconds_a_question:.3f} s a question" if self.work else f"{self.process_s:.1f} s"


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of each round's ratio, so that what slows a whole round down cancels."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


class Measured(Data):
    """What one model took in one number format and quantization: medians of several processes."""

    questions: Positive
    effective: str = Field(description="As it ran, in words.")
    quantized: list[WeightGroup]
    weight_bytes: Bytes
    forward_s: Seconds = Field(description="A question.")
    real_s: Seconds = Field(description="A question.")
    gpu_s: Seconds | None = Field(description="A question.")
    load_s: Seconds
    peak_rss_bytes: Bytes
    peak_gpu_bytes: Bytes | None
    gpu_energy_j: Joules | None
    answers_changed: Count = Field(description="Best letters unlike those of the first format.")
    phases: dict[str, Seconds] = Field(description="Seconds of each phase, of the whole process.")
    machine: Machine


class PrecisionRow(Data):
    """A number format and quantization."""

    dtype: DType
    quantization: Quantization
    measured: Measured | None
    reason: str | None = Field(description="Why it was not measured; null where it was.")

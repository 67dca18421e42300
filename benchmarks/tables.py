"""What the benchmarks measure, and the table of `make bench`: rows that have a bar to reach, and each program's figures."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from mmlu_kit.data import Bytes, Count, Data, Document, Joules, MedianRange, Positive, Seconds, version
from mmlu_kit.settings import DType, Quantization, WeightGroup
from mmlu_kit.timing.machine import Machine
from pydantic import Field


class Work(Data):
    """What a way of benchmarks/contend.py did and took; the operations a second are those of each subject."""

    load_s: Seconds = Field(description="Loading model and tokenizer.")
    questions: Positive
    seconds: Seconds = Field(description="Asking them, tokenizing included; for `forward`, its forward passes alone.")
    peak_rss_bytes: Bytes
    flops_per_s: list[float] = Field([], description="Of the forward passes.")
    product_flops_per_s: list[float] = Field([], description="Of nothing but the machine's matrix products.")

    @property
    def seconds_a_question(self) -> float:
        return self.seconds / self.questions


@dataclass(frozen=True)
class Run:
    """A process: its real time in seconds, and what it says of its work."""

    process_s: float
    work: Work | None = None

    def __str__(self) -> str:
        return f"{self.work.seconds_a_question:.3f} s a question" if self.work else f"{self.process_s:.1f} s"


Runs = Mapping[str, Sequence[Run]]  # of each program, one a round


class Row(Data):
    """A value that has a bar to reach."""

    name: str
    value: float
    bar: float
    unit: str
    holds: bool
    at_least: bool = Field(description="The value is to be at least the bar; else at most.")


class Program(MedianRange):
    """A program's own figures: seconds a question where it asks any, else seconds a process."""

    program: str
    unit: str
    peak_rss_bytes: Bytes | None
    flops_per_s: float | None
    product_flops_per_s: float | None


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


class Tables(Data):
    """What stands beside the rows."""

    programs: list[Program]
    lm_eval_batch_size: dict[str, int] = Field(description="The fastest one, by number format and few-shot examples.")
    precisions: list[PrecisionRow]


class Bench(Document):
    """results/bench.json: what `make bench` measured."""

    schema_: Literal["mmlu-kit/bench/3"] = version("mmlu-kit/bench/3")
    machine: Machine
    shape: str = Field(description="The repository whose shape the model has.")
    rows: list[Row]
    tables: Tables
    rounds: Positive
    threads: Positive
    took_s: Count


def rows(measured: Runs, weights: int, windowed: Sequence[str]) -> list[Row]:
    """The rows that have a bar; `weights` are the checkpoint's bytes, `windowed` names shapes that have a window."""

    def works(name: str) -> list[Work]:
        return [run.work for run in measured[name] if run.work]

    def seconds(name: str) -> list[float]:
        return [work.seconds for work in works(name)]

    def whole(name: str) -> list[float]:
        return [run.process_s for run in measured[name]]

    def ratio(over: list[float], under: list[float]) -> float:
        """The median of each round's ratio, so that what slows a whole round down cancels."""
        return statistics.median(a / b for a, b in zip(over, under, strict=True))

    def percent_of_product(name: str) -> float:
        return 100 * statistics.median(work.flops_per_s[0] / work.product_flops_per_s[0] for work in works(name))

    def peak(name: str) -> float:
        return max(work.peak_rss_bytes for work in works(name)) / 1e9

    before_batch = [start - batch for start, batch in zip(whole("start"), seconds("first batch, forward"), strict=True)]
    less_load = [together - load for together, load in zip(whole("ten subjects together"), whole("load"), strict=True)]
    generate = seconds("generate float32, 5 tokens")
    gigabytes = weights / 1e9
    return [
        at_least(1.8, "speed against lm-eval, float32, 0-shot", ratio(seconds("lm_eval float32"), seconds("kit float32"))),
        at_least(
            8,
            "speed against lm-eval, bfloat16, 5-shot",
            ratio(seconds("lm_eval bfloat16, 5-shot"), seconds("kit bfloat16, 5-shot")),
        ),
        at_least(
            3,
            "speed against lm-eval, hybrid model, bfloat16, 5-shot",
            ratio(seconds("lm_eval hybrid, 5-shot"), seconds("kit hybrid, 5-shot")),
        ),
        *(
            at_least(
                bar, f"speed against lm-eval, cloze, {how}", ratio(seconds(f"lm_eval cloze {how}"), seconds(f"kit cloze {how}"))
            )
            for how, bar in {"float32, 0-shot": 4, "bfloat16, 5-shot": 15}.items()
        ),
        *(
            at_least(
                bar,
                f"speed against lm-eval, {shape}, {how}",
                ratio(seconds(f"lm_eval {shape}, {how}"), seconds(f"kit {shape}, {how}")),
            )
            for shape in windowed
            for how, bar in {"float32, 0-shot": 1.8, "bfloat16, 5-shot": 8}.items()
        ),
        # What all orders begin with is computed once.
        *(
            at_most(
                0.8,
                f"all orders together, against a run for each, {how}",
                ratio(seconds(f"kit cyclic {how}"), seconds(f"rotations {how}")),
            )
            for how in ("float32, 0-shot", "bfloat16, 5-shot")
        ),
        at_least(3, "speed against generate of 5 tokens, float32", ratio(generate, seconds("kit float32"))),
        at_least(6, "the same with the kit in bfloat16", ratio(generate, seconds("kit bfloat16"))),
        at_least(85, "rate against the matrix product, float32", percent_of_product("forward float32"), "%"),
        at_least(70, "rate against the matrix product, bfloat16", percent_of_product("forward bfloat16"), "%"),
        # Loading a bfloat16 checkpoint as float32 holds both.
        at_most(1.3 * 2 * gigabytes + 0.6 + gigabytes, "peak memory, float32 from bfloat16", peak("kit float32"), "GB"),
        at_most(1.3 * gigabytes + 0.6, "peak memory, bfloat16", peak("kit bfloat16, 5-shot"), "GB"),
        at_most(1.25, "a process that scores one batch, against one that only loads", ratio(whole("start"), whole("load"))),
        # The batch's own arithmetic takes as long as the processor needs for it: what the kit adds is the rest.
        at_most(1.25, "the same without that batch's forward pass", ratio(before_batch, whole("load"))),
        at_most(
            1.25, "ten subjects together less one load, against forward", ratio(less_load, seconds("ten subjects, forward"))
        ),
    ]


def at_least(bar: float, name: str, value: float, unit: str = "times") -> Row:
    """A row that holds from its bar up."""
    return Row(name=name, value=round(value, 3), bar=bar, unit=unit, holds=value >= bar, at_least=True)


def at_most(bar: float, name: str, value: float, unit: str = "times") -> Row:
    """A row that holds up to its bar."""
    return Row(name=name, value=round(value, 3), bar=round(bar, 3), unit=unit, holds=value <= bar, at_least=False)


def programs(measured: Runs) -> list[Program]:
    """Each program's own figures."""
    return [_program(name, runs) for name, runs in measured.items()]


def _program(name: str, runs: Sequence[Run]) -> Program:
    works = [run.work for run in runs if run.work]
    seconds = [work.seconds_a_question for work in works] or [run.process_s for run in runs]
    rates = [rate for work in works for rate in work.flops_per_s]
    products = [rate for work in works for rate in work.product_flops_per_s]
    return Program(
        program=name,
        unit="s a question" if works else "s a process",
        median=statistics.median(seconds),
        smallest=min(seconds),
        largest=max(seconds),
        peak_rss_bytes=max((work.peak_rss_bytes for work in works), default=None),
        flops_per_s=statistics.median(rates) if rates else None,
        product_flops_per_s=statistics.median(products) if products else None,
    )


def markdown(bench: Bench) -> str:
    """The content of bench.json for a reader."""
    machine = bench.machine
    lines = [
        f"{machine.processor}, {bench.threads} threads, {', '.join(machine.instruction_sets)}; "
        f"torch {machine.packages['torch']}, transformers {machine.packages['transformers']}; "
        f"shape of {bench.shape}, random weights, real questions; medians of {bench.rounds} alternating rounds, "
        f"{bench.took_s / 60:.0f} min. lm-eval at its fastest batch size: "
        + ", ".join(f"{size} in {name}" for name, size in bench.tables.lm_eval_batch_size.items()),
        "",
        "| Measured | Value | Bar | Holds |",
        "|---|---|---|---|",
    ]
    for row in bench.rows:
        bar = f"{'≥' if row.at_least else '≤'} {row.bar:.3g} {row.unit}"
        lines.append(f"| {row.name} | {row.value:.3g} {row.unit} | {bar} | {'yes' if row.holds else '**no**'} |")
    lines += [
        "",
        "| Program | Median | Range | Unit | Peak memory | GFLOP/s | Matrix product |",
        "|---|---|---|---|---|---|---|",
    ]
    for program in bench.tables.programs:
        range_ = f"{program.smallest:.3f} to {program.largest:.3f}"
        peak = f"{program.peak_rss_bytes / 1e9:.2f} GB" if program.peak_rss_bytes else "—"
        rates = [f"{rate / 1e9:.0f}" if rate else "—" for rate in (program.flops_per_s, program.product_flops_per_s)]
        lines.append(f"| {program.program} | {program.median:.3f} | {range_} | {program.unit} | {peak} | {' | '.join(rates)} |")
    return "\n".join(lines) + "\n"

"""The result of `make bench`: rows that have a bar, and each program's figures."""

import datetime
import statistics
from collections.abc import Mapping, Sequence
from typing import Literal

import contests
from contests import Contest, Entry
from measurements import PrecisionRow, Run, Work, median_ratio
from mmlu_kit import formatting
from mmlu_kit.data import Bytes, Count, Data, Document, MedianRange, Positive, version
from mmlu_kit.settings import DType, Quantization
from mmlu_kit.timing.machine import Machine
from pydantic import Field

Runs = Mapping[Entry, Sequence[Run]]  # of each program, one a round


class Row(Data):
    """A value, and the bar that it has to reach."""

    name: str
    value: float
    bar: float | None = Field(description="Null where the value is only reported.")
    unit: str
    holds: bool | None = Field(description="Null without a bar.")
    at_least: bool = Field(description="The value is to be at least the bar; else at most.")


class Program(MedianRange):
    """A program's own figures: seconds a question where it asks any, else seconds a process."""

    program: str
    unit: str
    questions: Positive | None
    batch: Positive | None = Field(description="Tokens (the kit, llama.cpp), prompts (lm_eval) or tokens to write (generate).")
    peak_rss_bytes: Bytes | None = Field(description="Of its process, whose earlier tasks it includes.")
    flops_per_s: float | None
    product_flops_per_s: float | None


class Answers(Data):
    """The real model's log-probabilities of letters beside the kit's in float32."""

    program: str
    questions: Positive
    seconds_a_question: float
    largest_difference: float
    letters_changed: Count = Field(description="Best letters.")


class Bench(Document):
    """results/bench.json: what `make bench` measured."""

    schema_: Literal["mmlu-kit/bench/3"] = version("mmlu-kit/bench/3")
    date: datetime.date
    commit: str | None = Field(description="The kit's; null outside a git repository.")
    machine: Machine
    llama_cpp: str | None = Field(description="The version of llama.cpp's package; null where it was not measured.")
    shape: str = Field(description="The repository whose shape the model of rows that name no model has.")
    rows: list[Row]
    programs: list[Program]
    answers: list[Answers]
    precisions: list[PrecisionRow]
    left_out: list[str] = Field(description="What was not measured, and why.")
    rounds: Positive
    threads: Positive
    took_s: Count


def rows(measured: Runs, weights: int, contested: Sequence[Contest]) -> list[Row]:
    """The contests' rows, then those of the kit alone; `weights` are the bytes of the checkpoint of shape QWEN."""

    def percent_of_product(entry: Entry) -> float:
        return 100 * statistics.median(work.flops_per_s[0] / work.product_flops_per_s[0] for work in _works(measured[entry]))

    def peak(entry: Entry) -> float:
        return max(work.peak_rss_bytes for work in _works(measured[entry])) / 1e9

    def whole(entry: Entry) -> list[float]:
        return [run.process_s for run in measured[entry]]

    def less(entry: Entry, other: list[float]) -> list[float]:
        return [process - part for process, part in zip(whole(entry), other, strict=True)]

    load, gigabytes = whole(contests.LOAD), weights / 1e9
    without_batch = less(contests.START, _seconds(measured[contests.FIRST_BATCH]))
    kit_float32, kit_bfloat16 = contests.CONTESTS[0].kit, contests.CONTESTS[1].kit
    return [
        *(_contest(one, measured) for one in contested),
        _row(85, "rate against the matrix product, float32", percent_of_product(contests.FORWARD_FLOAT32), "%"),
        _row(70, "rate against the matrix product, bfloat16", percent_of_product(contests.FORWARD_BFLOAT16), "%"),
        # Loading a bfloat16 checkpoint as float32 holds both.
        _row(3.6 * gigabytes + 0.6, "peak memory, float32 from bfloat16", peak(kit_float32), "GB", at_least=False),
        _row(1.3 * gigabytes + 0.6, "peak memory, bfloat16", peak(kit_bfloat16), "GB", at_least=False),
        _row(
            1.25,
            "a process that scores one batch, against one that only loads",
            median_ratio(whole(contests.START), load),
            at_least=False,
        ),
        # The batch's own arithmetic takes as long as the processor needs for it: what the kit adds is the rest.
        _row(1.25, "the same without that batch's forward pass", median_ratio(without_batch, load), at_least=False),
        _row(
            1.25,
            "ten subjects together less one load, against forward",
            median_ratio(less(contests.TEN_TOGETHER, load), _seconds(measured[contests.FORWARD_TEN])),
            at_least=False,
        ),
    ]


def _contest(contest: Contest, measured: Runs) -> Row:
    a_question = [[work.seconds_a_question for work in _works(measured[entry])] for entry in (contest.peer, contest.kit)]
    return _row(contest.bar, contest.name, median_ratio(*a_question))


def _row(bar: float | None, name: str, value: float, unit: str = "times", at_least: bool = True) -> Row:
    holds = None if bar is None else value >= bar if at_least else value <= bar
    rounded = None if bar is None else round(bar, 3)
    return Row(name=name, value=round(value, 3), bar=rounded, unit=unit, holds=holds, at_least=at_least)


def _works(runs: Sequence[Run]) -> list[Work]:
    return [run.work for run in runs if run.work]


def _seconds(runs: Sequence[Run]) -> list[float]:
    return [work.seconds for work in _works(runs)]


def program(entry: Entry, runs: Sequence[Run]) -> Program:
    """A program's own figures."""
    works = _works(runs)
    rates = [rate for work in works for rate in work.flops_per_s]
    products = [rate for work in works for rate in work.product_flops_per_s]
    return Program(
        program=str(entry),
        unit="s a question" if works else "s a process",
        questions=works[0].questions if works else None,
        batch=works[0].batch if works else None,
        **MedianRange.over([work.seconds_a_question for work in works] or [run.process_s for run in runs]).model_dump(),
        peak_rss_bytes=max((work.peak_rss_bytes for work in works), default=None),
        flops_per_s=statistics.median(rates) if rates else None,
        product_flops_per_s=statistics.median(products) if products else None,
    )


def answers(measured: Runs) -> list[Answers]:
    """The real model's answers in each program and number format, beside the kit's in float32 to the same prompts."""
    compared = []
    for entry in measured:
        reference = next((one for one in contests.ANSWERS if one.dtype == "float32" and one.examples == entry.examples), None)
        works = _works(measured[entry])
        if reference not in measured or (entry.model, entry.questions) != (contests.SMOLLM, "few") or not works[0].logprobs:
            continue
        pairs = list(zip(works[0].logprobs, _works(measured[reference])[0].logprobs, strict=True))
        compared.append(
            Answers(
                program=str(entry),
                questions=len(pairs),
                seconds_a_question=statistics.median(work.seconds_a_question for work in works),
                largest_difference=max(abs(a - b) for ours, other in pairs for a, b in zip(ours, other, strict=True)),
                letters_changed=sum(ours.index(max(ours)) != other.index(max(other)) for ours, other in pairs),
            )
        )
    return compared


def markdown(bench: Bench) -> str:
    """The content of bench.json for a reader, but for the number formats' table."""
    commit = f"commit {bench.commit[:12]}" if bench.commit else "no commit"
    lines = [
        f"{bench.date}, {commit}, {bench.threads} threads, {bench.took_s / 60:.0f} min. {bench.machine.in_words()}"
        + (f", llama-cpp-python {bench.llama_cpp}" if bench.llama_cpp else ""),
        "",
        f"Medians of {bench.rounds} rounds in which the programs take turns, each peer at its fastest batch size. Rows that "
        f"name no model have the shape of {bench.shape}; all models but SmolLM2 have random weights. All questions are real.",
        "",
        " ".join([fastest_format(bench), *(f"Left out: {reason}." for reason in bench.left_out)]),
        "",
        *_table("Measured|Value|Bar|Holds", [_cells(row) for row in bench.rows]),
        "",
    ]
    if bench.answers:
        heads = "Beside the kit in float32|A question|Largest difference of a letter's log-probability|Best letters changed"
        lines += [*_table(heads, [_compared(one) for one in bench.answers]), ""]
    heads = "Program|Median|Range|Unit|Questions|Batch|Peak memory|GFLOP/s|Matrix product"
    return "\n".join([*lines, *_table(heads, [_figures(one) for one in bench.programs])]) + "\n"


def fastest_format(bench: Bench) -> str:
    """Sentences: the number format that is fastest here, and what it costs in answers."""
    plain = {row.dtype: row.measured for row in bench.precisions if row.measured and row.quantization == Quantization.NONE}
    half = plain[DType.BFLOAT16]
    times = half.forward_s / plain[DType.FLOAT32].forward_s
    changed, asked, model = half.answers_changed, half.questions, "a model with random weights, whose letters nearly tie,"
    if real := [one for one in bench.answers if one.program.startswith(f"kit, {contests.SMOLLM}, bfloat16")]:
        changed, asked, model = sum(one.letters_changed for one in real), sum(one.questions for one in real), "SmolLM2-135M"
    faster, slower = ("bfloat16", "float32") if times < 1 else ("float32", "bfloat16")
    instructions = ", ".join(bench.machine.instruction_sets) or "instruction sets not known"
    return (
        f"The fastest number format on this processor ({instructions}) is {faster}: a "
        f"forward pass in {slower} takes {formatting.ratio(max(times, 1 / times))} as long. In bfloat16, {changed} of {asked} "
        f"answers of {model} differ from those in float32."
    )


def _table(heads: str, rows: Sequence[Sequence[object]]) -> list[str]:
    names = heads.split("|")
    return [f"| {' | '.join(map(str, cells))} |" for cells in (names, ["---"] * len(names), *rows)]


def _cells(row: Row) -> list[str]:
    bar = "—" if row.bar is None else f"{'≥' if row.at_least else '≤'} {row.bar:.3g} {row.unit}"
    return [row.name, f"{row.value:.3g} {row.unit}", bar, {None: "—", True: "yes", False: "**no**"}[row.holds]]


def _figures(program: Program) -> list[object]:
    rates = [f"{rate / 1e9:.0f}" if rate else "—" for rate in (program.flops_per_s, program.product_flops_per_s)]
    peak = formatting.gigabytes(program.peak_rss_bytes)
    span = f"{program.smallest:.3f} to {program.largest:.3f}"
    median = f"{program.median:.3f}"
    return [program.program, median, span, program.unit, program.questions or "—", program.batch or "—", peak, *rates]


def _compared(one: Answers) -> list[object]:
    changed = f"{one.letters_changed} of {one.questions}"
    return [one.program, f"{one.seconds_a_question:.3f} s", f"{one.largest_difference:.2g}", changed]

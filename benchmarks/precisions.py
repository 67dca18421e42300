#!/usr/bin/env python3
"""Measure one model in every number format and quantization: bytes, seconds, memory, and how many answers change.

`make bench` does so on the CPU; by itself it takes another shape or device, as in
`python benchmarks/precisions.py --data FOLDER --shape Qwen/Qwen2.5-7B-Instruct --device cuda`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import make_random_model
from measurements import Measured, PrecisionRow
from mmlu_kit import files, formatting, settings
from mmlu_kit.data import Document, version
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing, read_evaluation, read_timing
from mmlu_kit.settings import Device, DType, Quantization
from mmlu_kit.timing import phase_timer
from mmlu_kit.user_errors import UserError, run

ROOT = Path(__file__).parents[1]
Precision = tuple[DType, Quantization]
# Answers are compared with those of the first.
PRECISIONS: tuple[Precision, ...] = (
    (DType.FLOAT32, Quantization.NONE),
    (DType.BFLOAT16, Quantization.NONE),
    (DType.BFLOAT16, Quantization.EIGHT_BIT),
    (DType.BFLOAT16, Quantization.FOUR_BIT),
)


class Precisions(Document):
    """results/precisions.json: what this program measured by itself."""

    schema_: Literal["mmlu-kit/precisions/2"] = version("mmlu-kit/precisions/2")
    shape: str
    rows: list[PrecisionRow]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder with mmlu/, tokenizers/ and model_shapes.json")
    add("--shape", default="Qwen/Qwen2.5-0.5B-Instruct", help="whose shape the model has (default: %(default)s)")
    add("--device", choices=list(map(str, Device)), default="cpu", help="default: cpu")
    add("--subject", default="astronomy", help="whose questions are asked (default: astronomy)")
    add("--rounds", type=int, default=3, help="how often each is measured (default: 3)")
    add("--threads", type=int, default=os.cpu_count(), help="processor threads (default: all cores)")
    add("--output", type=Path, default=ROOT / "results/precisions.json", help="with a .md beside it (default: %(default)s)")
    args = parser.parse_args()
    if not (args.data / "model_shapes.json").is_file():
        raise UserError(f"{args.data}: the benchmarks need real questions, a tokenizer and model shapes there (--data)")
    with tempfile.TemporaryDirectory() as folder:
        print(f"Making a model of the shape of {args.shape} with random weights …", flush=True)
        shape = make_random_model.published_shape(args.data / "model_shapes.json", args.shape)
        model = make_random_model.save(Path(folder) / "model", args.data / "tokenizers/qwen2.5-instruct", shape, "bfloat16")
        rows = measure(model, args.data / "mmlu", args.subject, Device(args.device), args.threads, args.rounds)
    Precisions(shape=args.shape, rows=rows).write(args.output)
    text = markdown(rows)
    files.write_text(args.output.with_suffix(".md"), text)
    print(text)


def measure(model: Path, questions: Path, subject: str, device: Device, threads: int, rounds: int) -> list[PrecisionRow]:
    """A row for each of PRECISIONS, medians over rounds in which they take turns; each in a process of its own."""
    runs: dict[Precision, list[tuple[Evaluation, Timing]]] = {precision: [] for precision in PRECISIONS}
    reasons: dict[Precision, str] = {}
    for number in range(rounds):
        for precision in PRECISIONS:
            evaluation, timing = evaluated(model, questions, subject, device, threads, *precision)
            if isinstance(evaluation, NotRun) or isinstance(timing, NotRun):
                reasons[precision] = evaluation.reason or "not run"
            else:
                runs[precision].append((evaluation, timing))
            print(f"round {number + 1} of {rounds}: {' '.join(precision)} on {device}", flush=True)
    reference = next((measured[0][0].records for measured in runs.values() if measured), [])
    return [
        PrecisionRow(
            dtype=dtype,
            quantization=quantization,
            measured=summary(runs[dtype, quantization], reference) if runs[dtype, quantization] else None,
            reason=reasons.get((dtype, quantization)),
        )
        for dtype, quantization in PRECISIONS
    ]


def evaluated(
    model: Path, questions: Path, subject: str, device: Device, threads: int, dtype: DType, quantization: Quantization
) -> tuple[Evaluation | NotRun, Timing | NotRun]:
    """The evaluation and timing file of one process."""
    with tempfile.TemporaryDirectory() as folder:
        command: list[object] = [sys.executable, "-m", "mmlu_kit", "evaluate", "--model", model]
        command += ["--questions", questions, "--subjects", subject, "--device", device, "--dtype", dtype]
        command += ["--quantization", quantization, "--on-unavailable", "skip", "--threads", threads]
        command += ["--evaluations", f"{folder}/e", "--timings", f"{folder}/t"]
        process = subprocess.run(list(map(str, command)), capture_output=True, encoding="utf-8", errors="replace")
        if process.returncode:
            raise UserError(f"{dtype} {quantization}: {process.stderr.strip().splitlines()[-1]}")
        return read_evaluation(Path(folder) / f"e/{subject}.json"), read_timing(Path(folder) / f"t/{subject}.json")


def summary(runs: Sequence[tuple[Evaluation, Timing]], reference: Sequence[Record]) -> Measured:
    """What the runs of one precision measured together; their answers are compared with those of `reference`."""
    evaluation, timing = runs[0]
    timings = [timing for _, timing in runs]
    questions = evaluation.totals.questions
    effective = evaluation.effective
    assert effective is not None  # it was run
    gpu_s = [timing.gpu_s for timing in timings if timing.gpu_s is not None]
    energies = [timing.gpu_energy_j for timing in timings if timing.gpu_energy_j is not None]
    phases = [f"{phase}_s" for phase in phase_timer.PHASES]
    changed = [record.predicted != first.predicted for record, first in zip(evaluation.records, reference, strict=True)]
    return Measured(
        questions=questions,
        effective=settings.in_words(effective),
        quantized=[part for part in effective.parts if part.quant_type],
        weight_bytes=effective.weight_bytes,
        forward_s=statistics.median(timing.forward_s for timing in timings) / questions,
        real_s=statistics.median(timing.real_s for timing in timings) / questions,
        gpu_s=statistics.median(gpu_s) / questions if gpu_s else None,
        load_s=statistics.median(timing.load_s for timing in timings),
        peak_rss_bytes=max(timing.peak_rss_bytes for timing in timings),
        peak_gpu_bytes=timing.peak_gpu_bytes,
        gpu_energy_j=statistics.median(energies) if energies else None,
        answers_changed=sum(changed),
        phases={phase: statistics.median(getattr(timing, phase) for timing in timings) for phase in phases},
        machine=timing.machine,
    )


HEADS = "Ran as|Quantized weights|Weights|Forward|Real|GPU|Load|Peak memory|Peak GPU memory|GPU energy|Answers changed"


def markdown(rows: Sequence[PrecisionRow]) -> str:
    """The rows as a table; times are seconds a question, changed answers are those unlike the first row's."""
    machines = [row.measured.machine for row in rows if row.measured]
    lines = [machines[0].in_words(), ""] if machines else []
    heads = HEADS.split("|")
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        measured = row.measured
        if measured is None:
            lines.append(f"| not run: {row.dtype} {row.quantization} ({row.reason}) {'| — ' * 10}|")
            continue
        energy = "—" if measured.gpu_energy_j is None else f"{measured.gpu_energy_j:.0f} J"
        seconds = (measured.forward_s, measured.real_s, measured.gpu_s)
        cells = [
            measured.effective,
            ", ".join(f"{part.tensors} {part.module} in {part.quant_type}" for part in measured.quantized) or "none",
            formatting.gigabytes(measured.weight_bytes),
            *("—" if value is None else f"{value:.3f} s" for value in seconds),
            formatting.duration(measured.load_s),
            formatting.gigabytes(measured.peak_rss_bytes),
            formatting.gigabytes(measured.peak_gpu_bytes),
            energy,
            f"{measured.answers_changed} of {measured.questions}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(main)

#!/usr/bin/env python3
"""Measure a large model on a GPU: whole evaluations in several forms, the kit beside lm-eval, and which kernels run.

A model of a published shape with random weights answers real questions of ten subjects: as much work as the real model, and
nothing to fetch. A whole evaluation is a process of its own, which imports, checks hashes and loads. The kit and lm-eval then
score the same loaded model in turn, in bfloat16. About five minutes on an H100:
    python benchmarks/gpu.py --data FOLDER
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import contend
import make_random_model
from contests import TEN_SUBJECTS
from mmlu_kit import files, formatting
from mmlu_kit.data import Bytes, Data, Document, Joules, Positive, Seconds, version
from mmlu_kit.evaluation.records import Timing
from mmlu_kit.inputs import questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Device, DType, LoadSettings, Quantization, Split
from mmlu_kit.timing import machine
from mmlu_kit.timing.machine import Machine
from mmlu_kit.user_errors import UserError, run
from pydantic import Field

ROOT = Path(__file__).parents[1]
SHAPE = "Qwen/Qwen2.5-7B-Instruct"
SIZES = {0: (64, 128, 256), 5: (8, 16, 32)}  # lm-eval's batch sizes that are tried, by few-shot examples
FEW = 20  # questions a subject that lm-eval is asked, which takes long


class Form(NamedTuple):
    """A whole evaluation: how the model is loaded and asked, and the number of subjects."""

    quantization: Quantization
    examples: int
    subjects: int


FORMS = (
    Form(Quantization.NONE, 0, 10),
    Form(Quantization.NONE, 5, 10),
    Form(Quantization.FOUR_BIT, 0, 10),
    Form(Quantization.EIGHT_BIT, 0, 1),  # one question at a time
)


class Whole(Data):
    """One process of `mmlu-kit evaluate`, from its start to its end."""

    quantization: Quantization
    examples: int
    questions: Positive
    process_s: Seconds
    startup_s: Seconds
    load_s: Seconds = Field(description="Waiting for the files' hashes included.")
    tokenize_s: Seconds
    forward_s: Seconds
    gpu_s: Seconds
    energy_j: Joules | None
    peak_gpu_bytes: Bytes


class Contest(Data):
    """The kit and lm-eval with the same loaded model: seconds a question, tokenizing included."""

    examples: int
    kit_s: Seconds
    lm_eval_s: dict[int, Seconds | None] = Field(description="By batch size; null where it does not fit the memory.")
    flops_per_s: float = Field(description="Of the kit's forward passes over the largest subject.")
    product_flops_per_s: float = Field(description="Of nothing but the model's matrices.")
    kernels_ms: dict[str, float] = Field(description="The kernels that take longest when the kit scores the largest subject.")

    @property
    def ratio(self) -> float:
        """How many times as fast as lm-eval at its best batch size the kit is."""
        return min(seconds for seconds in self.lm_eval_s.values() if seconds) / self.kit_s


class GpuBench(Document):
    """results/gpu.json: what this program measured."""

    schema_: Literal["mmlu-kit/gpu_bench/1"] = version("mmlu-kit/gpu_bench/1")
    machine: Machine
    shape: str
    wholes: list[Whole]
    contests: list[Contest]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder with mmlu/, tokenizers/ and model_shapes.json")
    add("--shape", default=SHAPE, help="whose shape the model has (default: %(default)s)")
    add("--output", type=Path, default=ROOT / "results/gpu.json", help="with a .md beside it (default: %(default)s)")
    args = parser.parse_args()
    import torch

    if not torch.cuda.is_available():
        raise UserError("this machine has no CUDA device: run it on one that has")
    with tempfile.TemporaryDirectory() as folder:
        print(f"Making a model of the shape of {args.shape} with random weights …", flush=True)
        shape = make_random_model.published_shape(args.data / "model_shapes.json", args.shape)
        tokenizer = args.data / "tokenizers/qwen2.5-instruct"
        model = make_random_model.save(Path(folder) / "model", tokenizer, shape, "bfloat16", device="cuda")
        contests = both(model, args.data / "mmlu")
        torch.cuda.empty_cache()  # for the processes
        wholes = [whole(model, args.data / "mmlu", form) for form in FORMS]
    measured = GpuBench(machine=machine.describe(torch), shape=args.shape, wholes=wholes, contests=contests)
    measured.write(args.output)
    text = markdown(measured)
    files.write_text(args.output.with_suffix(".md"), text)
    print(text)


def whole(model: Path, data: Path, form: Form) -> Whole:
    """Evaluate the model in one form, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        subjects = TEN_SUBJECTS[: form.subjects]
        command: list[object] = [sys.executable, "-m", "mmlu_kit", "evaluate", "--model", model, "--questions", data]
        command += ["--subjects", *subjects, "--device", "cuda", "--dtype", "bfloat16", "--timings", folder]
        command += ["--quantization", form.quantization, "--examples", form.examples]
        began = time.perf_counter()
        process = subprocess.run(list(map(str, command)), capture_output=True, encoding="utf-8", errors="replace")
        process_s = time.perf_counter() - began
        if process.returncode:
            raise UserError(f"{' '.join(map(str, form))}: {process.stderr.strip().splitlines()[-1]}")
        timings = [Timing.read(Path(folder) / f"{subject}.json") for subject in subjects]
    energies = [timing.gpu_energy_j for timing in timings if timing.gpu_energy_j is not None]
    measured = Whole(
        quantization=form.quantization,
        examples=form.examples,
        questions=sum(timing.questions_scored for timing in timings),
        process_s=process_s,
        startup_s=timings[0].startup_s,
        load_s=timings[0].load_s,
        tokenize_s=sum(timing.tokenize_s for timing in timings),
        forward_s=sum(timing.forward_s for timing in timings),
        gpu_s=sum(timing.gpu_s or 0 for timing in timings),
        energy_j=sum(energies) if energies else None,
        peak_gpu_bytes=max(timing.peak_gpu_bytes or 0 for timing in timings),
    )
    print(measured, flush=True)
    return measured


def both(folder: Path, data: Path) -> list[Contest]:
    """Load the model once, and let the kit and lm-eval score it."""
    from mmlu_kit.models import batch_size, tokenizers, transformers_model

    model = transformers_model.load_model(folder, LoadSettings(device=Device.CUDA, dtype=DType.BFLOAT16))
    tokenizer = tokenizers.load_tokenizer(folder)
    tokens = batch_size.tokens_per_batch(model, "auto")
    return [contest(model, tokenizer, data, examples, tokens) for examples in SIZES]


def contest(model: Any, tokenizer: Any, data: Path, examples: int, tokens: int) -> Contest:
    """Score ten subjects with the kit, and some of their questions with lm-eval in batches of each size."""
    subjects = []
    for subject in TEN_SUBJECTS:
        read = questions.read_folder(data, subject)
        subjects.append((questions.split(read, Split.TEST), questions.examples(read, examples)))
    few = [(tests[:FEW], shown) for tests, shown in subjects]
    largest, shown = max(subjects, key=lambda subject: len(subject[0]))

    contend.forward(model, tokenizer, largest, shown, tokens)  # warms up
    rates = contend.forward(model, tokenizer, largest, shown, tokens)
    measured = Contest(
        examples=examples,
        kit_s=seconds_a_question(contend.kit, model, tokenizer, subjects, tokens),
        lm_eval_s={size: lm_eval(model, tokenizer, few, size) for size in SIZES[examples]},
        flops_per_s=rates.flops_per_s,
        product_flops_per_s=rates.product_flops_per_s,
        kernels_ms=kernels(lambda: contend.kit(model, tokenizer, largest, shown, tokens)),
    )
    print(measured, flush=True)
    return measured


Asked = Sequence[tuple[Sequence[Question], Sequence[Question]]]  # the questions and examples of each subject


def lm_eval(model: Any, tokenizer: Any, asked: Asked, size: int) -> float | None:
    """lm-eval's seconds a question in batches of this size, None if they do not fit the memory."""
    import torch

    try:
        seconds_a_question(contend.lm_eval, model, tokenizer, asked[:1], size)  # warms up
        return seconds_a_question(contend.lm_eval, model, tokenizer, asked, size)
    except torch.OutOfMemoryError:
        return None


def seconds_a_question(way: Callable[..., None], model: Any, tokenizer: Any, asked: Asked, batch: int) -> float:
    """How long a way of `contend` takes for a question."""
    began = time.perf_counter()
    for tests, examples in asked:
        way(model, tokenizer, tests, examples, batch)
    contend.wait(model)
    return (time.perf_counter() - began) / sum(len(tests) for tests, _ in asked)


def kernels(work: Callable[[], object], most: int = 8) -> dict[str, float]:
    """The kernels that take longest, in milliseconds, by the beginning of their names."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        work()
        torch.cuda.synchronize()
    events = sorted(profiler.key_averages(), key=lambda event: -event.device_time_total)
    return {event.key[:100]: round(event.device_time_total / 1000, 2) for event in events[:most]}


def markdown(measured: GpuBench) -> str:
    """The content of gpu.json for a reader."""
    heads = "Quantization|Examples|Questions|Process|Start|Load|Tokenizing|Forward|On the GPU|Energy|Peak GPU memory".split("|")
    lines = [f"{measured.machine.in_words()}; shape of {measured.shape}, random weights", "", f"| {' | '.join(heads)} |"]
    lines.append("|---" * len(heads) + "|")
    for one in measured.wholes:
        seconds = (one.process_s, one.startup_s, one.load_s, one.tokenize_s, one.forward_s, one.gpu_s)
        energy = "—" if one.energy_j is None else f"{one.energy_j:.0f} J"
        cells = [one.quantization, one.examples, one.questions, *(f"{value:.1f} s" for value in seconds), energy]
        lines.append(f"| {' | '.join(map(str, cells))} | {formatting.gigabytes(one.peak_gpu_bytes)} |")
    heads = "Examples|Kit|lm-eval, by batch size|Ratio|TFLOP/s|Matrix product|Longest kernels".split("|")
    lines += ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for one in measured.contests:
        sizes = ", ".join(
            f"{size}: {'—' if value is None else f'{1000 * value:.1f} ms'}" for size, value in one.lm_eval_s.items()
        )
        longest = ", ".join(f"{name[:40]} {ms:.0f} ms" for name, ms in list(one.kernels_ms.items())[:3])
        rates = f"{one.flops_per_s / 1e12:.0f} | {one.product_flops_per_s / 1e12:.0f}"
        lines.append(f"| {one.examples} | {1000 * one.kit_s:.1f} ms | {sizes} | {one.ratio:.1f} times | {rates} | {longest} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(main)

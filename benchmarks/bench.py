#!/usr/bin/env python3
"""Measure the kit beside the programs people would use instead of it, in one run on this machine.

A model of a real shape with random weights answers real questions: as much work as the real model, and nothing to fetch.
Every program runs in a process of its own, the programs take turns, and a row is the median over the rounds. Run it with
`make bench`, on a machine that does nothing else.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import make_random_model
import precisions
import tables
import yaml
from mmlu_kit import files
from mmlu_kit.inputs import checkpoints
from mmlu_kit.settings import Device
from mmlu_kit.timing.machine import Machine
from mmlu_kit.user_errors import UserError, run
from tables import Bench, Run, Tables, Work

ROOT = Path(__file__).parents[1]
SHAPE = "Qwen/Qwen2.5-0.5B-Instruct"
SUBJECT = "astronomy"
TEN_SUBJECTS = tuple(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["studies"]["writeup"]["subjects"])
# Of the ten subjects, those whose questions and choices are nearest the mean length.
CLOZE_SUBJECTS = ("anatomy", "college_biology")
SIZES = (1, 2, 4, 8, 16)  # lm-eval's batch sizes that are tried
TOKENS = 768  # what `tokens_per_batch: auto` is on a CPU
Command = Sequence[object]


@dataclass(frozen=True)
class Inputs:
    """Everything the programs read: models in bfloat16 (the hybrid one, and those with a window by the name of their shape, for
    a row each), the first one's manifest and bytes of weights, folders of questions.

    `subject` has one subject, `few` some of its questions, where a program takes seconds for each, and `start` a batch's
    worth, for the start and for choosing batch sizes; `ten` has some questions of each of ten subjects.
    """

    model: Path
    hybrid: Path
    manifest: Path
    weights: int
    windowed: dict[str, Path]
    subject: Path
    few: Path
    start: Path
    ten: Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder with mmlu/, tokenizers/ and model_shapes.json")
    add("--rounds", type=int, default=3, help="how often each program runs (default: 3)")
    add("--questions", type=int, default=100, help="questions of one subject (default: 100; fewer where one token at a time)")
    add("--threads", type=int, default=os.cpu_count(), help="processor threads (default: all cores)")
    add("--output", type=Path, default=ROOT / "results/bench.json", help="default: results/bench.json, with a .md beside it")
    args = parser.parse_args()
    if not (args.data / "model_shapes.json").is_file():
        raise UserError(f"{args.data}: the benchmarks need real questions, a tokenizer and model shapes there (--data)")
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        inputs = prepare(Path(folder), args.data, args.questions)
        sizes, measured = rounds(inputs, args.rounds, args.threads)
        formats = precisions.measure(inputs.model, inputs.few, SUBJECT, Device.CPU, args.threads, args.rounds)
        weights = inputs.weights
    bench = Bench(
        machine=machine(),
        shape=SHAPE,
        rows=tables.rows(measured, weights, list(make_random_model.WINDOWED)),
        tables=Tables(programs=tables.programs(measured), lm_eval_batch_size=sizes, precisions=formats),
        rounds=args.rounds,
        threads=args.threads,
        took_s=round(time.monotonic() - began),
    )
    bench.write(args.output)
    text = f"{tables.markdown(bench)}\n{precisions.markdown(formats)}"
    files.write_text(args.output.with_suffix(".md"), text)
    print(text)


def prepare(folder: Path, data: Path, most: int) -> Inputs:
    """Make everything the programs read."""
    tokenizer, models = data / "tokenizers/qwen2.5-instruct", {}
    maker: list[str | Path] = [sys.executable, ROOT / "benchmarks/make_random_model.py", "--shapes", data / "model_shapes.json"]
    for number, shape in enumerate((SHAPE, *make_random_model.WINDOWED)):
        print(f"Making a model of the shape of {shape} with random weights …", flush=True)
        models[shape] = folder / f"model{number}"
        subprocess.run(
            [*maker, "--shape", shape, "--tokenizer", tokenizer, "--output", models[shape]],
            check=True,
            stdout=subprocess.DEVNULL,
        )
    model = models.pop(SHAPE)
    hybrid = make_random_model.save(folder / "hybrid", tokenizer, make_random_model.HYBRID, "bfloat16")
    manifest = checkpoints.describe(model)
    manifest.write(folder / "model.json")
    names = {"subject": most, "few": max(1, most * 2 // 5), "start": 8, "ten": max(1, most // 5)}
    for name, count in names.items():
        for subject in TEN_SUBJECTS if name == "ten" else [SUBJECT]:
            cut(data / "mmlu", folder / name, subject, count)
    folders = {name: folder / name for name in names}
    described = {"manifest": folder / "model.json", "weights": manifest.checkpoint_bytes}
    return Inputs(model=model, hybrid=hybrid, windowed=models, **described, **folders)


def cut(source: Path, folder: Path, subject: str, most: int) -> None:
    """Copy a subject's CSVs, and of its test questions the first so many."""
    for split in ("dev", "test"):
        path = folder / split / f"{subject}_{split}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            (source / split / path.name).open(newline="", encoding="utf-8") as whole,
            path.open("w", newline="", encoding="utf-8") as part,
        ):
            csv.writer(part).writerows(row for number, row in enumerate(csv.reader(whole)) if split == "dev" or number < most)


def rounds(inputs: Inputs, count: int, threads: int) -> tuple[dict[str, int], dict[str, list[Run]]]:
    """lm-eval's fastest batch sizes; and every program's runs, one a round. The programs take turns."""
    program: list[object] = [sys.executable, ROOT / "benchmarks/contend.py"]
    evaluate: list[object] = [sys.executable, "-m", "mmlu_kit", "evaluate", "--model", inputs.manifest]
    evaluate += ["--threads", threads, "--dtype", "bfloat16", "--questions"]

    def contend(
        way: str,
        questions: str,
        dtype: str,
        batch: int,
        examples: int = 0,
        subjects: Sequence[str] = (SUBJECT,),
        model: Path = inputs.model,
    ) -> Command:
        options = ["--model", model, "--questions", getattr(inputs, questions), "--dtype", dtype, "--batch", batch]
        return [*program, way, *options, "--examples", examples, "--threads", threads, "--subjects", *subjects]

    def best_size(way: str, dtype: str, examples: int, model: Path = inputs.model) -> int:
        return fastest({size: contend(way, "start", dtype, size, examples, model=model) for size in SIZES})

    forms = (("float32", 0), ("bfloat16", 5))
    sizes = {
        f"{name}{dtype}, {examples}-shot": best_size(way, dtype, examples, model)
        for name, way, model in (
            ("", "lm_eval", inputs.model),
            ("cloze, ", "lm_eval_cloze", inputs.model),
            *((f"{shape}, ", "lm_eval", model) for shape, model in inputs.windowed.items()),
        )
        for dtype, examples in forms
    }
    plan = {
        "kit float32": contend("kit", "few", "float32", TOKENS),
        "lm_eval float32": contend("lm_eval", "few", "float32", sizes["float32, 0-shot"]),
        "generate float32, 5 tokens": contend("generate", "few", "float32", 5),
        "kit bfloat16": contend("kit", "few", "bfloat16", TOKENS),
        "kit bfloat16, 5-shot": contend("kit", "subject", "bfloat16", TOKENS, 5),
        "lm_eval bfloat16, 5-shot": contend("lm_eval", "subject", "bfloat16", sizes["bfloat16, 5-shot"], 5),
        "kit hybrid, 5-shot": contend("kit", "few", "bfloat16", TOKENS, 5, model=inputs.hybrid),
        "lm_eval hybrid, 5-shot": contend("lm_eval", "few", "bfloat16", sizes["bfloat16, 5-shot"], 5, model=inputs.hybrid),
        **{
            f"{name} {dtype}, {examples}-shot": contend(way, questions, dtype, batch, examples, subjects)
            for dtype, examples in forms
            for name, way, questions, subjects, batch in (
                ("kit cloze", "kit_cloze", "ten", CLOZE_SUBJECTS, TOKENS),
                ("lm_eval cloze", "lm_eval_cloze", "ten", CLOZE_SUBJECTS, sizes[f"cloze, {dtype}, {examples}-shot"]),
                ("kit cyclic", "kit_cyclic", "few", (SUBJECT,), TOKENS),
                ("rotations", "rotations", "few", (SUBJECT,), TOKENS),
            )
        },
        **{
            f"{way} {shape}, {dtype}, {examples}-shot": contend(
                way, "subject" if examples else "few", dtype, batch, examples, model=model
            )
            for shape, model in inputs.windowed.items()
            for dtype, examples in forms
            for way, batch in (("kit", TOKENS), ("lm_eval", sizes[f"{shape}, {dtype}, {examples}-shot"]))
        },
        "forward float32": contend("forward", "few", "float32", TOKENS),
        "forward bfloat16": contend("forward", "subject", "bfloat16", TOKENS),
        "load": [*program, "load", "--model", inputs.model, "--dtype", "bfloat16", "--threads", threads],
        "start": [*evaluate, inputs.start, "--subjects", SUBJECT],
        "first batch, forward": contend("forward", "start", "bfloat16", TOKENS),
        "ten subjects, forward": contend("forward", "ten", "bfloat16", TOKENS, subjects=TEN_SUBJECTS),
        "ten subjects together": [*evaluate, inputs.ten, "--subjects", *TEN_SUBJECTS],
    }
    measured: dict[str, list[Run]] = {name: [] for name in plan}
    for number in range(count):
        for name, command in plan.items():
            measured[name].append(process(command))
            print(f"round {number + 1} of {count}: {name}: {measured[name][-1]}", flush=True)
    return sizes, measured


def fastest(commands: Mapping[int, Command]) -> int:
    """The batch size whose command takes least for a question."""
    seconds = {}
    for size, command in commands.items():
        done = process(command)
        print(f"lm_eval at batch size {size}: {done}", flush=True)
        assert done.work is not None
        seconds[size] = done.work.seconds
    return min(seconds, key=seconds.__getitem__)


def process(command: Command) -> Run:
    """Run a program to its end; its last line of output is its work, where it says any."""
    began = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, encoding="utf-8", errors="replace")
    process_s = time.perf_counter() - began
    if done.returncode:
        raise UserError(f"{' '.join(map(str, command))}: {done.stderr.strip().splitlines()[-1]}")
    last = done.stdout.strip().splitlines()[-1:]
    return Run(process_s, Work.model_validate_json(last[0]) if last and last[0].startswith("{") else None)


def machine() -> Machine:
    """This machine."""
    import torch
    from mmlu_kit.timing import machine

    return machine.describe(torch)


if __name__ == "__main__":
    run(main)

#!/usr/bin/env python3
"""Measure the kit beside the programs people would use instead of it, in one run on this machine.

Models of real shapes with random weights answer real questions: as much work as the real models, and nothing to fetch. With
--gguf, a real model answers too, beside llama.cpp where `make llama` has installed it. Every program runs in a process of its
own, the programs take turns, and a row is the median over the rounds. benchmarks/contests.py has the plan. Run it with
`make bench`, on a machine that does nothing else.
"""

import argparse
import csv
import datetime
import os
import re
import tempfile
import time
from pathlib import Path

import contests
import llama_peer
import make_random_model
import precisions
import processes
import tables
from mmlu_kit import files
from mmlu_kit.inputs import checkpoints
from mmlu_kit.provenance import revision
from mmlu_kit.settings import Device
from mmlu_kit.timing import machine, processor
from mmlu_kit.user_errors import UserError, run
from processes import Setup
from tables import Bench

ROOT = Path(__file__).parents[1]
RECORDS = ROOT / "benchmarks/measured"


def main() -> None:
    args = arguments()
    if not (args.data / "model_shapes.json").is_file():
        raise UserError(f"{args.data}: the benchmarks need real questions, a tokenizer and model shapes there (--data)")
    import torch

    began = time.monotonic()
    contested, left_out = contests.CONTESTS, []
    if not args.gguf:
        left_out.append("the rows of SmolLM2, as --gguf names no file of it")
    elif not llama_peer.installed(args.llama):
        left_out.append("the rows of llama.cpp, which `make llama` installs")
    if args.gguf:
        fast = "bfloat16" if processor.multiplies_bfloat16() else "float32"
        contested += contests.real(fast, llama_peer.installed(args.llama))
    with tempfile.TemporaryDirectory() as folder:
        setup = prepare(Path(folder), args)
        measured = processes.rounds(setup, contests.plan(contested), args.rounds)
        model, some = setup.models[contests.QWEN], setup.questions["some"]
        formats = precisions.measure(model, some, contests.SUBJECT, Device.CPU, args.threads, args.rounds)
        weights = checkpoints.describe(model).checkpoint_bytes
    bench = Bench(
        date=datetime.datetime.now(datetime.UTC).date(),
        commit=revision.commit(ROOT).commit,
        machine=machine.describe(torch),
        llama_cpp=setup.llama.version() if setup.llama else None,
        shape=contests.QWEN,
        rows=tables.rows(measured, weights, contested),
        programs=[tables.program(entry, runs) for entry, runs in measured.items()],
        answers=tables.answers(measured),
        precisions=formats,
        left_out=left_out,
        rounds=args.rounds,
        threads=args.threads,
        took_s=round(time.monotonic() - began),
    )
    bench.write(args.output)
    text = f"{tables.markdown(bench)}\n## Number formats and quantization\n\n{precisions.markdown(formats)}"
    files.write_text(args.output.with_suffix(".md"), text)
    if args.record:
        files.write_text(RECORDS / f"{slug(bench)}.md", f"# {title(bench)}\n\n{text}")
    print(text)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder with mmlu/, tokenizers/ and model_shapes.json")
    add("--gguf", type=Path, help="SmolLM2-135M-Instruct as a GGUF file (default: without its rows)")
    add(
        "--llama",
        type=Path,
        default=ROOT / ".venv/llama",
        help="the folder of llama.cpp's package (default: make llama's)",
    )
    add("--rounds", type=int, default=3, help="how often each program runs (default: 3)")
    add("--percent", type=int, default=100, help="of the questions that the plan asks (default: 100)")
    add("--threads", type=int, default=os.cpu_count(), help="processor threads (default: all cores)")
    add("--output", type=Path, default=ROOT / "results/bench.json", help="default: results/bench.json, with a .md beside it")
    add("--record", action="store_true", help="write the table to benchmarks/measured too, in a file named after the machine")
    return parser.parse_args()


def title(bench: Bench) -> str:
    """The machine in a few words."""
    return (
        f"{bench.machine.processor}, {bench.machine.cores_usable} cores, {(bench.machine.instruction_sets or ['unknown'])[-1]}"
    )


def slug(bench: Bench) -> str:
    """A file name for the machine."""
    return re.sub(r"\W+", "-", re.sub(r"\(R\)|\(TM\)", "", title(bench)).lower()).strip("-")


def prepare(folder: Path, args: argparse.Namespace) -> Setup:
    """Make everything the programs read."""
    tokenizer, shapes = args.data / "tokenizers/qwen2.5-instruct", args.data / "model_shapes.json"
    made = {name: make_random_model.published_shape(shapes, name) for name in (contests.QWEN, *make_random_model.WINDOWED)}
    made[contests.HYBRID] = make_random_model.HYBRID
    models = {}
    for number, (name, shape) in enumerate(made.items()):
        print(f"Making a model of the shape of {name} with random weights …", flush=True)
        models[name] = make_random_model.save(folder / f"model{number}", tokenizer, shape, "bfloat16")
    questions = {name: folder / name for name in contests.SETS}
    for name, count in contests.SETS.items():
        for subject in dict.fromkeys([contests.SUBJECT, *contests.TEN_SUBJECTS]):
            cut(args.data / "mmlu", questions[name], subject, max(1, count * args.percent // 100))
    llama = None
    if args.gguf:
        models[contests.SMOLLM] = args.gguf
        if llama_peer.installed(args.llama):
            llama = llama_peer.prepare(args.llama, args.gguf, questions["few"], contests.SUBJECT, folder, args.threads)
    return Setup(models, questions, llama, args.threads)


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


if __name__ == "__main__":
    run(main)

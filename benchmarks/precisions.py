#!/usr/bin/env python3
"""Measure one model in every number format and quantization: bytes, seconds, memory, and how many answers change.

`make bench` does so on the CPU; by itself it takes another shape or device, as in
`PYTHONPATH=workflow/scripts python benchmarks/precisions.py --data FOLDER --shape Qwen/Qwen2.5-7B-Instruct --device cuda`.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import make_random_model
from mmlu_kit import files, formatting, settings
from mmlu_kit.evaluation import records
from mmlu_kit.timing import phase_timer
from mmlu_kit.user_errors import UserError, run

ROOT = Path(__file__).parents[1]
# (number format, quantization); answers are compared with those of the first.
PRECISIONS = (("float32", "none"), ("bfloat16", "none"), ("bfloat16", "8bit"), ("bfloat16", "4bit"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder with mmlu/, tokenizers/ and model_shapes.json")
    add("--shape", default="Qwen/Qwen2.5-0.5B-Instruct", help="whose shape the model has (default: %(default)s)")
    add("--device", choices=("cpu", "cuda", "mps"), default="cpu", help="default: cpu")
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
        found = measure(model, args.data / "mmlu", args.subject, args.device, args.threads, args.rounds)
    files.write_json(args.output, {"schema": "mmlu-kit/precisions/1", "shape": args.shape, "rows": found})
    text = markdown(found)
    files.write_text(args.output.with_suffix(".md"), text)
    print(text)


def measure(model: Path, questions: Path, subject: str, device: str, threads: int, rounds: int) -> list[dict]:
    """A row for each of PRECISIONS, medians over rounds in which they take turns; each in a process of its own."""
    runs: dict[tuple, list[tuple[dict, dict]]] = {precision: [] for precision in PRECISIONS}
    for number in range(rounds):
        for precision in PRECISIONS:
            runs[precision].append(evaluated(model, questions, subject, device, threads, *precision))
            print(f"round {number + 1} of {rounds}: {' '.join(precision)} on {device}", flush=True)
    first = next((done[0][0] for done in runs.values() if records.was_run(done[0][0])), None)
    return [row(precision, runs[precision], first) for precision in PRECISIONS]


def evaluated(
    model: Path, questions: Path, subject: str, device: str, threads: int, dtype: str, quantization: str
) -> tuple[dict, dict]:
    """The evaluation and timing file of one process."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, ROOT / "workflow/scripts/evaluate.py", "--model", model, "--questions", questions]
        command += ["--subjects", subject, "--device", device, "--dtype", dtype, "--quantization", quantization]
        command += [
            "--on-unavailable",
            "skip",
            "--threads",
            threads,
            "--evaluations",
            f"{folder}/e",
            "--timings",
            f"{folder}/t",
        ]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"{dtype} {quantization}: {done.stderr.strip().splitlines()[-1]}")
        return (
            records.read_outcome(Path(folder) / f"e/{subject}.json", "evaluation"),
            records.read_outcome(Path(folder) / f"t/{subject}.json", "timing"),
        )


def row(precision: tuple[str, str], runs: list[tuple[dict, dict]], first: dict | None) -> dict:
    """What the runs of one precision measured together; `first` is the evaluation whose answers they are compared with."""
    evaluation, timing = runs[0]
    asked = {"dtype": precision[0], "quantization": precision[1]}
    if not records.was_run(evaluation):
        return {**asked, "effective": None, "reason": evaluation["reason"]}

    def median(name: str) -> float | None:
        values = [timing[name] for _, timing in runs]
        return None if None in values else statistics.median(values)

    count = evaluation["totals"]["questions"]
    pairs = zip(evaluation["records"], first["records"], strict=True)
    return {
        **asked,
        "effective": settings.in_words(evaluation["effective"]),
        "parts": [part for part in evaluation["effective"]["parts"] if part["quant_type"]],
        "weight_bytes": settings.weight_bytes(evaluation["effective"]),
        "questions": count,
        "forward_s": median("forward_s") / count,
        "real_s": median("real_s") / count,
        "gpu_s": None if median("gpu_s") is None else median("gpu_s") / count,
        "load_s": median("load_s"),
        "peak_rss_bytes": max(timing["peak_rss_bytes"] for _, timing in runs),
        "peak_gpu_bytes": timing["peak_gpu_bytes"],
        "gpu_energy_j": median("gpu_energy_j"),
        "answers_changed": sum(one["predicted"] != other["predicted"] for one, other in pairs),
        "parts_of_time": {part: median(f"{part}_s") for part in (*phase_timer.ONCE, *phase_timer.PARTS)},
        "machine": timing["machine"],
    }


def markdown(rows: list[dict]) -> str:
    """The rows as a table; times are seconds a question, changed answers are those unlike the first row's."""
    ran = [one for one in rows if one["effective"]]
    lines = [ran[0]["machine"].in_words(), ""] if ran else []
    heads = (
        "Ran as|Quantized weights|Weights|Forward|Real|GPU|Load|Peak memory|Peak GPU memory|GPU energy|Answers changed".split(
            "|"
        )
    )
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for one in rows:
        if not one["effective"]:
            lines.append(f"| not run: {one['dtype']} {one['quantization']} ({one['reason']}) {'| — ' * 10}|")
            continue
        layers = ", ".join(f"{part['tensors']} {part['module']} in {part['quant_type']}" for part in one["parts"]) or "none"
        seconds = [f"{one[name]:.3f} s" if one[name] is not None else "—" for name in ("forward_s", "real_s", "gpu_s")]
        energy = "—" if one["gpu_energy_j"] is None else f"{one['gpu_energy_j']:.0f} J"
        memory = [formatting.gigabytes(one[name]) for name in ("peak_rss_bytes", "peak_gpu_bytes")]
        cells = [
            one["effective"],
            layers,
            formatting.gigabytes(one["weight_bytes"]),
            *seconds,
            formatting.duration(one["load_s"]),
            *memory,
        ]
        lines.append(f"| {' | '.join(cells)} | {energy} | {one['answers_changed']} of {one['questions']} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(run(main))

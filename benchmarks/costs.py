#!/usr/bin/env python3
"""Estimate what a study costs: jobs, downloads, memory and hours, for its own subjects and for all 57.

Seconds a question are measured here, on CPU models of the real shapes with random weights and real questions; for models on
a GPU they are the writeup's own published times, of a program without batches. All 57 subjects are MMLU's 14,042 questions:
    PYTHONPATH=workflow/scripts python benchmarks/costs.py --data FOLDER
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import make_random_model
import precisions
import yaml
from mmlu_kit import files, questions, studies, words
from mmlu_kit.problems import Problem, run
from mmlu_kit.subjects import SUBJECTS

ROOT = Path(__file__).parents[1]
ALL_QUESTIONS = 14_042
# Of the writeup: seconds on Colab's GPU for the ten subjects' 1,369 questions.
PUBLISHED_GPU_S = {"Qwen/Qwen2.5-7B-Instruct": 328 / 1369, "Qwen/Qwen2.5-14B-Instruct": 660 / 1369}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder with mmlu/, tokenizers/ and model_shapes.json")
    add("--study", default="writeup", help="of config.yaml (default: %(default)s)")
    add("--subject", default="business_ethics", help="whose questions are timed (default: %(default)s)")
    add("--threads", type=int, default=os.cpu_count(), help="processor threads (default: all cores)")
    add("--output", type=Path, default=ROOT / "results/costs.md", help="default: %(default)s")
    args = parser.parse_args()
    if not (args.data / "model_shapes.json").is_file():
        raise Problem(f"{args.data}: this needs real questions, a tokenizer and model shapes there (--data)")
    study = studies.resolve({**yaml.safe_load((ROOT / "config.yaml").read_text()), "study": args.study})
    counts = {subject: questions_in(args.data / f"mmlu/test/{subject}_test.csv") for subject in study["subjects"]}
    rows = []
    for name, model in study["models"].items():
        print(f"{name} …", flush=True)
        rows.append(cost(name, model, study, counts, args))
    text = markdown(rows, sum(counts.values()), args.threads)
    files.write_text(args.output, text)
    print(text)


def questions_in(path: Path) -> int:
    """How many questions a CSV of MMLU holds; a cell may hold line breaks."""
    return len(questions.read_csv(path, path.stem.removesuffix("_test"), "test"))


def cost(name: str, model: dict, study: dict, counts: dict[str, int], args: argparse.Namespace) -> dict:
    """What one model of a study costs; `seconds` is for one question."""
    asked = [subject for of, subject in studies.pairs(study) if of == name]
    shape = make_random_model.published_shape(args.data / "model_shapes.json", model["repository"])
    timing = None if model["device"] == "cuda" else timed(shape, model, args)
    return {
        "name": name,
        "device": model["device"],
        "jobs": (1, 1) if model["load_once"] else (len(asked), len(SUBJECTS)),
        "bytes": 2 * make_random_model.parameters(shape),  # checkpoints are in bfloat16
        "questions": sum(counts[subject] for subject in asked),
        "seconds": PUBLISHED_GPU_S[model["repository"]] if timing is None else timing["forward_s"] / timing["questions_scored"],
        "peak": timing and timing["peak_rss_bytes"],
    }


def timed(shape: dict, model: dict, args: argparse.Namespace) -> dict:
    """The timing file of a model of that shape on this machine's CPU, as an entry of config asks for it."""
    with tempfile.TemporaryDirectory() as folder:
        # Another vocabulary than the tokenizer's is as large and as slow; the tokenizer only has to fit in it.
        made = make_random_model.save(Path(folder) / "model", args.data / "tokenizers/qwen2.5-instruct", shape, "bfloat16")
        asked = (args.data / "mmlu", args.subject, "cpu", args.threads, model["dtype"], model["quantization"])
        return precisions.evaluated(made, *asked)[1]


def markdown(rows: list[dict], asked: int, threads: int) -> str:
    """A line for each model and one for all."""
    heads = [
        *("Model", "Device", "Download", "Peak memory", "Jobs", "Seconds a question", f"Hours, {asked:,} questions"),
        *("Jobs, 57 subjects", "Hours, 57 subjects"),
    ]
    lines = [
        f"CPU: {threads} threads. GPU: the writeup's own times.",
        "",
        f"| {' | '.join(heads)} |",
        "|---" * len(heads) + "|",
    ]
    total = {"cpu": [0.0, 0.0], "cuda": [0.0, 0.0]}
    for row in rows:
        hours = [row["seconds"] * count / 3600 for count in (row["questions"], ALL_QUESTIONS)]
        total[row["device"]] = [one + more for one, more in zip(total[row["device"]], hours, strict=True)]
        size = [words.gigabytes(row["bytes"]), words.gigabytes(row["peak"]) if row["peak"] else "—"]
        jobs, all_jobs = row["jobs"]
        cells = [
            row["name"],
            row["device"],
            *size,
            jobs,
            f"{row['seconds']:.2f}",
            f"{hours[0]:.1f}",
            all_jobs,
            f"{hours[1]:.1f}",
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    disk = words.gigabytes(sum(row["bytes"] for row in rows))
    for device, (one, more) in total.items():
        lines.append(f"| **all on {device}** | {device} | {disk} in all | | | | **{one:.1f}** | | **{more:.1f}** |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(run(main))

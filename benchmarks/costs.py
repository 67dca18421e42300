#!/usr/bin/env python3
"""Estimate what a study costs: jobs, downloads, memory and hours, for its own subjects and for all 57.

A CPU's hours are the arithmetic of its prompts' tokens (two operations for each weight in a layer and token) at the rate that
benchmarks/bench.py measured for forward passes; a GPU's are the writeup's own times a question, of a program without batches.
A chat's prompts are computed at about half that rate, and each reply has all the tokens that it may have, for each of which
all weights are read once. All 57 subjects are MMLU's 14,042 questions, with as many tokens each as those of the subjects in
--data have on average:
    PYTHONPATH=workflow/scripts python benchmarks/costs.py --data FOLDER
"""

import argparse
import sys
from pathlib import Path

import make_random_model
import yaml
from mmlu_kit import files, formatting
from mmlu_kit.chat import views
from mmlu_kit.evaluation import encoding
from mmlu_kit.inputs import questions
from mmlu_kit.models import transformers_model
from mmlu_kit.recall import conversations, probes, times
from mmlu_kit.study import pairs, resolve
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.user_errors import UserError, run

# Of the same table: a long prompt of a chat, computed in short steps, at 77 GFLOP/s beside 145 of packed questions.
CHAT_RATE = 77 / 145
ROOT = Path(__file__).parents[1]
ALL_QUESTIONS = 14_042
BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
# Of the writeup: seconds on Colab's GPU for the ten subjects' 1,369 questions.
PUBLISHED_GPU_S = {"Qwen/Qwen2.5-7B-Instruct": 328 / 1369, "Qwen/Qwen2.5-14B-Instruct": 660 / 1369}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="a folder with mmlu/, tokenizers/ and model_shapes.json")
    add("--study", default="writeup", help="of config.yaml (default: %(default)s)")
    # benchmarks/measured/amd-epyc-2-cores.md, rows 'forward float32' and 'forward bfloat16'.
    add("--float32", type=float, default=145, metavar="GFLOP/s", help="measured on two cores of an AMD EPYC: %(default)s")
    add("--bfloat16", type=float, default=324, metavar="GFLOP/s", help="the same in bfloat16: %(default)s")
    # benchmarks/measured/amd-epyc-2-cores.md, the chat's cache.
    add("--reading", type=float, default=11.6, metavar="GB/s", help="weights read for a reply's tokens: %(default)s")
    add("--output", type=Path, default=ROOT / "results/costs.md", help="default: %(default)s")
    args = parser.parse_args()
    if not (args.data / "model_shapes.json").is_file():
        raise UserError(f"{args.data}: this needs real questions, a tokenizer and model shapes there (--data)")
    study = resolve({**yaml.safe_load((ROOT / "config.yaml").read_text()), "study": args.study})
    tokens = {path.stem.removesuffix("_test"): counted(args.data, path) for path in (args.data / "mmlu/test").glob("*.csv")}
    rates = {"float32": args.float32 * 1e9, "bfloat16": args.bfloat16 * 1e9}
    rows = [cost(name, study, tokens, rates, args.data / "model_shapes.json") for name in study["models"]]
    text = markdown(rows, rates)
    if study["chat"]:
        text += "\n" + chat(study, args.data, rates, args.reading * 1e9)
    files.write_text(args.output, text)
    print(text)


def counted(data: Path, path: Path) -> list[int]:
    """The prompt tokens of each question of a subject, as the kit asks them of a Qwen2.5 model without examples."""
    tokenizer = transformers_model.load_tokenizer(str(data / "tokenizers/qwen2.5-instruct"))
    asked = questions.read_csv(path, path.stem.removesuffix("_test"), "test")
    return [len(prompt.ids) for prompt in encoding.prepare(asked, [], "lm_eval", tokenizer, 32768, False)]


def cost(name: str, study: dict, tokens: dict[str, list[int]], rates: dict[str, float], shapes: Path) -> dict:
    """What one model of a study costs: `jobs, questions, seconds` are pairs, for the study's subjects and for all 57."""
    model = study["models"][name]
    parameters, layers = sizes(model, shapes)
    asked = [subject for of, subject in pairs(study) if of == name]
    counts = [count for subject in asked for count in tokens[subject]]
    every = [count for subject in tokens.values() for count in subject]
    if model["device"] == "cuda":
        seconds = [PUBLISHED_GPU_S[model["repository"]] * number for number in (len(counts), ALL_QUESTIONS)]
    else:
        all_tokens = ALL_QUESTIONS * sum(every) / len(every)
        seconds = [2 * layers * number / rates[model["dtype"]] for number in (sum(counts), all_tokens)]
    return {
        "name": name,
        "device": model["device"],
        "dtype": model["dtype"],
        "jobs": (1, 1) if model["load_once"] else (len(asked), len(SUBJECTS)),
        "download_bytes": 2 * parameters,  # checkpoints are in bfloat16
        "weight_bytes": BYTES[model["dtype"]] * parameters,
        "quantization": model["quantization"],
        "questions": (len(counts), ALL_QUESTIONS),
        "seconds": seconds,
    }


def chat(study: dict, data: Path, rates: dict[str, float], reading: float) -> str:
    """A line on what the recall experiment costs, its prompts counted as Qwen2.5's template writes them."""
    asked, seconds = study["chat"], 0.0
    tokenizer = transformers_model.load_tokenizer(str(data / "tokenizers/qwen2.5-instruct"))
    material = conversations.read(ROOT / "workflow/recall/conversations.yaml")
    trials = conversations.trials(material, tuple(asked["distances"]), asked["trials"], asked["seed"])
    found = probes.probes(trials, [views.parse(one) for one in asked["strategies"]], tokenizer, None)
    prompts = probes.distinct(found)
    # Each timed prompt is computed twice, and once what the cache holds before it.
    timed = sum(len(probe.before) + 2 * len(probe.ids) for probe in times.chosen(found, trials, asked["timed"]))
    for name in asked["models"]:
        model = study["models"][name]
        weights, layers = sizes(model, data / "model_shapes.json")
        seconds += 2 * layers * (sum(map(len, prompts)) + timed) / (CHAT_RATE * rates[model["dtype"]])
        seconds += len(prompts) * asked["max_new_tokens"] * BYTES[model["dtype"]] * weights / reading
    return (
        f"Chat: {len(prompts):,} prompts of {sum(map(len, prompts)) / len(prompts):.0f} tokens on average, replies of "
        f"{asked['max_new_tokens']} at {reading / 1e9:.1f} GB of weights a second: some {seconds / 3600:.1f} CPU hours\n"
    )


def sizes(model: dict, shapes: Path) -> tuple[int, int]:
    """A model's parameters, and those of them in layers, which every token of a prompt is multiplied with."""
    shape = make_random_model.published_shape(shapes, model["repository"])
    parameters = make_random_model.parameters(shape)
    return parameters, parameters - shape["vocab_size"] * shape["hidden_size"] * (1 if shape["tie_word_embeddings"] else 2)


def markdown(rows: list[dict], rates: dict[str, float]) -> str:
    """A line for each model, and one for all on a device."""
    at = ", ".join(f"{rate / 1e9:.0f} GFLOP/s in {dtype}" for dtype, rate in rates.items())
    lines = [f"CPU: arithmetic at {at}. GPU: the writeup's own seconds a question.", ""]
    heads = ("Model", "Device", "Download", "Weights", "Questions", "Jobs", "Hours", "Jobs, 57 subjects", "Hours, 57 subjects")
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        hours = [f"{seconds / 3600:.2f}" for seconds in row["seconds"]]
        weights = row["quantization"] if row["quantization"] != "none" else formatting.gigabytes(row["weight_bytes"])
        cells = [row["name"], row["device"], formatting.gigabytes(row["download_bytes"]), weights, row["questions"][0]]
        lines.append(f"| {' | '.join(map(str, [*cells, row['jobs'][0], hours[0], row['jobs'][1], hours[1]]))} |")
    for device in dict.fromkeys(row["device"] for row in rows):
        chosen = [row for row in rows if row["device"] == device]
        sums = [[sum(row[key][number] for row in chosen) for key in ("jobs", "seconds")] for number in (0, 1)]
        download = formatting.gigabytes(sum(row["download_bytes"] for row in chosen))
        cells = [f"**all on {device}**", device, download, "", sum(row["questions"][0] for row in chosen)]
        cells += [cell for jobs, seconds in sums for cell in (jobs, f"**{seconds / 3600:.1f}**")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(run(main))

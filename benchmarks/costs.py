#!/usr/bin/env python3
"""Estimate what a study costs: jobs, downloads, memory and hours, for its own subjects and for all 57.

A CPU's hours are the arithmetic of its prompts' tokens (two operations for each weight in a layer and token) at the rate that
benchmarks/bench.py measured for forward passes; a GPU's are the writeup's own times a question, of a program without batches.
A chat's prompts are computed at about half that rate, and each reply has all the tokens that it may have, for each of which
all weights are read once. All 57 subjects are MMLU's 14,042 questions, with as many tokens each as those of the subjects in
--data have on average:
    python benchmarks/costs.py --data FOLDER
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import make_random_model
import yaml
from mmlu_kit import files, formatting
from mmlu_kit.chat import views
from mmlu_kit.config import ChatEntry, ModelEntry
from mmlu_kit.evaluation import encoding
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.inputs import questions
from mmlu_kit.jobs import needs
from mmlu_kit.models import number_formats, tokenizers
from mmlu_kit.recall import conversations, probes, times
from mmlu_kit.settings import Device, DType, PromptSettings, Split, dtype_bytes
from mmlu_kit.study import Study, resolve
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.user_errors import UserError, run

# Of the same table: a long prompt of a chat, computed in short steps, at 77 GFLOP/s beside 145 of packed questions.
CHAT_RATE = 77 / 145
ROOT = Path(__file__).parents[1]
ALL_QUESTIONS = 14_042
# Of the writeup: seconds on Colab's GPU for the ten subjects' 1,369 questions.
PUBLISHED_GPU_S = {"Qwen/Qwen2.5-7B-Instruct": 328 / 1369, "Qwen/Qwen2.5-14B-Instruct": 660 / 1369}


Rates = Mapping[DType, float]  # operations a second


@dataclass(frozen=True)
class Work:
    """What one model's questions cost, of a study or of all subjects."""

    questions: int
    jobs: int
    seconds: float


@dataclass(frozen=True)
class Cost:
    """What one model of a study costs, for the study's subjects and for all 57; its jobs ask for `memory_mb` and `minutes`."""

    name: str
    model: ModelEntry
    download_bytes: int
    memory_mb: int
    minutes: int
    study: Work
    every: Work


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
    study = resolve({**yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")), "study": args.study})
    tokens = {path.stem.removesuffix("_test"): counted(args.data, path) for path in (args.data / "mmlu/test").glob("*.csv")}
    rates = {DType.FLOAT32: args.float32 * 1e9, DType.BFLOAT16: args.bfloat16 * 1e9}
    text = markdown([cost(name, study, tokens, rates, args.data / "model_shapes.json") for name in study.run], rates)
    if study.chat:
        text += "\n" + chat(study, study.chat, args.data, rates, args.reading * 1e9)
    files.write_text(args.output, text)
    print(text)


def counted(data: Path, path: Path) -> list[int]:
    """The prompt tokens of each question of a subject, as the kit asks them of a Qwen2.5 model without examples."""
    tokenizer = tokenizers.load_tokenizer(data / "tokenizers/qwen2.5-instruct")
    tests = questions.read_csv(path, path.stem.removesuffix("_test"), Split.TEST)
    return [len(prompt.ids) for prompt in encoding.prepare(tests, [], PromptSettings(), tokenizer, 32768)]


def cost(name: str, study: Study, tokens: Mapping[str, Sequence[int]], rates: Rates, shapes: Path) -> Cost:
    """What one model of a study costs; `tokens` are those of each prompt, by subject."""
    model = study.run[name]
    parameters, layers = sizes(model, shapes)
    shape = make_random_model.published_shape(shapes, str(model.repository))
    with tempfile.TemporaryDirectory() as folder:
        manifest = make_random_model.save_empty(Path(folder), shape)
        memory_mb = needs.memory_mb(manifest, model)
    subjects = [subject for other, subject in study.pairs() if other == name]
    counts = [count for subject in subjects for count in tokens[subject]]
    every = [count for subject in tokens.values() for count in subject]

    def seconds(number: int, all_tokens: float) -> float:
        if model.device == Device.CUDA:
            return PUBLISHED_GPU_S[str(model.repository)] * number
        return 2 * layers * all_tokens / rates[number_formats.resolve(model.dtype, Device.CPU)]

    jobs = (1, 1) if model.load_once else (len(subjects), len(SUBJECTS))
    return Cost(
        name=name,
        model=model,
        download_bytes=2 * parameters,  # checkpoints are in bfloat16
        memory_mb=memory_mb,
        minutes=needs.minutes(manifest, model.device, len(subjects) // jobs[0], model.prompt.max_new_tokens),
        study=Work(len(counts), jobs[0], seconds(len(counts), sum(counts))),
        every=Work(ALL_QUESTIONS, jobs[1], seconds(ALL_QUESTIONS, ALL_QUESTIONS * sum(every) / len(every))),
    )


def chat(study: Study, experiment: ChatEntry, data: Path, rates: Rates, reading: float) -> str:
    """A line on what the recall experiment costs, its prompts counted as Qwen2.5's template writes them."""
    tokenizer = tokenizers.load_tokenizer(data / "tokenizers/qwen2.5-instruct")
    material = conversations.read(ROOT / "workflow/recall/conversations.yaml")
    trials = conversations.trials(material, experiment.distances, experiment.trials, experiment.seed)
    strategies = [views.parse(strategy) for strategy in experiment.strategies]
    every = probes.probes(trials, strategies, ChatTemplate(tokenizer), None)
    prompts = probes.distinct_prompts(every)
    tokens = sum(map(len, prompts))
    # Each timed prompt is computed twice, and once what the cache holds before it.
    timed = sum(len(probe.before) + 2 * len(probe.ids) for probe in times.to_time(every, trials, experiment.timed))
    seconds = 0.0
    for model in (study.run[name] for name in experiment.models):
        weights, layers = sizes(model, data / "model_shapes.json")
        seconds += 2 * layers * (tokens + timed) / (CHAT_RATE * rates[number_formats.resolve(model.dtype, Device.CPU)])
        seconds += len(prompts) * experiment.max_new_tokens * dtype_bytes(model.dtype, model.device) * weights / reading
    return (
        f"Chat: {len(prompts):,} prompts of {tokens / len(prompts):.0f} tokens on average, replies of "
        f"{experiment.max_new_tokens} at {reading / 1e9:.1f} GB of weights a second: some {seconds / 3600:.1f} CPU hours\n"
    )


def sizes(model: ModelEntry, shapes: Path) -> tuple[int, int]:
    """A model's parameters, and those of them in layers, which every token of a prompt is multiplied with."""
    shape = make_random_model.published_shape(shapes, str(model.repository))
    parameters = make_random_model.parameters(shape)
    return parameters, parameters - shape["vocab_size"] * shape["hidden_size"] * (1 if shape["tie_word_embeddings"] else 2)


def markdown(costs: Sequence[Cost], rates: Rates) -> str:
    """A line for each model, and one for all on a device."""
    measured = ", ".join(f"{rate / 1e9:.0f} GFLOP/s in {dtype}" for dtype, rate in rates.items())
    lines = [f"CPU: arithmetic at {measured}. GPU: the writeup's own seconds a question.", ""]
    heads = (
        *("Model", "Device", "Download", "Memory a job asks for", "Minutes a job asks for", "Questions"),
        *("Jobs", "Hours", "Jobs, 57 subjects", "Hours, 57 subjects"),
    )
    lines += [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in costs:
        model = row.model
        download, memory = formatting.gigabytes(row.download_bytes), formatting.gigabytes(row.memory_mb * 10**6)
        cells = [row.name, model.device, download, memory, row.minutes, row.study.questions]
        cells += [cell for work in (row.study, row.every) for cell in (work.jobs, f"{work.seconds / 3600:.2f}")]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    for device in dict.fromkeys(row.model.device for row in costs):
        rows = [row for row in costs if row.model.device == device]
        # The weights of a model that is asked in several ways are downloaded once.
        weights = {(row.model.repository, row.model.commit): row.download_bytes for row in rows}
        download = formatting.gigabytes(sum(weights.values()))
        memory = formatting.gigabytes(max(row.memory_mb for row in rows) * 10**6)
        questions = sum(row.study.questions for row in rows)
        cells = [f"**all on {device}**", device, download, memory, max(row.minutes for row in rows), questions]
        for works in ([row.study for row in rows], [row.every for row in rows]):
            hours = sum(work.seconds for work in works) / 3600
            cells += [sum(work.jobs for work in works), f"**{hours:.1f}**"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(main)

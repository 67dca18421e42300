#!/usr/bin/env python3
"""Ask a model questions in one of several ways, and print what each task took as a line of JSON.

Every way gets the same prompts, made before its clock starts; tokenizing them is part of every way's work.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batch_search import fastest
from mmlu_kit import user_errors

if TYPE_CHECKING:  # imported late: a process that only loads shall load nothing else
    from measurements import Task, Work
    from mmlu_kit.evaluation.answers import Record
    from mmlu_kit.inputs.questions import Question

os.environ["HF_HUB_OFFLINE"] = "1"


@dataclass(frozen=True)
class Passes:
    """Forward passes: their seconds, and operations a second of theirs and of the machine's own matrix product."""

    seconds: float
    flops_per_s: float
    product_flops_per_s: float


def kit(
    model: Any,
    tokenizer: Any,
    questions: Sequence["Question"],
    examples: Sequence["Question"],
    batch: int,
    **settings: str | bool,
) -> "Sequence[Record]":
    """This project's scoring, of `batch` tokens at a time, with these settings of a model's prompt; returns the records."""
    from mmlu_kit.evaluation import encoding, scoring
    from mmlu_kit.settings import PromptSettings

    requested = PromptSettings.model_validate(settings)
    prepared = encoding.prepare(questions, examples, requested, tokenizer, None)
    return scoring.score(model, tokenizer, prepared, batch, requested, {}, lambda number, records: None)[0]


def rotations(model: Any, tokenizer: Any, questions: Sequence["Question"], examples: Sequence["Question"], batch: int) -> None:
    """This project's scoring once for each rotation of the choices, which all have the same number."""
    from mmlu_kit.evaluation import orders

    for order in range(len(questions[0].choices)):
        kit(model, tokenizer, [orders.rotated(question, order) for question in questions], examples, batch)


def lm_eval(
    model: Any,
    tokenizer: Any,
    questions: Sequence["Question"],
    examples: Sequence["Question"],
    batch: int,
    preset: str = "lm_eval",
) -> None:
    """lm-eval's log-likelihoods of all letters, or with the preset `cloze` of all choices, `batch` prompts at a time."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    from mmlu_kit.evaluation import prompts
    from mmlu_kit.settings import Preset

    form = Preset(preset)
    pairs = [
        (prompts.running_text(question, examples, form), f" {answer}")
        for question in questions
        for answer in (question.choices if form.is_cloze else question.letters)
    ]
    requests = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
    HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch).loglikelihood(requests, disable_tqdm=True)


def generate(model: Any, tokenizer: Any, questions: Sequence["Question"], examples: Sequence["Question"], batch: int) -> None:
    """`generate`, `batch` tokens for each question, one question at a time."""
    from mmlu_kit.evaluation import prompts
    from mmlu_kit.settings import Preset

    for question in questions:
        inputs = tokenizer(prompts.running_text(question, examples, Preset.LM_EVAL), return_tensors="pt")
        model.generate(**inputs, do_sample=False, max_new_tokens=batch, min_new_tokens=batch, pad_token_id=0)


def forward(model: Any, tokenizer: Any, questions: Sequence["Question"], examples: Sequence["Question"], batch: int) -> Passes:
    """The kit's forward passes alone, beside products of the model's own matrices and `batch` rows."""
    from mmlu_kit.evaluation import encoding, packing, ways
    from mmlu_kit.evaluation.rows import shared_prefix
    from mmlu_kit.settings import PromptSettings

    prepared = [prompt.rows for prompt in encoding.prepare(questions, examples, PromptSettings(), tokenizer, None)]
    start = shared_prefix(prepared)
    sizes = [ways.Size(one.tokens(start), one.outputs) for one in prepared]
    groups = [[prepared[place] for place in group] for group in ways.plan(sizes, batch)]
    before = product(model, batch)
    began = time.perf_counter()
    logits = packing.PackedScorer(model, prepared[0].rows[0].ids, start)
    for group in groups:
        logits(group)
    wait(model)
    seconds = time.perf_counter() - began
    rate = arithmetic(model, start, [size.tokens for size in sizes]) / seconds
    return Passes(seconds, rate, (before + product(model, batch)) / 2)


def arithmetic(model: Any, start: int, lengths: list[int]) -> int:
    """Multiplications and additions for a shared prefix of `start` tokens and then rests of these lengths."""
    import torch

    config = model.config
    layers = [module for module in model.model.modules() if isinstance(module, torch.nn.Linear)]
    width = config.num_attention_heads * (getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)
    tokens = start + sum(lengths)
    # Token number k of a prompt looks at k tokens, in two products (with the keys, with the values).
    looked_at = start * (start + 1) // 2 + sum(n * start + n * (n + 1) // 2 for n in lengths)
    head = (len(lengths) + (start > 0)) * model.lm_head.weight.numel()
    return (
        2 * tokens * sum(layer.weight.numel() for layer in layers) + 2 * head + 4 * looked_at * width * config.num_hidden_layers
    )


def product(model: Any, rows: int, repeats: int = 3) -> float:
    """Operations per second of nothing but matrix products: `rows` rows by each matrix of six layers in turn.

    Six layers' weights are more than a processor's caches hold, so they come from memory as in the model.
    """
    import torch

    matrices = [module.weight for module in model.model.layers[:6].modules() if isinstance(module, torch.nn.Linear)]
    form = {"dtype": model.dtype, "device": model.device}
    inputs = {width: torch.randn(rows, width, **form) for width in {matrix.shape[1] for matrix in matrices}}
    outputs = {width: torch.empty(rows, width, **form) for width in {matrix.shape[0] for matrix in matrices}}
    seconds = []
    with torch.inference_mode():
        for _ in range(repeats + 1):  # the first warms up
            began = time.perf_counter()
            for matrix in matrices:
                torch.mm(inputs[matrix.shape[1]], matrix.t(), out=outputs[matrix.shape[0]])
            wait(model)
            seconds.append(time.perf_counter() - began)
    return 2 * rows * sum(matrix.numel() for matrix in matrices) / sorted(seconds[1:])[repeats // 2]


def wait(model: Any) -> None:
    """Wait until the model's device has done what it was given; a CPU has."""
    import torch

    if model.device.type == "cuda":
        torch.cuda.synchronize()


WAYS: "dict[str, Callable[..., Passes | Sequence[Record] | None]]" = {
    "kit": kit,
    "kit_cloze": partial(kit, preset="cloze", unconditional=False),  # as lm-eval for acc and acc_norm
    "kit_cyclic": partial(kit, orders="cyclic"),
    "rotations": rotations,
    "lm_eval": lm_eval,
    "lm_eval_cloze": partial(lm_eval, preset="cloze"),
    "generate": generate,
    "forward": forward,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help="a model folder or GGUF file")
    parser.add_argument("--dtype", choices=("float32", "bfloat16", "float16"), default="float32")
    parser.add_argument("--threads", type=int, required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--load", action="store_true", help="import torch and transformers, load the weights, no more")
    what.add_argument("--tasks", nargs="+", help=f"tasks as JSON, of the ways {', '.join(WAYS)}")
    args = parser.parse_args()

    import torch
    import transformers

    torch.set_num_threads(args.threads)
    if args.load:
        transformers.AutoModelForCausalLM.from_pretrained(args.model, dtype=getattr(torch, args.dtype))
        os._exit(0)  # at once, as evaluate.py ends: taking the interpreter down is no part of loading
    from measurements import Task
    from mmlu_kit.models import tokenizers, transformers_model
    from mmlu_kit.settings import DType, LoadSettings
    from mmlu_kit.timing import machine

    tasks = [Task.model_validate_json(task) for task in args.tasks]
    if not any(task.way == "generate" or task.way.startswith("lm_eval") for task in tasks):  # as evaluate.py does
        machine.keep_freed_memory()
    began = time.perf_counter()
    model = transformers_model.load_model(args.model, LoadSettings(dtype=DType(args.dtype)))
    tokenizer = tokenizers.load_tokenizer(args.model)
    load_s = time.perf_counter() - began
    for task in tasks:
        batch = fastest(task.batches, lambda size, task=task: work(model, tokenizer, task, size, load_s).seconds)
        print(work(model, tokenizer, task, batch, load_s).model_dump_json(), flush=True)


def work(model: Any, tokenizer: Any, task: "Task", batch: int, load_s: float) -> "Work":
    """Do a task at a batch size."""
    from measurements import Work
    from mmlu_kit.inputs import questions
    from mmlu_kit.settings import Split
    from mmlu_kit.timing import phase_timer

    asked, seconds = 0, 0.0
    passes: list[Passes] = []
    records: list[Record] = []
    for subject in task.subjects:
        subject_questions = questions.read_folder(task.questions, subject)
        tests, examples = questions.split(subject_questions, Split.TEST), questions.examples(subject_questions, task.examples)
        began = time.perf_counter()
        done = WAYS[task.way](model, tokenizer, tests, examples, batch)
        took = time.perf_counter() - began
        if isinstance(done, Passes):
            took, passes = done.seconds, [*passes, done]
        elif done:
            records += done
        seconds += took
        asked += len(tests)
    return Work(
        load_s=load_s,
        questions=asked,
        seconds=seconds,
        peak_rss_bytes=phase_timer.peak_rss_bytes(),
        batch=batch,
        flops_per_s=[one.flops_per_s for one in passes],
        product_flops_per_s=[one.product_flops_per_s for one in passes],
        logprobs=[list(record.letter_logprobs.values()) for record in records if record.letter_logprobs],
    )


if __name__ == "__main__":
    user_errors.run(main)

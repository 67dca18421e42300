#!/usr/bin/env python3
"""Do the same work in one of several ways, in a process of its own, and print what it took as a line of JSON.

Every way gets the same prompts, made before its clock starts; tokenizing them is part of every way's work.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

LETTERS = "ABCD"


def kit(model: Any, tokenizer: Any, asked: list, shown: list, batch: int) -> None:
    """This project's scoring, of `batch` tokens at a time."""
    from mmlu_kit.evaluation import encoding, scoring

    prepared = encoding.prepare(asked, shown, "lm_eval", tokenizer, None)
    scoring.score(model, tokenizer, prepared, batch, 1, {}, lambda number, records: None)


def lm_eval(model: Any, tokenizer: Any, asked: list, shown: list, batch: int) -> None:
    """lm-eval's log-likelihoods of the four letters, `batch` prompts at a time."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM
    from mmlu_kit.evaluation import prompts

    texts = [prompts.running_text(question, shown, "lm_eval") for question in asked]
    pairs = [(text, f" {letter}") for text in texts for letter in LETTERS]
    requests = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
    HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch).loglikelihood(requests, disable_tqdm=True)


def generate(model: Any, tokenizer: Any, asked: list, shown: list, batch: int) -> None:
    """`generate`, `batch` tokens for each question, one question at a time."""
    from mmlu_kit.evaluation import prompts

    for question in asked:
        given = tokenizer(prompts.running_text(question, shown, "lm_eval"), return_tensors="pt")
        model.generate(**given, do_sample=False, max_new_tokens=batch, min_new_tokens=batch, pad_token_id=0)


def forward(model: Any, tokenizer: Any, asked: list, shown: list, batch: int) -> dict:
    """The kit's forward passes alone, and the arithmetic they did beside the machine's own matrix product.

    `seconds` and `flops_per_s` of the forward passes; `product_flops_per_s` of the model's own matrices times `batch` rows.
    """
    from mmlu_kit.evaluation import encoding, packing

    prepared = encoding.prepare(asked, shown, "lm_eval", tokenizer, None)
    rows = [prompt.ids for prompt in prepared]
    start = packing.common_beginning(rows)
    groups = [[rows[place][start:] for place in group] for group in packing.plan([len(row) - start for row in rows], batch)]
    before = product(model, batch)
    began = time.perf_counter()
    logits = packing.packer(model, rows[0][:start])
    for group in groups:
        logits(group)
    seconds = time.perf_counter() - began
    rate = arithmetic(model, start, [len(row) - start for row in rows]) / seconds
    return {"seconds": seconds, "flops_per_s": rate, "product_flops_per_s": (before + product(model, batch)) / 2}


def arithmetic(model: Any, start: int, lengths: list[int]) -> int:
    """Multiplications and additions for a common beginning of `start` tokens and then rests of these lengths."""
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
    given = {width: torch.randn(rows, width).to(model.dtype) for width in {matrix.shape[1] for matrix in matrices}}
    into = {width: torch.empty(rows, width, dtype=model.dtype) for width in {matrix.shape[0] for matrix in matrices}}
    taken = []
    with torch.inference_mode():
        for _ in range(repeats + 1):  # the first warms up
            began = time.perf_counter()
            for matrix in matrices:
                torch.mm(given[matrix.shape[1]], matrix.t(), out=into[matrix.shape[0]])
            taken.append(time.perf_counter() - began)
    return 2 * rows * sum(matrix.numel() for matrix in matrices) / sorted(taken[1:])[repeats // 2]


WAYS = {"kit": kit, "lm_eval": lm_eval, "generate": generate, "forward": forward}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=[*WAYS, "load"], help="load: import torch and transformers, load the weights, no more")
    parser.add_argument("--model", required=True, help="a model folder")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--questions", type=Path, help="a folder of MMLU CSVs")
    parser.add_argument("--subjects", nargs="*", default=[])
    parser.add_argument("--examples", type=int, default=0)
    parser.add_argument(
        "--batch", type=int, default=1, help="tokens (kit, forward), prompts (lm_eval) or tokens to write (generate)"
    )
    parser.add_argument("--threads", type=int, required=True)
    args = parser.parse_args()

    import torch
    import transformers

    torch.set_num_threads(args.threads)
    if args.way == "load":
        transformers.AutoModelForCausalLM.from_pretrained(args.model, dtype=getattr(torch, args.dtype))
        os._exit(0)  # at once, as evaluate.py ends: taking the interpreter down is no part of loading
    from mmlu_kit.inputs import questions
    from mmlu_kit.models import transformers_model
    from mmlu_kit.timing import machine, phase_timer

    if args.way in ("kit", "forward"):  # as evaluate.py does
        machine.keep_freed_memory()

    began = time.perf_counter()
    model, tokenizer = (
        transformers_model.load_model(args.model, "cpu", args.dtype, "none"),
        transformers_model.load_tokenizer(args.model),
    )
    measured = {"load_s": time.perf_counter() - began, "questions": 0, "seconds": 0.0}
    for subject in args.subjects:
        found = questions.read_folder(args.questions, subject)
        asked, shown = questions.split(found, "test"), questions.examples(found, args.examples)
        began = time.perf_counter()
        more = WAYS[args.way](model, tokenizer, asked, shown, args.batch) or {}
        measured["seconds"] += more.pop("seconds", time.perf_counter() - began)
        measured["questions"] += len(asked)
        for name, value in more.items():
            measured.setdefault(name, []).append(value)
    print(json.dumps({**measured, "peak_rss_bytes": phase_timer.peak_rss_bytes()}))


if __name__ == "__main__":
    main()

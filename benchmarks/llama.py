#!/usr/bin/env python3
"""Score prompts with llama.cpp, which `make llama` installs, and print what each task took as a line of JSON.

In its fastest form that reads the same logits: the prefix that all prompts share is computed once and stays in the KV cache,
and several prompts are decoded at once, each as a sequence that refers to the prefix's cells without copying them. Only the
logits of each prompt's last token are computed. The kit encodes the prompts beforehand, so llama.cpp doesn't spend time on it.
"""

import argparse
import ctypes
import json
import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
from batch_search import fastest

# File types that llama.cpp writes, by the name of their number format.
FORMATS = {
    "F32": llama_cpp.LLAMA_FTYPE_ALL_F32,
    "BF16": llama_cpp.LLAMA_FTYPE_MOSTLY_BF16,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
}
FEW = 12  # prompts on which the batch size is chosen
MOST_SEQUENCES = 256  # LLAMA_MAX_SEQ
Prompt = dict[str, list[int]]  # token `ids`, and the `letters`' tokens


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="a GGUF file")
    parser.add_argument("--threads", type=int, required=True)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--convert", choices=FORMATS, help="write the weights in this number format to --output instead")
    what.add_argument("--tasks", nargs="+", type=json.loads, help="JSON: `prompts` (a file), `batches` (tokens)")
    parser.add_argument("--output", type=Path)
    args = parser.parse_args()
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
    llama_cpp.llama_backend_init()
    if args.convert:
        return convert(args.model, args.output, args.convert, args.threads)
    began = time.perf_counter()
    params = llama_cpp.llama_model_default_params()
    # Its kernels for AMX crash if GCC dropped their tile configuration: https://github.com/ggml-org/llama.cpp/issues/20824
    params.use_extra_bufts = b"AMX_INT8 = 1" not in llama_cpp.llama_print_system_info()
    model = llama_cpp.llama_model_load_from_file(str(args.model).encode(), params)
    load_s = time.perf_counter() - began
    for task in args.tasks:
        asked = json.loads(Path(task["prompts"]).read_text(encoding="utf-8"))
        few = {**asked, "prompts": asked["prompts"][:FEW]}
        batch = fastest(task["batches"], lambda size, few=few: score(model, few, size, args.threads)[0])
        seconds, logprobs = score(model, asked, batch, args.threads)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        work = {"load_s": load_s, "questions": len(logprobs), "seconds": seconds, "peak_rss_bytes": peak, "batch": batch}
        print(json.dumps({**work, "logprobs": logprobs}), flush=True)


@llama_cpp.llama_log_callback
def quiet(level: int, text: bytes, data: Any) -> None:
    """Print nothing of what llama.cpp reports about itself."""


def convert(source: Path, target: Path, name: str, threads: int) -> None:
    """Write a GGUF file's weights in another number format; quantized ones are dequantized first."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.nthread, params.allow_requantize, params.pure = FORMATS[name], threads, True, True
    if llama_cpp.llama_model_quantize(str(source).encode(), str(target).encode(), ctypes.byref(params)):
        raise SystemExit(f"error: {source}: llama.cpp could not write it as {name}; use another GGUF file")


def score(model: Any, asked: dict[str, Any], batch: int, threads: int) -> tuple[float, list[list[float]]]:
    """Seconds, and the log-probabilities of each prompt's letters; `batch` tokens are decoded at once."""
    start, prompts = asked["prefix"], asked["prompts"]
    rests = [prompt["ids"][start:] for prompt in prompts]
    params = llama_cpp.llama_context_default_params()
    params.n_batch = params.n_ubatch = max(batch, *map(len, rests))
    params.n_ctx = start + params.n_batch
    params.n_seq_max, params.kv_unified = min(MOST_SEQUENCES, params.n_batch, len(prompts) + 1), True
    params.n_threads = params.n_threads_batch = threads
    context = llama_cpp.llama_init_from_model(model, params)
    memory, space = llama_cpp.llama_get_memory(context), llama_cpp.llama_batch_init(params.n_batch, 0, 1)
    logprobs: list[list[float]] = [[] for _ in prompts]
    began = time.perf_counter()
    for place in range(0, start, params.n_batch):
        decode(context, space, [(0, place, prompts[0]["ids"][place : min(start, place + params.n_batch)])], last=False)
    for group in groups(rests, params.n_batch, params.n_seq_max - 1):
        for sequence in range(1, len(group) + 1):
            llama_cpp.llama_memory_seq_cp(memory, 0, sequence, -1, -1)
        decode(context, space, [(sequence, start, rests[number]) for sequence, number in enumerate(group, 1)])
        end = -1
        for sequence, number in enumerate(group, 1):
            end += len(rests[number])
            logprobs[number] = letters(model, context, end, prompts[number])
            llama_cpp.llama_memory_seq_rm(memory, sequence, -1, -1)
    seconds = time.perf_counter() - began
    llama_cpp.llama_batch_free(space)
    llama_cpp.llama_free(context)
    return seconds, logprobs


def groups(rests: Sequence[Sequence[int]], tokens: int, most: int) -> Iterator[list[int]]:
    """Put the prompts' numbers in groups of at most so many tokens, and at most so many prompts, the longest first."""
    group: list[int] = []
    for number in sorted(range(len(rests)), key=lambda number: -len(rests[number])):
        if len(group) == most or sum(len(rests[other]) for other in [*group, number]) > tokens:
            yield group
            group = []
        group.append(number)
    yield group


def decode(context: Any, space: Any, sequences: Sequence[tuple[int, int, Sequence[int]]], last: bool = True) -> None:
    """Compute sequences (number, position of the first token, tokens) at once, with the logits of each one's `last` token."""
    place = 0
    for sequence, start, ids in sequences:
        for position, token in enumerate(ids, start):
            space.token[place], space.pos[place], space.n_seq_id[place] = token, position, 1
            space.seq_id[place][0] = sequence
            space.logits[place] = last and position == start + len(ids) - 1
            place += 1
    space.n_tokens = place
    if llama_cpp.llama_decode(context, space):
        raise SystemExit("error: llama.cpp could not decode a batch; try a smaller one")


def letters(model: Any, context: Any, place: int, prompt: Prompt) -> list[float]:
    """The log-probabilities of a prompt's letters, after the token at this place of the batch."""
    words = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
    logits = np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(context, place), (words,)).astype(np.float64)
    top = logits.max()
    total = top + np.log(np.exp(logits - top).sum())
    return [float(logits[token] - total) for token in prompt["letters"]]


if __name__ == "__main__":
    main()

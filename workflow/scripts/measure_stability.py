#!/usr/bin/env python3
"""Score the same questions one at a time and packed, in float32 and bfloat16, with 1 and 2 threads, and compare."""

import argparse
import itertools
import sys
from pathlib import Path

from mmlu_kit import files, progress, user_errors
from mmlu_kit.evaluation import prompts
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.results import stability


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", required=True, help="how the model is called in results")
    add("--questions", type=Path, required=True, nargs="+", help=".jsonl files by fetch_questions.py")
    add("--device", choices=("cpu", "cuda", "mps"), default="cpu", help="where the model runs (default: cpu)")
    add("--preset", choices=prompts.PRESETS, default="lm_eval", help="the prompt's form (default: lm_eval)")
    add("--examples", type=int, choices=range(6), default=0, help="worked examples before each question (default: 0)")
    add("--output", type=Path, required=True, help="the JSON file to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    asked = [questions.read_jsonl(path) for path in args.questions]
    manifest = checkpoints.opened(args.model)

    # torch and transformers take seconds to import: every mistake above comes before them.
    import torch
    from mmlu_kit.evaluation import encoding, scoring
    from mmlu_kit.models import loading, transformers_model

    tokenizer = transformers_model.load_tokenizer(manifest["folder"])
    runs = []
    for dtype in stability.DTYPES:
        model = loading.load(manifest, {"device": args.device, "dtype": dtype, "quantization": "none"}, "fail").model
        context = transformers_model.context_length(model)
        prepared = []
        for found in asked:
            tests, shown = questions.split(found, "test"), questions.examples(found, args.examples)
            prepared.append(encoding.prepare(tests, shown, args.preset, tokenizer, context))
        for batching, threads in itertools.product(stability.BATCHINGS, stability.THREADS):
            torch.set_num_threads(threads)
            size = None if batching == "alone" else transformers_model.tokens_per_batch(model, "auto")
            records = []
            with progress.Bar(f"{dtype}, {batching}, {threads} threads", sum(map(len, prepared))) as bar:
                for subject in prepared:
                    done = lambda number, found, bar=bar: bar.advance(len(found))  # noqa: E731
                    records += scoring.score(model, tokenizer, subject, size, 1, {}, done)
            runs.append(stability.run(dtype, batching, threads, records))
    compared = stability.comparisons(runs)
    result = {
        "schema": "mmlu-kit/stability/1",
        "model": args.name,
        "subjects": [found[0].subject for found in asked],
        "questions": len(runs[0]["predicted"]),
        "runs": runs,
        "comparisons": compared,
    }
    files.write_json(args.output, result)
    for comparison in compared:
        one, other = (" ".join(map(str, settings.values())) for settings in comparison["runs"])
        print(f"{one} against {other}: {comparison['flips']} flips, largest difference {comparison['largest_difference']}")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))

#!/usr/bin/env python3
"""Score the same questions packed and one at a time, in float32 and bfloat16, with 1 and 2 threads, and compare."""

import argparse
import gc
import itertools
from pathlib import Path

from mmlu_kit import options, progress, user_errors
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.results import stability
from mmlu_kit.results.stability import Batching, RunSettings, StabilityFile, StabilityRun
from mmlu_kit.settings import Device, LoadSettings, OnUnavailable, Preset, Split


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", required=True, help="the model's name in results")
    add("--questions", type=Path, required=True, nargs="+", help=".jsonl files by fetch_questions.py")
    add("--device", choices=list(map(str, Device)), default="cpu", help="where the model runs (default: cpu)")
    options.add_prompt(parser)
    add("--output", type=Path, required=True, help="the JSON file to write")
    args = parser.parse_args()
    if Preset(args.preset).is_cloze:
        parser.error(f"the preset {args.preset} asks for no letters, which are compared: use another preset")
    return args


def main() -> None:
    args = arguments()
    # Only letters are compared, so nothing longer is generated.
    requested = options.prompt_settings(args).model_copy(update={"max_new_tokens": 1})
    by_subject = [questions.read_jsonl(path) for path in args.questions]
    manifest = checkpoints.verified_manifest(args.model)

    # torch and transformers take seconds to import, so the checks above come first.
    import torch
    from mmlu_kit.evaluation import encoding, scoring
    from mmlu_kit.models import batch_size, loading, positions, tokenizers

    tokenizer = tokenizers.load_tokenizer(manifest.path)
    runs: list[StabilityRun] = []
    for dtype in stability.DTYPES:
        model = loading.load(manifest, LoadSettings(device=args.device, dtype=dtype), OnUnavailable.FAIL).model
        assert model is not None
        context = positions.context_length(model)
        prompts = [
            encoding.prepare(
                questions.split(subject_questions, Split.TEST),
                questions.examples(subject_questions, requested.examples),
                requested,
                tokenizer,
                context,
            )
            for subject_questions in by_subject
        ]
        for batching, threads in itertools.product(Batching, stability.THREADS):
            settings = RunSettings(dtype=dtype, batching=batching, threads=threads)
            torch.set_num_threads(threads)
            size = batch_size.tokens_per_batch(model, "auto") if batching == Batching.PACKED else None
            records: list[Record] = []
            packings: list[Packing] = []
            with progress.Bar(settings.in_words(), sum(map(len, prompts))) as bar:

                def done(number: int, batch: list[Record], bar: progress.Bar = bar) -> None:
                    bar.advance(len(batch))

                for subject_prompts in prompts:
                    scored, packing = scoring.score(model, tokenizer, subject_prompts, size, requested, {}, done)
                    records += scored
                    packings.append(packing)
            runs.append(stability.run(settings, records, Packing.over(packings)))
        # Both number formats together would need half as much memory again.
        del model
        gc.collect()
    measured = StabilityFile(
        model=args.name,
        subjects=[subject_questions[0].subject for subject_questions in by_subject],
        questions=len(records),
        runs=runs,
        comparisons=stability.comparisons(runs),
    )
    measured.write(args.output)
    for comparison in measured.comparisons:
        first, second = (settings.in_words() for settings in comparison.runs)
        print(f"{first} against {second}: {comparison.flips} flips, largest difference {comparison.largest_difference}")


if __name__ == "__main__":
    user_errors.run(main)

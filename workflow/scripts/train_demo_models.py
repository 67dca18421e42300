#!/usr/bin/env python3
"""Train the demo study's models on the facts that the project states, and save them in Hugging Face form."""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from mmlu_kit import problems

DEMO = Path(__file__).parents[1] / "demo"
MODELS = ("demo-small", "demo-medium", "demo-large")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, metavar="MODEL", help="which (default: all)")
    parser.add_argument("--facts", type=Path, default=DEMO / "facts", help="folder of facts (default: the project's)")
    parser.add_argument("--output", type=Path, default=DEMO / "models", help="folder to write (default: the project's)")
    parser.add_argument("--threads", type=int, default=1, help="processor threads; another number gives other weights")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    import torch
    from mmlu_kit import encoding, records, scoring
    from mmlu_kit.demo import bank, facts, tokenizer, training

    torch.set_num_threads(args.threads)
    relations = facts.read(args.facts)
    asked = [q for found in bank.fixed_questions(relations).values() for q in found if q.split == "test"]
    pieces = tokenizer.train(relations)
    for name in args.models:
        recipe = training.RECIPES[name]
        print(f"{name}: {recipe}", flush=True)
        model = training.train(recipe, pieces, relations, lambda line: print(f"  {line}", flush=True))
        folder = args.output / name
        model.save_pretrained(folder)
        pieces.save_pretrained(folder)
        tokenizer.check_saved(folder, pieces)
        for preset in ("lm_eval", "chat"):
            prepared = encoding.prepare(asked, [], preset, pieces, None)
            totals = records.totals(scoring.score(model, pieces, prepared, 4096, 1, {}, lambda number, scored: None))
            print(f"  held-out questions ({preset}): {totals['correct']} of {totals['questions']} correct", flush=True)


if __name__ == "__main__":
    sys.exit(problems.run(main))

#!/usr/bin/env python3
"""Train the demo study's models and the demo chat model, and save them in Hugging Face form."""

import argparse
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from mmlu_kit import user_errors

WORKFLOW = Path(__file__).parents[1]
DEMO = WORKFLOW / "demo"
CHAT = "demo-chat"
MODELS = ("demo-small", "demo-medium", "demo-large", CHAT)


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

    torch.set_num_threads(args.threads)
    asked = [name for name in args.models if name != CHAT]
    if asked:
        train_on_facts(asked, args.facts, args.output)
    if CHAT in args.models:
        train_to_chat(args.output / CHAT)


def train_on_facts(names: list[str], folder_of_facts: Path, output: Path) -> None:
    """The models that answer questions, each trained on its share of the facts."""
    from mmlu_kit.evaluation import encoding, records, scoring
    from recipes import bank, facts, tokenizer, training

    relations = facts.read(folder_of_facts)
    asked = [q for found in bank.fixed_questions(relations).values() for q in found if q.split == "test"]
    pieces = tokenizer.of_questions(relations)
    tokenizer.check_letters(pieces)
    for name in names:
        recipe = training.RECIPES[name]
        print(f"{name}: {recipe}", flush=True)
        model = training.train(recipe, pieces, relations, say)
        save(model, pieces, output / name, "What is 12 + 30?\nA. 41\nB. 42\nAnswer:")
        for preset in ("lm_eval", "chat"):
            prepared = encoding.prepare(asked, [], preset, pieces, None)
            totals = records.totals(scoring.score(model, pieces, prepared, 4096, 1, {}, lambda number, scored: None))
            say(f"held-out questions ({preset}): {totals['correct']} of {totals['questions']} correct")


def train_to_chat(folder: Path) -> None:
    """The model that remembers what it is told."""
    from mmlu_kit.recall import conversations
    from recipes import conversing, talk, tokenizer

    material = conversations.read(WORKFLOW / "recall/conversations.yaml")
    told = talk.read(material, DEMO / "chat.yaml")
    pieces = tokenizer.of_conversations(told)
    print(f"{CHAT}: {conversing.RECIPE}", flush=True)
    model = conversing.train(conversing.RECIPE, pieces, told, say)
    save(model, pieces, folder, "My locker code is 0417.")
    for kind in conversations.KINDS:
        for distance in (1, 2, 4, 8, 16):
            found = outcomes(model, pieces, material, kind, distance)
            say(f"{kind}, {distance} turns back: {', '.join(f'{count} {what}' for what, count in found.most_common())}")


def outcomes(model: Any, pieces: Any, material: Any, kind: str, distance: int) -> Counter[str]:
    """What replies to 40 conversations of the recall experiment are, with the whole conversation in view."""
    from mmlu_kit.chat import replies
    from mmlu_kit.evaluation import encoding
    from mmlu_kit.recall import conversations, judging

    replier, found = replies.Replier(model, pieces), Counter()
    for number in range(40):
        trial = conversations.trial(material, kind, distance, number, seed=0)
        said = "".join(replier.reply(encoding.prompt_ids(trial.messages, pieces), 40))
        found[judging.outcome(said, trial, material)] += 1
        if trial.word:
            found["with the word"] += judging.keeps_rule(said, trial.word)
    return found


def save(model: Any, pieces: Any, folder: Path, text: str) -> None:
    """Write model and tokenizer, and see that what is loaded again encodes this text in the same way."""
    from recipes import tokenizer

    model.save_pretrained(folder)
    pieces.save_pretrained(folder)
    tokenizer.check_saved(folder, pieces, text)


def say(line: str) -> None:
    """A line about the model that is being trained."""
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    sys.exit(user_errors.run(main))

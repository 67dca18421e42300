#!/usr/bin/env python3
"""Train the demo study's models and the demo chat model, and save them in Hugging Face form."""

from __future__ import annotations

import argparse
import itertools
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from mmlu_kit import user_errors
from mmlu_kit.settings import Preset, PromptSettings, Split

if TYPE_CHECKING:
    from mmlu_kit.recall.conversations import Material
    from mmlu_kit.recall.documents import Kind

WORKFLOW = Path(__file__).parents[1]
DEMO = Path(__file__).parent
CHAT = "demo-chat"
MODELS = ("demo-small", "demo-medium", "demo-large", CHAT)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--models", nargs="+", choices=MODELS, default=MODELS, metavar="MODEL", help="the models to train (default: all)"
    )
    parser.add_argument("--facts", type=Path, default=DEMO / "facts", help="folder of facts (default: the project's)")
    parser.add_argument("--output", type=Path, default=DEMO / "models", help="folder to write (default: the project's)")
    parser.add_argument(
        "--threads", type=int, default=1, help="processor threads (default: 1; other numbers give different weights)"
    )
    return parser.parse_args()


def main() -> None:
    args = arguments()
    import torch

    torch.set_num_threads(args.threads)
    names = [name for name in args.models if name != CHAT]
    if names:
        train_on_facts(names, args.facts, args.output)
    if CHAT in args.models:
        train_to_chat(args.output / CHAT)


def train_on_facts(names: Sequence[str], folder_of_facts: Path, output: Path) -> None:
    """Train and save the models that answer questions, each on its share of the facts."""
    from mmlu_kit.evaluation import encoding, scoring
    from mmlu_kit.evaluation.answers import Totals
    from recipes import bank, facts, training
    from recipes.tokenizer import check_letters, question_tokenizer

    relations = facts.read(folder_of_facts)
    every = itertools.chain.from_iterable(bank.fixed_questions(relations).values())
    tests = [question for question in every if question.split == Split.TEST]
    tokenizer = question_tokenizer(relations)
    check_letters(tokenizer)
    for name in names:
        recipe = training.RECIPES[name]
        print(f"{name}: {recipe}", flush=True)
        model = training.train(recipe, tokenizer, relations, say)
        save(model, tokenizer, output / name, "What is 12 + 30?\nA. 41\nB. 42\nAnswer:")
        for preset in (Preset.LM_EVAL, Preset.CHAT):
            requested = PromptSettings(preset=preset)
            prompts = encoding.prepare(tests, [], requested, tokenizer, None)
            records, _ = scoring.score(model, tokenizer, prompts, 4096, requested, {}, lambda number, scored: None)
            totals = Totals.over(records)
            say(f"held-out questions ({preset}): {totals.correct} of {totals.questions} correct")


def train_to_chat(folder: Path) -> None:
    """Train and save the demo chat model."""
    from mmlu_kit.recall import conversations
    from recipes import conversing, talk
    from recipes.tokenizer import conversation_tokenizer

    material = conversations.read(WORKFLOW / "recall/conversations.yaml")
    taught = talk.read(material, DEMO / "chat.yaml")
    tokenizer = conversation_tokenizer(taught)
    print(f"{CHAT}: {conversing.RECIPE}", flush=True)
    model = conversing.train(conversing.RECIPE, tokenizer, taught, say)
    save(model, tokenizer, folder, "My locker code is 0417.")
    for kind in conversations.KINDS:
        for distance in (1, 2, 4, 8, 16):
            counts = outcomes(model, tokenizer, material, kind, distance)
            say(f"{kind}, {distance} turns back: {', '.join(f'{count} {what}' for what, count in counts.most_common())}")


def outcomes(model: Any, tokenizer: Any, material: Material, kind: Kind, distance: int) -> Counter[str]:
    """Count the outcomes of 40 conversations of the recall experiment, with the whole conversation in view."""
    from mmlu_kit.chat import replies
    from mmlu_kit.evaluation import token_ids
    from mmlu_kit.evaluation.chat_templates import ChatTemplate
    from mmlu_kit.recall import conversations, judging

    template = ChatTemplate(tokenizer)
    replier = replies.Replier(model, template)
    counts: Counter[str] = Counter()
    for number in range(40):
        trial = conversations.trial(material, kind, distance, number, seed=0)
        reply = "".join(replier.reply(token_ids.prompt_ids(trial.messages, template), 40))
        counts[judging.outcome(reply, trial, material)] += 1
        if trial.word:
            counts["with the word"] += judging.keeps_rule(reply, trial.word)
    return counts


def save(model: Any, tokenizer: Any, folder: Path, text: str) -> None:
    """Save model and tokenizer, and check that the reloaded tokenizer encodes `text` in the same way."""
    from recipes.tokenizer import check_saved

    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    check_saved(folder, tokenizer, text)


def say(line: str) -> None:
    """Print an indented line about the model in training."""
    print(f"  {line}", flush=True)


if __name__ == "__main__":
    user_errors.run(main)

"""Training of the demo chat model: a small Qwen2 model that learns to write the assistant's part of made-up conversations.

To repeat a value from the conversation, a model needs heads that look at previous tokens and later heads that find what
followed the same tokens before (induction heads, Olsson et al. 2022, https://arxiv.org/abs/2209.11895). Such a small model
learns both slowly. Therefore the heads of the first layer are initialised to look one, two, … tokens back, and training starts
with repeated sequences of random tokens. Without either of these, the model repeated no value after the same number of steps.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from recipes import talk, training
from recipes.muon import Muon

ROLE = "<|im_start|>assistant\n"
IGNORED = -100  # a target that does not count in the loss
MUON_RATE, ADAM_RATE = 0.03, 6e-3
EMBEDDING = 0.1  # initial standard deviation
LOOK = 24.0  # how sharply the first heads look back: with about 90 % of their attention


@dataclass(frozen=True)
class Recipe:
    """The recipe of the model.

    `hidden` is its width, `repeats` the number of steps with repeated sequences, `steps` those with conversations, `tokens` the
    approximate number of tokens in such a step, and `turns` the largest number of turns in a conversation.
    """

    hidden: int
    repeats: int
    steps: int
    tokens: int
    turns: int
    seed: int


RECIPE = Recipe(hidden=64, repeats=300, steps=2400, tokens=3000, turns=22, seed=1)


def train(recipe: Recipe, tokenizer: Any, taught: talk.Talk, say: Callable[[str], None]) -> torch.nn.Module:
    """Return the trained model, the same in every run on one machine with one number of threads; `say` prints progress."""
    torch.manual_seed(recipe.seed)
    model = new_model(recipe.hidden, tokenizer)
    matrices, others = training.split_parameters(model)
    optimizers = [
        Muon(matrices, lr=MUON_RATE, weight_decay=0.01),
        torch.optim.AdamW(others, lr=ADAM_RATE, weight_decay=0.01, betas=(0.9, 0.98)),
    ]
    steps = recipe.repeats + recipe.steps
    started = time.monotonic()
    for step, (ids, targets) in enumerate(batches(recipe, tokenizer, taught, random.Random(recipe.seed))):
        hidden = model.model(input_ids=ids).last_hidden_state  # padded on the right, so no mask is needed
        learned = targets != IGNORED
        loss = torch.nn.functional.cross_entropy(model.lm_head(hidden[learned]), targets[learned])
        loss.backward()
        training.update(model, optimizers, step, steps)
        if (step + 1) % 100 == 0 or step + 1 == steps:
            say(f"step {step + 1} of {steps}: loss {loss.item():.3f}, {time.monotonic() - started:.0f} s")
    return model.eval()


def new_model(hidden: int, tokenizer: Any) -> torch.nn.Module:
    """An untrained model whose first layer's heads look one, two, … tokens back."""
    model = training.new_model(hidden, tokenizer)
    attention, frequencies = model.model.layers[0].self_attn, model.model.rotary_emb.inv_freq
    with torch.no_grad():
        torch.nn.init.normal_(model.model.embed_tokens.weight, std=EMBEDDING)
        # By head, and by the two halves whose dimensions the rotary embedding rotates in pairs.
        keys = attention.k_proj.bias.view(-1, 2, len(frequencies))
        queries = attention.q_proj.bias.view(-1, 2, len(frequencies))
        for back, (key, query) in enumerate(zip(keys, queries, strict=True), start=1):
            # A query equal to the key rotated back by some positions gives the largest product at that distance.
            key[0] = LOOK**0.5
            query[0] = LOOK**0.5 * torch.cos(-back * frequencies)
            query[1] = LOOK**0.5 * torch.sin(-back * frequencies)
    return model


def batches(
    recipe: Recipe, tokenizer: Any, taught: talk.Talk, chance: random.Random
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield one batch per step: repeated sequences, then conversations with equally many turns, at first only short ones."""
    for _ in range(recipe.repeats):
        yield repeats(tokenizer)
    for step in range(recipe.steps):
        longest = min(recipe.turns, 2 + int(recipe.turns * step / (0.4 * recipe.steps)))
        turns = chance.randint(1, longest)
        rows = max(1, recipe.tokens // (30 * turns))
        yield encode([talk.conversation(taught, turns, chance) for _ in range(rows)], tokenizer)


def repeats(tokenizer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids (32, length) of random sequences that occur twice, and targets: the next token in the second occurrence."""
    length = int(torch.randint(5, 21, ()))
    once = torch.randint(len(tokenizer.all_special_ids), len(tokenizer), (32, length))
    ids = torch.cat([once, once], 1)
    targets = torch.full_like(ids, IGNORED)
    targets[:, length:-1] = ids[:, length + 1 :]
    return ids, targets


def encode(conversations: Sequence[Sequence[talk.TaughtMessage]], tokenizer: Any) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids (rows, length), padded on the right, and targets: the next id in messages that the model learns to write."""
    texts = tokenizer.apply_chat_template([talk.as_chat(messages) for messages in conversations], tokenize=False)
    ids = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")["input_ids"]
    targets = torch.full_like(ids, IGNORED)
    role = tokenizer(ROLE)["input_ids"]
    starts, ends = ((ids == mark).nonzero()[:, 1].tolist() for mark in (role[0], tokenizer.eos_token_id))
    rows = [(row, message) for row, messages in enumerate(conversations) for message in messages]
    for (row, message), start, end in zip(rows, starts, ends, strict=True):
        if message.learned:
            first = start + len(role)
            targets[row, first - 1 : end] = ids[row, first : end + 1]
    return ids, targets

"""Training of the demo models: small Qwen2 models that learn to choose the right letter.

The loss is on the answer's letter. With this loss alone such small models never did better than guessing. Therefore, only
during training, a linear probe at the end of each choice also predicts whether it is the right one.
"""

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
import transformers
from mmlu_kit.evaluation import prompts
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Preset

from recipes import bank
from recipes.facts import Relation

BATCH = 32
CHAT_SHARE = 0.25  # share of training prompts in the chat template
MUON_RATE, ADAM_RATE = 0.012, 6e-3


@dataclass(frozen=True)
class Recipe:
    """The recipe of a model: its width, the share of all facts that it is taught, training steps and seed."""

    hidden: int
    share: float
    steps: int
    seed: int


RECIPES = {
    "demo-small": Recipe(hidden=48, share=0.35, steps=1000, seed=1),
    "demo-medium": Recipe(hidden=64, share=0.65, steps=1400, seed=1),
    "demo-large": Recipe(hidden=96, share=1.0, steps=2800, seed=1),
}


def new_model(hidden: int, tokenizer: Any) -> torch.nn.Module:
    """Return an untrained Qwen2 model with three layers and heads of size 16."""
    config = transformers.Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=3,
        num_attention_heads=hidden // 16,
        num_key_value_heads=hidden // 16,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    return transformers.Qwen2ForCausalLM(config)


def split_parameters(model: torch.nn.Module) -> tuple[list[torch.nn.Parameter], list[torch.nn.Parameter]]:
    """Split parameters into the layers' matrices, for Muon, and all others (embeddings, norms, biases)."""
    matrices = [weight for name, weight in model.named_parameters() if weight.ndim == 2 and "embed" not in name]
    others = [weight for name, weight in model.named_parameters() if weight.ndim != 2 or "embed" in name]
    return matrices, others


def update(model: torch.nn.Module, optimizers: list[torch.optim.Optimizer], step: int, steps: int) -> None:
    """Take one step with the current gradients; learning rates rise during the first 5 % of all steps, then fall to 0."""
    factor = min((step + 1) / (0.05 * steps), (steps - step) / (0.95 * steps))
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = optimizer.defaults["lr"] * factor
        optimizer.step()
        optimizer.zero_grad()


def train(recipe: Recipe, tokenizer: Any, relations: Sequence[Relation], say: Callable[[str], None]) -> torch.nn.Module:
    """Return the trained model, the same in every run on one machine with one number of threads; `say` prints progress."""
    torch.manual_seed(recipe.seed)
    model = new_model(recipe.hidden, tokenizer)
    probe = torch.nn.Linear(recipe.hidden, 1)
    matrices, others = split_parameters(model)
    optimizers = [
        torch.optim.Muon(matrices, lr=MUON_RATE, weight_decay=0.01),
        torch.optim.AdamW([*others, *probe.parameters()], lr=ADAM_RATE, weight_decay=0.01, betas=(0.9, 0.98)),
    ]
    batches = _batches(tokenizer, relations, recipe, random.Random(recipe.seed))
    started = time.monotonic()
    for step, (ids, mask, last, letters, ends, right) in enumerate(islice(batches, recipe.steps)):
        rows = torch.arange(len(ids))
        hidden = model.model(input_ids=ids, attention_mask=mask).last_hidden_state
        letter_loss = torch.nn.functional.cross_entropy(model.lm_head(hidden[rows, last]), letters)
        probed = probe(hidden[rows[:, None], ends]).squeeze(-1)
        loss = letter_loss + torch.nn.functional.binary_cross_entropy_with_logits(probed, right)
        loss.backward()
        update(model, optimizers, step, recipe.steps)
        if (step + 1) % 100 == 0 or step + 1 == recipe.steps:
            seconds = time.monotonic() - started
            say(f"step {step + 1} of {recipe.steps}: letter loss {letter_loss.item():.3f}, {seconds:.0f} s")
    return model.eval()


def _batches(
    tokenizer: Any, relations: Sequence[Relation], recipe: Recipe, chance: random.Random
) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield endless batches: ids, mask (rows, length); last positions, letter ids (rows); choices' ends, right (rows, 4)."""
    letter_ids = {
        preset: [tokenizer(prompts.answer_text(preset, letter))["input_ids"][0] for letter in bank.LETTERS]
        for preset in (Preset.LM_EVAL, Preset.CHAT)
    }
    template = ChatTemplate(tokenizer)
    questions = bank.training_questions(relations, recipe.share, chance)
    while True:
        chosen = list(islice(questions, BATCH))
        presets = [Preset.CHAT if chance.random() < CHAT_SHARE else Preset.LM_EVAL for _ in chosen]
        texts = [_text(question, preset, template) for question, preset in zip(chosen, presets, strict=True)]
        encoded = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt", return_offsets_mapping=True)
        mask = encoded["attention_mask"]
        places = [bank.LETTERS.index(question.answer) for question in chosen]
        ends = [
            _choice_ends(q, text, encoded["offset_mapping"][row])
            for row, (q, text) in enumerate(zip(chosen, texts, strict=True))
        ]
        letters = [letter_ids[preset][place] for preset, place in zip(presets, places, strict=True)]
        right = torch.nn.functional.one_hot(torch.tensor(places), len(bank.LETTERS)).float()
        yield encoded["input_ids"], mask, mask.sum(1) - 1, torch.tensor(letters), torch.tensor(ends), right


def _text(question: Question, preset: Preset, template: ChatTemplate) -> str:
    return "".join(piece for piece, _ in prompts.render(question, [], preset, template))


def _choice_ends(question: Question, text: str, offsets: torch.Tensor) -> list[int]:
    """The position of the token that holds the last character of each choice."""
    begin = text.rindex(prompts.block(question, Preset.LM_EVAL))
    ends = []
    for letter, choice in zip(bank.LETTERS, question.choices, strict=True):
        begin = text.index(f"\n{letter}. {choice}\n", begin) + len(f"\n{letter}. {choice}") - 1
        ends.append(int(((offsets[:, 0] <= begin) & (begin < offsets[:, 1])).nonzero()[0]))
    return ends

"""Scoring: one forward pass a question gives both readings of a model's answer.

The best letter is the largest of the four letters' next-token probabilities (softmax over the whole vocabulary, in
float32); the generated letter is parsed from the token the model would have written, the largest of all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from . import answers, prompts
from .files import sha256
from .problems import Problem
from .questions import LETTERS, Question


@dataclass(frozen=True)
class Prompt:
    """A question as a model sees it: its text, its token ids, and the token id of each letter that may follow."""

    question: Question
    text: str
    ids: tuple[int, ...]
    letter_ids: tuple[int, int, int, int]


def prepare(
    questions: Iterable[Question], examples: Sequence[Question], template: str, tokenizer: Any, context: int | None
) -> list[Prompt]:
    """Prompts in the order of `questions`; what cannot be scored exactly is a Problem naming the question.

    `template` is one of prompts.TEMPLATES, `context` the longest prompt in tokens that the model can take.
    """
    if template == "chat" and not tokenizer.chat_template:
        raise Problem("the prompt's template is 'chat' and this model's tokenizer has no chat template: use 'plain'")
    prepared = []
    for question in questions:
        text = prompts.render(question, examples, template, tokenizer)
        # A chat template writes the beginning-of-text token itself; running text gets it from the tokenizer, once.
        ids, *joined = tokenizer(
            [text] + [text + prompts.answer_text(template, letter) for letter in LETTERS],
            add_special_tokens=template == "plain",
        )["input_ids"]
        if context is not None and len(ids) > context:
            raise Problem(f"{question.name}: {len(ids)} tokens, and the model's context is {context}: use fewer examples")
        prepared.append(Prompt(question, text, tuple(ids), _letter_ids(question, ids, joined)))
    return prepared


def _letter_ids(question: Question, ids: list[int], joined: list[list[int]]) -> tuple[int, ...]:
    """The one token that each letter adds to the prompt; prompt and answer are encoded together, never assumed."""
    for letter, whole in zip(LETTERS, joined, strict=True):
        if whole[:-1] != ids:
            raise Problem(
                f"{question.name}: the answer '{letter}' joined to the prompt is not exactly one token more "
                f"({len(ids)} tokens become {len(whole)}): this model's tokenizer cannot be scored by letters with this prompt"
            )
    found = tuple(whole[-1] for whole in joined)
    if len(set(found)) != len(LETTERS):
        raise Problem(f"{question.name}: this model's tokenizer gives several letters the same token")
    return found


def batches(prepared: Sequence[Prompt], tokens_per_batch: int) -> list[list[int]]:
    """Positions in `prepared` grouped so that each batch, padded, stays within `tokens_per_batch` (or is one prompt).

    Sorted by length so that little padding is computed; planned from the whole list, so equal on every run.
    """
    planned: list[list[int]] = []
    for position in sorted(range(len(prepared)), key=lambda i: (len(prepared[i].ids), i)):
        length = len(prepared[position].ids)
        if planned and length * (len(planned[-1]) + 1) <= tokens_per_batch:
            planned[-1].append(position)
        else:
            planned.append([position])
    return planned


@torch.inference_mode()
def last_logits(model: torch.nn.Module, rows: Sequence[Sequence[int]], padding: int) -> torch.Tensor:
    """Next-token logits after each row of token ids: float32, shape (rows, vocabulary), on the model's device.

    Rows are padded on the right: with an explicit mask that leaves every real position as it would be alone, which
    padding on the left does not. Only the rows' last positions go through the head.
    """
    lengths = torch.tensor([len(row) for row in rows])
    longest = int(lengths.max())
    ids = torch.tensor([list(row) + [padding] * (longest - len(row)) for row in rows])
    mask = (torch.arange(longest) < lengths[:, None]).long()
    last, which = torch.unique(lengths - 1, return_inverse=True)
    device = model.device
    logits = model(
        input_ids=ids.to(device),
        attention_mask=mask.to(device),
        logits_to_keep=last.to(device),
        use_cache=False,
    ).logits
    return logits[torch.arange(len(rows), device=device), which.to(device)].float()


def score(
    model: torch.nn.Module, tokenizer: Any, prepared: Sequence[Prompt], tokens_per_batch: int, done: Callable[[int], None]
) -> list[dict]:
    """A record for each prompt, in their order; `done(n)` is told of every n scored.

    workflow/schemas/evaluation.schema.yaml says what a record holds.
    """
    padding = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    records: dict[int, dict] = {}
    for batch in batches(prepared, tokens_per_batch):
        chosen = [prepared[position] for position in batch]
        logprobs = torch.log_softmax(last_logits(model, [prompt.ids for prompt in chosen], padding), dim=-1).cpu()
        for position, record in zip(batch, _records(chosen, logprobs, tokenizer), strict=True):
            records[position] = record
        done(len(batch))
    return [records[position] for position in range(len(prepared))]


def _records(chosen: Sequence[Prompt], logprobs: torch.Tensor, tokenizer: Any) -> Iterator[dict]:
    for prompt, row in zip(chosen, logprobs, strict=True):
        question = prompt.question
        if not torch.isfinite(row).all():
            raise Problem(f"{question.name}: the model's output is not finite: its weights or this dtype cannot be used")
        letters = row[list(prompt.letter_ids)]
        generated = tokenizer.decode([int(row.argmax())])
        parsed = answers.parse(generated)
        predicted = LETTERS[int(letters.argmax())]
        yield {
            "subject": question.subject,
            "index": question.index,
            "question_sha256": question.sha256,
            "prompt_sha256": sha256(prompt.text),
            "prompt_tokens": len(prompt.ids),
            "gold": question.answer,
            # Six decimals: below what float32 itself resolves at these sizes, and far below the 1e-4 of comparisons.
            "letter_logprobs": {letter: round(float(value), 6) for letter, value in zip(LETTERS, letters, strict=True)},
            "letter_mass": float(f"{float(letters.double().exp().sum()):.6g}"),
            "predicted": predicted,
            "correct": predicted == question.answer,
            "generated": generated,
            "parsed": parsed,
            "correct_generated": parsed == question.answer,
        }

"""Scoring: one forward pass a question gives both readings of a model's answer.

The best letter is the largest of the four letters' next-token probabilities (softmax over the whole vocabulary, in
float32); the generated letter is parsed from the greedy text the model would have written, whose first token is the
largest of all.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from . import answers, packing
from .encoding import Prompt
from .files import sha256
from .problems import Problem
from .questions import LETTERS


def score(
    model: torch.nn.Module,
    tokenizer: Any,
    prepared: Sequence[Prompt],
    tokens_per_batch: int | None,
    max_new_tokens: int,
    kept: dict[int, list[dict]],
    done: Callable[[int, list[dict]], None],
    part: Callable[[str], AbstractContextManager] = nullcontext,
) -> list[dict]:
    """A record for each prompt, in their order; workflow/schemas/evaluation.schema.yaml says what a record holds.

    With `tokens_per_batch` None each prompt goes alone through the model's own attention, as plain as can be.
    `kept` has the records of batches that an earlier run scored, by the batch's number; `done(number, records)` is told
    of each batch as it is scored. What is done inside `part('forward')` is the model's computing, inside `part('parse')`
    what is made of it.
    """
    rows = [prompt.ids for prompt in prepared]
    together = tokens_per_batch is not None and packing.can_pack(model)
    start = packing.common_beginning(rows) if together else 0
    batches = packing.plan([len(row) - start for row in rows], tokens_per_batch if together else 1)
    with part("forward"):
        packed = packing.packer(model, rows[0][:start]) if together and len(kept) < len(batches) else None
    records: dict[int, dict] = {}
    for number, batch in enumerate(batches):
        found = kept.get(number)
        if found is None:
            chosen = [prepared[position] for position in batch]
            with part("forward"):
                logits = _logits(model, packed, chosen, start)
            with part("parse"):
                found = list(_records(model, chosen, logits, tokenizer, max_new_tokens, part))
            done(number, found)
        records.update(zip(batch, found, strict=True))
    return [records[position] for position in range(len(prepared))]


def _logits(model: torch.nn.Module, packed: Callable | None, chosen: Sequence[Prompt], start: int) -> torch.Tensor:
    """Next-token logits after each prompt, float32 (prompts, vocabulary); a batch that does not fit memory is halved."""
    try:
        if packed is None:
            return torch.cat([packing.alone(model, prompt.ids) for prompt in chosen])
        return packed([prompt.ids[start:] for prompt in chosen])
    except RuntimeError as error:
        # CUDA has an error of its own for it; the CPU's allocator says it in words.
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        if len(chosen) == 1:
            name, length = chosen[0].question.name, len(chosen[0].ids)
            raise Problem(f"{name}: {length} tokens do not fit the memory of {model.device}: use fewer examples") from None
    # Outside the handler, whose traceback would keep the failed batch's memory.
    torch.cuda.empty_cache()
    half = len(chosen) // 2
    return torch.cat([_logits(model, packed, part, start) for part in (chosen[:half], chosen[half:])])


def _records(
    model: torch.nn.Module, chosen: Sequence[Prompt], logits: torch.Tensor, tokenizer: Any, max_new_tokens: int, part: Callable
) -> Iterator[dict]:
    logprobs = torch.log_softmax(logits, dim=-1)
    if not torch.isfinite(logprobs).all():
        row = int((~torch.isfinite(logprobs)).any(dim=1).nonzero()[0])
        name = chosen[row].question.name
        raise Problem(f"{name}: the model's output is not finite: its weights or this dtype cannot be used")
    for prompt, row in zip(chosen, logprobs, strict=True):
        question = prompt.question
        letters = row[list(prompt.letter_ids)].cpu()
        written = [int(row.argmax())]
        if max_new_tokens > 1:
            with part("forward"):
                written = greedy(model, prompt.ids, max_new_tokens, tokenizer)
        generated = tokenizer.decode(written, skip_special_tokens=max_new_tokens > 1)
        parsed = answers.parse(generated)
        predicted = LETTERS[int(letters.argmax())]
        yield {
            "subject": question.subject,
            "index": question.index,
            "question_sha256": question.sha256,
            "prompt_sha256": sha256(prompt.text),
            "prompt_tokens": len(prompt.ids),
            "examples": prompt.examples,
            "gold": question.answer,
            # Six decimals: below what float32 itself resolves at these sizes, and far below the 1e-4 of comparisons.
            "letter_logprobs": {letter: round(float(value), 6) for letter, value in zip(LETTERS, letters, strict=True)},
            "letter_mass": _mass(letters),
            "other_letter_mass": None if prompt.other_ids is None else _mass(row[list(prompt.other_ids)].cpu()),
            "predicted": predicted,
            "correct": predicted == question.answer,
            "generated": generated,
            "parsed": parsed,
            "correct_generated": parsed == question.answer,
        }


def _mass(logprobs: torch.Tensor) -> float:
    return float(f"{float(logprobs.double().exp().sum()):.6g}")


@torch.inference_mode()
def greedy(model: torch.nn.Module, ids: Sequence[int], max_new_tokens: int, tokenizer: Any) -> list[int]:
    """The tokens that the model writes after `ids`, the most probable one each time, until it ends or the number is reached."""
    given = torch.tensor([list(ids)], device=model.device)
    written = model.generate(
        given,
        attention_mask=torch.ones_like(given),
        do_sample=False,
        max_new_tokens=max_new_tokens,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
    )
    return written[0, len(ids) :].tolist()

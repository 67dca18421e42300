"""Scoring: the records of a subject's prompts, batch by batch."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch

from mmlu_kit.evaluation import batches, cloze, letters
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.batches import Batches
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.evaluation.letters import Phase
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.models import number_formats
from mmlu_kit.settings import PromptSettings
from mmlu_kit.user_errors import UserError


def score(
    model: torch.nn.Module,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    tokens_per_batch: int | None,
    requested: PromptSettings,
    kept: Mapping[int, Sequence[Record]],
    done: Callable[[int, list[Record]], None],
    phase: Phase = nullcontext,
) -> tuple[list[Record], Packing]:
    """Return a record for each prompt, in order, and how many were packed; a prompt that cannot be scored raises UserError.

    If `tokens_per_batch` is None, nothing is packed: each row is scored separately with the model's own attention. `kept` holds
    the records of batches that an earlier run scored, by batch number; `done(number, records)` is called after each new batch.
    `phase(name)` times a block: forward passes as 'forward' and the creation of records as 'parse'.
    """
    is_cloze = requested.preset.is_cloze
    with phase("forward"):
        planned = batches.choose(model, [prompt.rows for prompt in prompts], tokens_per_batch)
        alone = (
            batches.choose(model, [prompt.unconditional_rows for prompt in prompts], tokens_per_batch, planned.groups)
            if is_cloze and requested.unconditional
            else None
        )
    records: dict[int, Record] = {}
    for number in planned.order():
        group = planned.groups[number]
        chosen = [prompts[position] for position in group]
        scored = list(kept.get(number, []))
        # A killed run may have had other groups.
        if [record.index for record in scored] == [prompt.question.index for prompt in chosen]:
            planned.logits.pop(number, None)
        else:
            with phase("forward"):
                logprobs = _logprobs(model, planned, number)
                unconditional = _logprobs(model, alone, number) if alone else None
            with phase("parse"):
                if is_cloze:
                    scored = list(cloze.records(chosen, logprobs, unconditional, requested.ranked_by))
                else:
                    scored = list(letters.records(model, chosen, logprobs, tokenizer, requested.max_new_tokens, phase))
            done(number, list(scored))
        records.update(zip(group, scored, strict=True))
    return [records[position] for position in range(len(prompts))], planned.packing()


def _logprobs(model: torch.nn.Module, planned: Batches, number: int) -> list[torch.Tensor]:
    """The log-probabilities of the next token that are wanted of each question of a group; if one is not finite, raises
    UserError naming the question."""
    logprobs = [torch.log_softmax(logits, dim=-1) for logits in planned.score(number)]
    # Logarithms of probabilities are at most 0, so the smallest one shows any that is not finite, in a single pass. All are
    # read at once, as a GPU has to be waited for each time.
    smallest = torch.stack([one.min() for one in logprobs]).tolist()
    for position, value in zip(planned.groups[number], smallest, strict=True):
        if not math.isfinite(value):
            raise UserError(f"{planned.questions[position].name}: {number_formats.not_finite(model)}")
    return logprobs

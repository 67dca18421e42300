"""Scoring: one forward pass per question gives both the best letter and the first token of the generated answer.

The best letter is the one with the largest next-token probability (softmax over the whole vocabulary, in float32). The
generated letter is parsed from the text that the model generates greedily.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import transformers

from mmlu_kit.evaluation import answer_parser, batches, thoughts
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.template_forms import special_tokens
from mmlu_kit.models import number_formats, positions
from mmlu_kit.user_errors import UserError

# Times a block as a phase, as phase_timer does: with phase("forward"): …
Phase = Callable[[str], AbstractContextManager[Any]]


class NotFinite(UserError):
    """The model's output is not finite."""


def score(
    model: torch.nn.Module,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    tokens_per_batch: int | None,
    max_new_tokens: int,
    kept: Mapping[int, Sequence[Record]],
    done: Callable[[int, list[Record]], None],
    phase: Phase = nullcontext,
) -> tuple[list[Record], Packing]:
    """Return a record for each prompt, in order, and how many were packed; a prompt that cannot be scored raises UserError.

    If `tokens_per_batch` is None, nothing is packed: each prompt is scored separately with the model's own attention.
    `kept` holds the records of batches that an earlier run scored, by batch number; `done(number, records)` is called after
    each new batch. `phase` times forward passes as 'forward' and the creation of records as 'parse'.
    """
    with phase("forward"):
        planned = batches.choose(model, prompts, tokens_per_batch)
    records: dict[int, Record] = {}
    for number in planned.order():
        group = planned.groups[number]
        scored = kept.get(number, [])
        # A killed run may have had other groups.
        if [record.index for record in scored] != [prompts[position].question.index for position in group]:
            with phase("forward"):
                logits = planned.score(number)
            with phase("parse"):
                chosen = [prompts[position] for position in group]
                scored = list(_records(model, chosen, logits, tokenizer, max_new_tokens, phase))
            done(number, list(scored))
        else:
            planned.logits.pop(number, None)
        records.update(zip(group, scored, strict=True))
    return [records[position] for position in range(len(prompts))], planned.packing()


def _records(
    model: torch.nn.Module,
    prompts: Sequence[Prompt],
    logits: torch.Tensor,
    tokenizer: Any,
    max_new_tokens: int,
    phase: Phase,
) -> Iterator[Record]:
    # Of special tokens, those around thoughts show what the answer is. One token alone is kept whatever it is.
    tokens = [token for token in special_tokens(tokenizer) if not thoughts.is_mark(token)] if max_new_tokens > 1 else []
    left_out = frozenset(tokenizer.convert_tokens_to_ids(tokens)) if tokens else frozenset()
    logprobs = torch.log_softmax(logits, dim=-1)
    if not torch.isfinite(logprobs).all():
        row = int((~torch.isfinite(logprobs)).any(dim=1).nonzero()[0])
        name = prompts[row].question.name
        raise UserError(f"{name}: {number_formats.not_finite(model)}")
    for prompt, row_logprobs in zip(prompts, logprobs, strict=True):
        question = prompt.question
        letters = row_logprobs[list(prompt.letter_ids)].cpu()
        written = [int(row_logprobs.argmax())]
        if max_new_tokens > 1:
            with phase("forward"):
                try:
                    written = greedy(model, prompt.ids, max_new_tokens, tokenizer, prompt.end_id)
                except NotFinite as error:
                    raise UserError(f"{question.name}: {error}") from None
        generated = tokenizer.decode([token for token in written if token not in left_out], skip_special_tokens=False)
        in_thought = prompt.conversation is not None and prompt.conversation.open_thought
        parsed = answer_parser.parse(generated, question.letters, in_thought)
        predicted = question.letters[int(letters.argmax())]
        yield Record(
            subject=question.subject,
            index=question.index,
            question_sha256=question.sha256,
            choices=len(question.choices),
            prompt_sha256=prompt.sha256,
            prompt_tokens=len(prompt.ids),
            examples=prompt.examples,
            gold=question.answer,
            # Six decimals are finer than float32 at this magnitude, and far finer than the 1e-4 used in comparisons.
            letter_logprobs={letter: round(float(value), 6) for letter, value in zip(question.letters, letters, strict=True)},
            letter_mass=float(f"{float(letters.double().exp().sum()):.6g}"),
            predicted=predicted,
            correct=predicted == question.answer,
            generated=generated,
            parsed=parsed,
            correct_generated=parsed == question.answer,
        )


@torch.inference_mode()
def greedy(
    model: torch.nn.Module, ids: Sequence[int], max_new_tokens: int, tokenizer: Any, end_id: int | None = None
) -> list[int]:
    """The tokens that the model generates greedily after `ids`, up to its end token, `end_id` or `max_new_tokens`.

    Output that is not finite raises NotFinite; transformers would take any token for the most probable one.
    """
    configured = model.generation_config.eos_token_id
    ends = {*(configured if isinstance(configured, list) else [configured]), end_id} - {None}
    positions.reset_rope(model)

    def check(tokens: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        if not torch.isfinite(logits).all():
            raise NotFinite(number_formats.not_finite(model))
        return logits

    prompt = torch.tensor([list(ids)], device=model.device)
    written = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(ends) or None,
        pad_token_id=tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0,
        logits_processor=transformers.LogitsProcessorList([check]),
    )
    tokens = list(written[0, len(ids) :].tolist())
    # The tokenizer does not leave out a template's mark that is not special.
    return tokens[:-1] if end_id is not None and tokens[-1] == end_id else tokens

"""Records of answers by letter: one forward pass gives both the best letter and the first token of the generated answer.

The best letter is the one with the largest next-token probability (softmax over the whole vocabulary, in float32), or with the
largest mean probability over all orders of the choices. The generated letter is parsed from the text that the model generates
greedily after the choices in the order given.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from mmlu_kit.evaluation import answer_parser, generation, orders, thoughts
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.evaluation.template_forms import special_tokens
from mmlu_kit.user_errors import UserError

Phase = Callable[[str], AbstractContextManager[Any]]


def records(
    model: torch.nn.Module,
    prompts: Sequence[Prompt],
    logprobs: Sequence[torch.Tensor],
    tokenizer: Any,
    max_new_tokens: int,
    phase: Phase,
) -> Iterator[Record]:
    """Yield the record of each prompt.

    `logprobs` are those of the next token after it in each order, the one given first, of shape (orders, vocabulary).
    """
    # Of special tokens, those around thoughts show what the answer is. One token alone is kept whatever it is.
    tokens = [token for token in special_tokens(tokenizer) if not thoughts.is_mark(token)] if max_new_tokens > 1 else []
    left_out = frozenset(tokenizer.convert_tokens_to_ids(tokens)) if tokens else frozenset()
    for prompt, letters, most_probable in zip(prompts, *_read(prompts, logprobs), strict=True):
        question = prompt.question
        # Six decimals are finer than float32 at this magnitude, and far finer than the 1e-4 used in comparisons.
        rounded = [dict(zip(question.letters, (round(float(value), 6) for value in row), strict=True)) for row in letters]
        written = [most_probable]
        if max_new_tokens > 1:
            with phase("forward"):
                try:
                    written = generation.greedy(model, prompt.ids, max_new_tokens, tokenizer, prompt.end_id)
                except generation.NotFinite as error:
                    raise UserError(f"{question.name}: {error}") from None
        generated = tokenizer.decode([token for token in written if token not in left_out], skip_special_tokens=False)
        in_thought = prompt.conversation is not None and prompt.conversation.open_thought
        parsed = answer_parser.parse(generated, question.letters, in_thought)
        predicted = question.letters[int(letters[0].argmax())]
        if prompt.orders:
            over_orders = orders.over_orders(rounded)
            predicted = max(over_orders, key=over_orders.__getitem__)
        yield Record(
            **prompt.described,
            letter_logprobs=rounded[0],
            letter_mass=float(f"{float(letters[0].double().exp().sum()):.6g}"),
            other_orders=rounded[1:] if prompt.orders else None,
            predicted=predicted,
            correct=predicted == question.answer,
            generated=generated,
            parsed=parsed,
            correct_generated=parsed == question.answer,
        )


def _read(prompts: Sequence[Prompt], logprobs: Sequence[torch.Tensor]) -> tuple[list[list[torch.Tensor]], list[int]]:
    """Return each prompt's log-probabilities of its letters in each order, and its most probable next token.

    They are read from the device at once, as a GPU has to be waited for each time.
    """
    letter_ids = [ids for prompt in prompts for ids in (prompt.letter_ids, *(order.letter_ids for order in prompt.orders))]
    counts = [len(ids) for ids in letter_ids]
    places = torch.tensor([token for ids in letter_ids for token in ids], device=logprobs[0].device).split(counts)
    rows = [row for one in logprobs for row in one]
    letters = iter(torch.cat([row[ids] for row, ids in zip(rows, places, strict=True)]).cpu().split(counts))
    most_probable = torch.stack([one[0].argmax() for one in logprobs]).tolist()
    return [[next(letters) for _ in one] for one in logprobs], most_probable

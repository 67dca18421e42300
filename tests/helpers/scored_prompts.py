"""Prompts of random tokens, and scoring that is compared with each prompt alone by the model's own attention."""

import copy
from collections.abc import Sequence
from types import SimpleNamespace

import torch
from mmlu_kit.evaluation import scoring
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import PromptSettings

from tests.helpers import families

LETTER_IDS = (11, 12, 13, 14)
TOKENIZER = SimpleNamespace(pad_token_id=0, decode=lambda ids, skip_special_tokens: " ".join(map(str, ids)))


def make_prompts(lengths: Sequence[int], shared: int) -> list[Prompt]:
    """Prompts of random tokens: the first `shared` are the same, then each has its own, of which `lengths` has the numbers."""
    draw = torch.Generator().manual_seed(1)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(3, families.VOCABULARY, (count,), generator=draw).tolist())

    prefix = tokens(shared)
    return [
        Prompt(
            question=Question("astronomy", "test", index, "?", ("a", "b", "c", "d"), "A"),
            text="?",
            sha256="0" * 64,
            ids=prefix + tokens(length),
            answers=tuple("ABCD"),
            letter_ids=LETTER_IDS,
            examples=0,
        )
        for index, length in enumerate(lengths)
    ]


def score(model: torch.nn.Module, prompts: Sequence[Prompt], tokens_per_batch: int | None) -> tuple[list[Record], Packing]:
    """Score prompts, check that the scores are those of each prompt alone, and return the records and how they were packed."""
    return compared(model, prompts, tokens_per_batch)[:2]


def compared(
    model: torch.nn.Module, prompts: Sequence[Prompt], tokens_per_batch: int | None
) -> tuple[list[Record], Packing, float]:
    """Do the same, and return the largest difference too, in nats.

    The model must not have read anything yet, since some rotary positions depend on earlier prompts.
    """
    reference = torch.stack([_logprobs_alone(model, prompt.ids) for prompt in prompts])
    records, packing = scoring.score(
        model, TOKENIZER, prompts, tokens_per_batch, PromptSettings(), {}, lambda number, batch: None
    )
    scored = torch.tensor([[record.letter_logprobs[letter] for letter in "ABCD"] for record in records], dtype=torch.float64)
    error = (scored - reference[:, LETTER_IDS]).abs().max()
    print(f"{type(model).__name__}: {packing.in_words()}; {error:.1g} nats off")
    assert error < 1e-4
    assert [record.generated for record in records] == [str(int(row.argmax())) for row in reference]
    assert reference[:, LETTER_IDS].std(dim=0).max() > 0.1, "this model does not tell the prompts apart"
    return records, packing, float(error)


def _logprobs_alone(model: torch.nn.Module, ids: Sequence[int]) -> torch.Tensor:
    """Next-token log-likelihoods after one prompt, by a fresh copy of the model."""
    with torch.inference_mode():
        return torch.log_softmax(
            copy.deepcopy(model)(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].double(), dim=-1
        )

"""Records of answers by the choices' texts: how probable each is after the question, and after 'Answer:' alone."""

from collections.abc import Iterator, Sequence

import torch

from mmlu_kit.evaluation import continuations
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.continuations import Continuation
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.settings import Score


def records(
    prompts: Sequence[Prompt],
    logprobs: Sequence[torch.Tensor],
    unconditional: Sequence[torch.Tensor] | None,
    ranked_by: Score,
) -> Iterator[Record]:
    """Yield the record of each prompt.

    `logprobs` are those of the next token where `rows.cloze_rows` wants them, of shape (outputs, vocabulary), and
    `unconditional` the same after 'Answer:' alone, or None.
    """
    for number, (prompt, after) in enumerate(zip(prompts, logprobs, strict=True)):
        question = prompt.question
        sums = _sums(after, [choice.ids for choice in prompt.choices])
        sums_alone: Sequence[float | None] = [None] * len(sums)
        if unconditional is not None:
            sums_alone = _sums(unconditional[number], [ids for _, ids in (choice.unconditional for choice in prompt.choices)])
        choices = [
            Continuation(
                logprob=logprob,
                unconditional=logprob_alone,
                tokens=len(choice.ids),
                characters=len(text),
                bytes=len(text.encode()),
            )
            for text, choice, logprob, logprob_alone in zip(question.choices, prompt.choices, sums, sums_alone, strict=True)
        ]
        predicted = continuations.best(choices, ranked_by)
        yield Record(
            **prompt.described,
            predicted=predicted,
            correct=predicted == question.answer,
            generated=None,
            parsed=None,
            correct_generated=None,
            cloze=choices,
        )


def _sums(logprobs: torch.Tensor, choices: Sequence[tuple[int, ...]]) -> list[float]:
    """The sum of each choice's tokens' log-probabilities, to six decimals."""
    rows = dict.fromkeys(choice[:-1] for choice in choices)  # as `rows.cloze_rows` has them
    parts = dict(zip(rows, logprobs.split([len(row) + 1 for row in rows]), strict=True))
    sums = [parts[choice[:-1]][range(len(choice)), list(choice)].double().sum() for choice in choices]
    return [round(float(value), 6) for value in sums]

"""A choice's text as the continuation of a question (cloze): its log-probability, and the scores that rank choices."""

import math
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from mmlu_kit.data import Data
from mmlu_kit.settings import LETTERS, Score

# What float32 holds, of which the logarithms are computed.
SMALLEST = -3.4028235e38
Logprob = Annotated[float, Field(ge=SMALLEST, le=0)]
MAX_PROMPT_TOKENS = 10_000_000  # more than any model's context
MOST_BYTES = 1_000_000_000  # more than any text has


class Continuation(Data):
    """How probable a choice's text is after the question; natural logarithms, summed over the text's tokens."""

    logprob: Logprob = Field(description="After the question.")
    unconditional: Logprob | None = Field(description="After 'Answer:' alone; null with `unconditional: false`.")
    tokens: Annotated[int, Field(ge=1, le=MAX_PROMPT_TOKENS)] = Field(
        description="Tokens that the text and the space before it add to the prompt."
    )
    characters: Annotated[int, Field(ge=0, le=MOST_BYTES)] = Field(description="Characters of the text alone.")
    bytes: Annotated[int, Field(ge=0, le=MOST_BYTES)] = Field(description="Its bytes in UTF-8.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if not self.characters <= self.bytes <= 4 * self.characters:
            raise ValueError(f"{self.characters} characters cannot have {self.bytes} bytes in UTF-8")
        return self

    def score(self, by: Score) -> float:
        """Return the score by which choices are ranked; an empty text has the lowest per character and per byte.

        PMI needs the unconditional log-probability.
        """
        if by == Score.PMI:
            assert self.unconditional is not None
            return self.logprob - self.unconditional
        length = {Score.RAW: 1, Score.TOKEN: self.tokens, Score.CHARACTER: self.characters, Score.BYTE: self.bytes}[by]
        return self.logprob / length if length else -math.inf


def best(choices: Sequence[Continuation], by: Score) -> str:
    """Return the letter of the choice with the highest score, the first of those that tie."""
    scores = [choice.score(by) for choice in choices]
    return LETTERS[scores.index(max(scores))]

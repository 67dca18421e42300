"""One model's answer to one question, and counts of answers."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from mmlu_kit.data import Count, Data, Sha256, at_most
from mmlu_kit.evaluation import continuations, orders
from mmlu_kit.evaluation.continuations import MAX_PROMPT_TOKENS, Continuation, Logprob
from mmlu_kit.settings import FEWEST_CHOICES, LETTERS, MOST_CHOICES, Letter, Score

# Relative: log-probabilities have six decimals, their sum six digits.
ROUNDING = 1e-5

Choices = Annotated[int, Field(ge=FEWEST_CHOICES, le=MOST_CHOICES)]


def _first_letters(logprobs: dict[str, float]) -> dict[str, float]:
    letters = LETTERS[: len(logprobs)]
    if sorted(logprobs) != sorted(letters):
        raise ValueError(f"needs one number for each of {', '.join(letters)}")
    return logprobs


def mass(logprobs: Iterable[float]) -> float:
    """Return the sum of the probabilities with these logarithms."""
    return math.fsum(map(math.exp, logprobs))


LetterLogprobs = Annotated[
    dict[str, Logprob], Field(min_length=FEWEST_CHOICES, max_length=MOST_CHOICES), AfterValidator(_first_letters)
]


class Record(Data):
    """One model's answer to one question; values unknown for imported answers are null."""

    subject: str
    index: Count = Field(description="The question's index in its subject's test split, from 0.")
    question_sha256: Sha256 = Field(description="The hash of question, choices and answer.")
    choices: Choices = Field(description="How many choices the question has; guessing is right once in this many.")
    prompt_sha256: Sha256 | None = Field(
        None, description="The hash of the prompt's text, and of its template arguments if any."
    )
    prompt_tokens: Annotated[int, Field(ge=1, le=MAX_PROMPT_TOKENS)] | None = None
    examples: Count | None = Field(None, description="Few-shot examples in the prompt.")
    gold: Letter = Field(description="The right answer.")
    predicted: Letter | None = Field(
        description="The best answer. Letters: the most probable one, over all orders if several were asked; cloze: the choice "
        "with the highest score; null if an imported prediction is not a letter."
    )
    correct: bool = Field(description="Whether the best answer is the right one.")
    generated: str | None = Field(description="The text that the model generates (greedy); null for cloze presets.")
    parsed: Letter | None = Field(description="The letter parsed from it; null if it is unparsed.")
    correct_generated: bool | None = Field(description="Whether the parsed letter is the right one; null for cloze presets.")
    letter_logprobs: LetterLogprobs | None = Field(
        None,
        description="Natural logarithm of each letter's probability, softmax over the whole vocabulary in float32, with the "
        "choices in the order given; null for cloze presets.",
    )
    letter_mass: Annotated[float, Field(ge=0, le=1 + ROUNDING)] | None = Field(
        None, description="The sum of the letters' probabilities."
    )
    other_orders: list[LetterLogprobs] | None = Field(
        None,
        description="With `orders: cyclic`, the letters' log-probabilities where the choices begin with the second one, the "
        "third one and so on; letters as shown.",
    )
    cloze: list[Continuation] | None = Field(None, description="Each choice as a continuation; null for presets with letters.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        letters = (self.gold, self.predicted, self.parsed)
        if any(letter is not None and letter not in self.letters for letter in letters):
            raise ValueError(
                f"gold, predicted or parsed is beyond {self.letters[-1]}, and the question has {self.choices} choices"
            )
        if self.correct != (self.predicted == self.gold):
            raise ValueError("correct contradicts predicted and gold")
        if self.generated is None and self.parsed is not None:
            raise ValueError("a letter was parsed, but no text was generated")
        if self.correct_generated != (None if self.generated is None else self.parsed == self.gold):
            raise ValueError("correct_generated contradicts parsed and gold")
        if self.cloze is not None:
            if (self.generated, self.letter_logprobs, self.other_orders) != (None, None, None):
                raise ValueError("it has both letters and continuations")
            if len(self.cloze) != self.choices:
                raise ValueError(f"cloze has {len(self.cloze)} continuations, but the question has {self.choices} choices")
        elif self.generated is None:
            raise ValueError("it has neither a generated text nor continuations")
        self._check_letters()
        return self

    def _check_letters(self) -> None:
        logprobs = self.letter_logprobs
        if logprobs is None:
            if self.letter_mass is not None or self.other_orders is not None:
                raise ValueError("letter_mass or other_orders without letter_logprobs")
            return
        if any(len(letters) != self.choices for letters in (logprobs, *(self.other_orders or []))):
            raise ValueError(f"the log-probabilities are not of {self.choices} letters, one for each choice")
        if self.other_orders is not None and len(self.other_orders) != self.choices - 1:
            raise ValueError(
                f"other_orders has {len(self.other_orders)}, but the choices have {self.choices - 1} other rotations"
            )
        for order, letters in enumerate(self.other_orders or [], 1):
            if mass(letters.values()) > 1 + ROUNDING:
                raise ValueError(f"the letters' probabilities in order {order} add up to more than 1")
        best = self.choice_logprobs or {}
        if best.get(self.predicted or "") != max(best.values()):
            raise ValueError("predicted is not the most probable letter")
        # An absolute tolerance too, as the smallest floats have fewer digits.
        if self.letter_mass is None or not math.isclose(
            self.letter_mass, mass(logprobs.values()), rel_tol=ROUNDING, abs_tol=1e-300
        ):
            raise ValueError("letter_mass is not the sum of the letters' probabilities")

    @property
    def letters(self) -> str:
        """The letters of the question's choices."""
        return LETTERS[: self.choices]

    @property
    def choice_logprobs(self) -> Mapping[str, float] | None:
        """Each choice's log-probability by its letter, over all orders if several were asked; None without letters."""
        if self.letter_logprobs is None or self.other_orders is None:
            return self.letter_logprobs
        return orders.over_orders([self.letter_logprobs, *self.other_orders])

    def predicted_by(self, score: Score) -> str | None:
        """Return the choice of a cloze prompt with the highest score; None for other presets."""
        return continuations.best(self.cloze, score) if self.cloze is not None else None


class Totals(Data):
    """Counts over records."""

    questions: Count = Field(description="All questions.")
    guessed: Annotated[float, Field(ge=0)] = Field(
        description="How many guessing gets right on average: the sum of one in the number of choices, question by question."
    )
    correct: Count = Field(description="Right by the best answer.")
    correct_generated: Count | None = Field(description="Right by the generated letter; null if nothing was generated.")
    parsed: Count | None = Field(description="Answers from which a letter could be parsed; null if nothing was generated.")
    _limits = model_validator(mode="after")(at_most("questions", "guessed", "correct", "correct_generated", "parsed"))

    @classmethod
    def over(cls, records: Sequence[Record]) -> Self:
        """Count records."""
        generates = any(record.generated is not None for record in records)
        return cls(
            questions=len(records),
            guessed=guessed(record.choices for record in records),
            correct=sum(record.correct for record in records),
            correct_generated=sum(bool(record.correct_generated) for record in records) if generates else None,
            parsed=sum(record.parsed is not None for record in records) if generates else None,
        )


def guessed(choices: Iterable[int]) -> float:
    """Return how many of the questions with these numbers of choices guessing gets right on average, to nine decimals."""
    return round(math.fsum(1 / number for number in choices), 9)

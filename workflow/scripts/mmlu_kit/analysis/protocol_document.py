"""The part of analysis.json on protocols: the same weights asked in several ways, cloze scores, orders of the choices."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import PairedDifference, Proportion
from mmlu_kit.data import Count, Data, Fraction, Positive
from mmlu_kit.settings import MOST_CHOICES, Letter, Score

_ROUNDING = 1e-9


class ReadBy(StrEnum):
    """How a model's answer is read."""

    BEST = "best answer"
    GENERATED = "generated letter"


class Reading(Data):
    """A model's answers, read in one way."""

    model: str
    read_by: ReadBy


class ReadingAccuracy(Reading, Proportion):
    """The accuracy of a reading over all questions that the model answered, and of guessing on them."""

    protocol: str = Field(description="How the model was asked, in words.")
    guessing: Fraction = Field(description="The mean of one in the number of choices.")


class ReadingPair(PairedDifference):
    """Two readings on the questions that both models answered."""

    readings: tuple[Reading, Reading]


class Family(Data):
    """Models with the same weights, loaded in the same way, that were asked in different ways."""

    accuracies: Annotated[list[ReadingAccuracy], Field(min_length=2)]
    pairs: list[ReadingPair] = Field(
        description="Every two models by the same reading, and both readings of each model; without pairs of models that "
        "answered no common question."
    )


class ScoreAccuracy(Proportion):
    """The accuracy of a cloze model if its choices are ranked by this score."""

    score: Score
    against: PairedDifference | None = Field(description="This score minus the one in use; null for that one.")


class ClozeScores(Data):
    """A cloze model under each score; without PMI if the choices' unconditional probabilities are not known."""

    model: str
    ranked_by: Score = Field(description="The score in use, which gives the model's accuracy.")
    tokens: Annotated[float, Field(ge=1)] = Field(description="The mean number of tokens of a choice.")
    scores: list[ScoreAccuracy]

    @model_validator(mode="after")
    def _each_score(self) -> Self:
        if [each.score for each in self.scores] not in (list(Score), [score for score in Score if score != Score.PMI]):
            raise ValueError("scores is not every score once, in their order; PMI may be missing")
        if [each.score for each in self.scores if each.against is None] != [self.ranked_by]:
            raise ValueError("against is null for another score than the one in use")
        return self


class LetterRecall(Data):
    """How often the right choice was chosen where it was shown under this letter."""

    right: Positive = Field(description="Questions whose right choice is shown under this letter.")
    chosen: Count
    recall: Fraction

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.chosen > self.right or abs(self.recall - self.chosen / self.right) > _ROUNDING:
            raise ValueError(f"recall is {self.recall}, and {self.chosen} of {self.right} were chosen")
        return self


class OrderAccuracy(Proportion):
    """The accuracy in one order, on the questions that have it: those with more choices than its number."""

    order: Annotated[int, Field(ge=0, lt=MOST_CHOICES)] = Field(description="The choice that is shown first, from 0.")
    recalls: dict[Letter, LetterRecall] = Field(description="By the letter as shown.")


class OrderEffects(Data):
    """A model that was asked for every rotation of the choices."""

    model: str
    orders: Annotated[list[OrderAccuracy], Field(min_length=2, max_length=MOST_CHOICES)]
    p: Fraction | None = Field(
        description="Cochran's Q test of whether the accuracy depends on the order, over the orders that every question has; "
        "null if these are right on the same questions."
    )
    mean: Fraction = Field(description="The accuracy over all orders: the mean over questions of the share of right orders.")
    recalls: dict[Letter, LetterRecall] = Field(
        description="By the letter as shown, over all orders, in which each right choice is shown once under every letter."
    )
    alike: Proportion = Field(description="Questions for which the same choice was chosen in all orders.")
    over_orders: PairedDifference = Field(
        description="The answer by the mean probability over all orders (Zheng et al. 2024) minus the one in the order given."
    )


class ProtocolAnalysis(Data):
    """How much depends on how models are asked and read."""

    families: list[Family]
    cloze: list[ClozeScores] = Field(description="The models with a cloze preset.")
    orders: list[OrderEffects] = Field(description="The models with `orders: cyclic`.")

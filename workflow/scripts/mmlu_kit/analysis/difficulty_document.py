"""The part of analysis.json on what is hard: subjects and questions, and whether they are hard for all models."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import Agreement, ModelPair, P, Statistic
from mmlu_kit.data import Count, Data, Fraction, Positive
from mmlu_kit.settings import FEWEST_CHOICES, LETTERS, MOST_CHOICES, Letter

MOST_HARDEST = 50


class CochranQ(Data):
    """Cochran's Q test of whether the models' accuracies differ at all, on the questions with a letter of every model."""

    statistic: Statistic
    df: Positive
    p: P | None


class KendallW(Data):
    """How much the models agree on the order of subjects, from 0 to 1 (with Friedman's chi-square, corrected for ties)."""

    w: Annotated[float, Field(ge=0, le=1.000001)]
    chi2: Statistic
    df: Positive
    p: P | None


class Spearman(Data):
    """Rank correlation of two models' accuracies over subjects, with a permutation test."""

    models: ModelPair
    rho: Agreement | None
    p: P | None


class Difficulty(Data):
    """Which subjects are hard, and whether the models agree on that, by accuracies on the answers with a letter."""

    order: list[str] = Field(description="Subjects, hardest first, by the mean of the models' accuracies.")
    guessing: dict[str, Fraction] = Field(description="The accuracy of guessing on each of these subjects.")
    kendall_w: KendallW | None
    spearman: list[Spearman]

    @model_validator(mode="after")
    def _same_subjects(self) -> Self:
        if sorted(self.guessing) != sorted(self.order):
            raise ValueError("guessing is not of the subjects in order")
        return self


class ModelsWrong(Data):
    """How many questions 0, 1, … all models missed, observed and expected of independent models (Poisson-binomial) with these
    accuracies on questions with as many choices.

    Questions without a letter of every model are left out.

    The chi-square test pools counts with an expectation below five; it is null if too few counts are left.
    """

    models: Annotated[int, Field(ge=2)]
    questions: Positive
    observed: list[Count]
    expected: list[Statistic]
    chi2: Statistic | None
    df: Positive | None
    p: P | None

    @model_validator(mode="after")
    def _each_question(self) -> Self:
        if len(self.observed) != self.models + 1 or sum(self.observed) != self.questions:
            raise ValueError("observed is not every question once, by the number of models that missed it")
        if len(self.expected) != len(self.observed):
            raise ValueError("expected and observed are of different numbers of models")
        return self


class HardQuestion(Data):
    """A question to which all models chose a wrong letter."""

    subject: str
    index: Count
    question: str
    choices: Annotated[list[str], Field(min_length=FEWEST_CHOICES, max_length=MOST_CHOICES)]
    gold: Letter
    predicted: dict[str, Letter | None] = Field(description="Each model's best answer; null if it could not be read.")

    @model_validator(mode="after")
    def _are_choices(self) -> Self:
        letters = LETTERS[: len(self.choices)]
        if any(letter is not None and letter not in letters for letter in (self.gold, *self.predicted.values())):
            raise ValueError(f"gold or predicted is none of its {len(self.choices)} choices")
        return self

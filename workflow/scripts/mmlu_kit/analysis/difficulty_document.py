"""The part of analysis.json on what is hard: subjects and questions, and whether they are hard for all models."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import Agreement, ModelPair, P, Statistic
from mmlu_kit.data import Count, Data, Fraction, Positive
from mmlu_kit.settings import FEWEST_CHOICES, LETTERS, MOST_CHOICES, Letter

MOST_HARDEST = 50
Concordance = Annotated[float, Field(ge=0, le=1.000001)]


class CochranQ(Data):
    """Cochran's Q test of whether the models' accuracies differ at all, on the questions with a letter of every model."""

    statistic: Statistic
    df: Positive
    p: P | None


class KendallW(Data):
    """How much the models agree on the order of subjects, from 0 to 1 (Kendall's W, corrected for ties).

    `p` is of a one-sided permutation test: subject labels are shuffled over the questions.
    """

    w: Concordance
    expected: Concordance = Field(description="Its mean under shuffled labels: models agree on single questions as well.")
    p: P


class Spearman(Data):
    """Rank correlation of two models' accuracies over subjects, tested as Kendall's W is; null if a model has the same
    accuracy on every subject."""

    models: ModelPair
    rho: Agreement | None
    expected: Agreement | None = Field(description="Its mean under shuffled labels.")
    p: P | None
    p_holm: P | None = Field(description="Corrected for the number of pairs.")


class SubjectDifferences(Data):
    """Whether one model's accuracies differ between subjects, beyond their numbers of choices: Pearson's chi-square of right
    and wrong by subject, tested as Kendall's W is."""

    model: str
    chi2: Statistic
    df: Positive
    p: P | None = Field(description="Null if the model is always right or always wrong.")
    p_holm: P | None = Field(description="Corrected for the number of models.")


class Difficulty(Data):
    """Which subjects are hard, and whether the models agree on that.

    The order is by accuracies on the answers with a letter. Tests are on the questions to which each model gave a letter.
    Models that nearly always choose one letter take no part.
    """

    order: list[str] = Field(description="Subjects, hardest first, by the mean of the accuracies of the models that take part.")
    guessing: dict[str, Fraction] = Field(description="The accuracy of guessing on each of these subjects.")
    draws: Positive = Field(description="Number of shuffles of the labels: no p-value is below 1 / (draws + 1).")
    p_mean: P | None = Field(
        description="Whether the models' mean accuracy differs between subjects, tested as Kendall's W is; null if no label "
        "can be shuffled.",
    )
    kendall_w: KendallW | None
    spearman: list[Spearman]
    differences: list[SubjectDifferences] = Field(description="One per model; empty if no label can be shuffled.")
    untested: str | None = Field(description="Why the order of subjects is not tested, as a sentence; null if it is.")
    all_wrong: Count = Field(description="Number of questions that all compared models missed.")

    @model_validator(mode="after")
    def _same_subjects(self) -> Self:
        if sorted(self.guessing) != sorted(self.order):
            raise ValueError("guessing is not of the subjects in order")
        return self


class ModelsWrong(Data):
    """How many questions 0, 1, … all models missed, observed and expected (Poisson-binomial).

    Questions without a letter of every model are left out, and so are models that nearly always choose one letter. p-values are
    of one-sided permutation tests: each model's answers are permuted over the questions; the statistic is the number of pairs
    of models that are wrong together. They are null if no permutation changes it.
    """

    models: Annotated[int, Field(ge=2)]
    questions: Positive
    observed: list[Count]
    expected: list[Statistic] = Field(
        description="Of independent models with these accuracies on questions with as many choices."
    )
    expected_within: list[Statistic] = Field(
        description="Of models that are independent within each subject, with these accuracies on its questions with as many "
        "choices."
    )
    p: P | None = Field(description="For more pairs that are wrong together than of independent models.")
    p_within: P | None = Field(description="For more of them than of models that are independent within each subject.")
    p_within_letters: P | None = Field(
        description="For more of them than of models that are independent within each subject and right letter: models with "
        "the same letter bias are wrong together where other letters are right."
    )

    @property
    def p_decisive(self) -> float | None:
        """The p-value that decides whether models miss the same questions: neither hard subjects nor a common letter bias may
        explain it."""
        return max((p for p in (self.p_within, self.p_within_letters) if p is not None), default=None)

    @property
    def differs_within(self) -> bool:
        """Whether independence within subjects is another null hypothesis than independence, and can differ from what was
        observed: not with a single subject, nor with a question of each."""
        return self.expected_within not in (self.expected, self.observed)

    @model_validator(mode="after")
    def _each_question(self) -> Self:
        if len(self.observed) != self.models + 1 or sum(self.observed) != self.questions:
            raise ValueError("observed is not every question once, by the number of models that missed it")
        if {len(self.expected), len(self.expected_within)} != {len(self.observed)}:
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

"""analysis.json: statistics on a study's answers and mistakes."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.model_document import Interval, ModelAnalysis, P
from mmlu_kit.analysis.protocol_document import ProtocolAnalysis
from mmlu_kit.data import Count, Data, Document, Fraction, Positive, at_most, version
from mmlu_kit.inputs.question_faults import QuestionFault
from mmlu_kit.settings import FEWEST_CHOICES, LETTERS, MOST_CHOICES, Letter

# Rounding may lift an agreement measure slightly above 1.
Agreement = Annotated[float, Field(ge=-1, le=1.000001)]
Statistic = Annotated[float, Field(ge=0)]
ModelPair = tuple[str, str]

MOST_HARDEST = 50


class NullRate(Interval):
    """A rate under the null hypothesis, with its central 95 %."""

    mean: Fraction


class McNemar(Data):
    """The exact McNemar test of two accuracies."""

    only_first: Count = Field(description="Questions that only the first got right.")
    only_second: Count
    p: P
    p_holm: P = Field(description="Corrected for the number of pairs.")


class PairAnalysis(Data):
    """Two models on the questions that every model answered, by best answer.

    What is expected of independent models comes from their accuracies on questions with as many choices.

    Questions of which an imported answer of one of the two could not be read are left out.
    """

    models: ModelPair
    questions: Positive
    unread: Count = Field(0, description="Questions that were left out.")
    both_wrong: Count
    both_wrong_expected: Statistic = Field(description="Expected from the two accuracies if the models were independent.")
    kappa: Agreement | None = Field(description="Error consistency: Cohen's kappa of right and wrong.")
    kappa_max: Agreement | None = Field(description="The largest kappa that these accuracies allow.")
    capa: Agreement | None = Field(
        description="Chance-adjusted agreement of the letters, with each question's number of choices (Goel et al. 2025)."
    )
    same_wrong: Count = Field(description="Questions on which both chose the same wrong letter.")
    same_wrong_rate: Fraction | None = Field(description="Share of the questions that both missed.")
    same_wrong_null: NullRate | None = Field(
        description="This rate when one model's letters are permuted within subject, number of choices and right letter."
    )
    same_wrong_p: P | None = Field(
        description="p-value for agreeing more often than unrelated models with the same letter bias."
    )
    mcnemar: McNemar
    mcnemar_unread_wrong: McNemar | None = Field(
        None, description="The same test if unreadable answers counted as wrong; null if no question was left out."
    )
    smallest_difference: Fraction | None = Field(
        description="The smallest difference in accuracy that the exact McNemar test at 5 % would find with 80 % power."
    )
    _limits = model_validator(mode="after")(at_most("questions", "both_wrong"))
    _limits_wrong = model_validator(mode="after")(at_most("both_wrong", "same_wrong"))


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


class LabelAccuracies(Data):
    """A model's accuracy on questions with a checked label to which it gave a letter; null where there are none."""

    model: str
    accuracy: Fraction | None = Field(description="On all checked questions.")
    accuracy_clean: Fraction | None
    accuracy_flagged: Fraction | None
    clean: Count = Field(description="Number of questions with a good label that it answered.")
    flagged: Count


class LabelErrors(Data):
    """Questions whose label MMLU-Redux checked, and accuracies on those with a good and with a flagged label."""

    checked: Count = Field(description="Questions of the study whose label was judged good or flagged.")
    flagged: Count
    unmatched: Count = Field(description="Checks of questions that the study does not have.")
    by_type: dict[str, Positive]
    models: list[LabelAccuracies]


class AnalysisFile(Document):
    """analysis.json: statistics on a study's answers and mistakes.

    A model's statistics are over all questions of the study that it answered; comparisons are over the questions that all
    compared models answered. A question that occurs more than once counts once, except in the accuracies of single subjects. An
    imported answer that could not be read is not a wrong letter: it lowers a model's accuracy on all questions, and every test
    leaves it out. Numbers are null if they are not defined or cannot be tested; the warnings say why.
    """

    schema_: Literal["mmlu-kit/analysis/4"] = version("mmlu-kit/analysis/4")
    study: str = Field(description="The study's name.")
    questions: Count = Field(description="Number of questions that all compared models answered.")
    models: list[ModelAnalysis] = Field(description="The models of the study's groups with results, in the report's order.")
    compared: list[str] = Field(
        description="The models that are compared with each other: of weights asked in several ways, the first."
    )
    pairs: list[PairAnalysis] = Field(description="Comparisons of every two models.")
    cochran_q: CochranQ | None = Field(description="Null for fewer than two models.")
    difficulty: Difficulty
    models_wrong: ModelsWrong | None = Field(description="Null for fewer than two models.")
    hardest: Annotated[list[HardQuestion], Field(max_length=MOST_HARDEST)] = Field(
        description="Questions that all models missed, starting with the lowest mean probability of the right letter."
    )
    question_faults: list[QuestionFault] = Field(description="Faults of the study's questions that change what numbers mean.")
    label_errors: LabelErrors | None = Field(description="Null if config names no folder of label checks.")
    warnings: list[str] = Field(description="Warnings about comparisons, and why numbers are null.")
    protocols: ProtocolAnalysis | None = Field(
        None,
        description="How much depends on how models are asked; null if no weights were asked in several ways and no model has "
        "a cloze preset or `orders: cyclic`.",
    )

    @property
    def compared_models(self) -> list[ModelAnalysis]:
        """The models that are compared with each other."""
        return [model for model in self.models if model.model in self.compared]

"""The part of analysis.json on two models: agreement, shared mistakes, which is better."""

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import Agreement, Interval, ModelPair, P, Statistic
from mmlu_kit.data import Count, Data, Fraction, Positive, at_most


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

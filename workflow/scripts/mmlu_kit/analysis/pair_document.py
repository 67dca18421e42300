"""The part of analysis.json on two models: agreement, shared mistakes, which is better."""

from typing import Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import Agreement, Difference, Interval, ModelPair, P, Statistic
from mmlu_kit.data import Count, Data, Fraction, Positive, at_most

_ROUNDING = 1e-9
# Models are called nearly the same from this kappa and share of equal answers on: fine-tuned checkpoints of one model have a
# kappa of about 0.85 and 85 % equal answers, the same weights in another number format a kappa above 0.95.
NEARLY_SAME_KAPPA, NEARLY_SAME_ANSWERS = 0.95, 0.98
# Two good models may both miss the few questions that have a wrong label.
FEWEST_MISTAKES = 10


class NullRate(Interval):
    """A rate under the null hypothesis, with its central 95 %."""

    mean: Fraction


class AgreementInterval(Data):
    """A 95 % interval of an agreement measure, by the jackknife over questions."""

    low: Agreement
    high: Agreement
    _order = model_validator(mode="after")(at_most("high", "low"))


class McNemar(Data):
    """The exact McNemar test of two accuracies."""

    only_first: Count = Field(description="Questions that only the first got right.")
    only_second: Count
    p: P
    p_holm: P = Field(description="Corrected for the number of pairs.")


class AccuracyDifference(Data):
    """The accuracy of the first minus that of the second, with questions as the sample."""

    difference: Difference
    low: Difference = Field(description="The 95 % interval: method 10 of Newcombe 1998.")
    high: Difference

    @model_validator(mode="after")
    def _within(self) -> Self:
        if not self.low - _ROUNDING <= self.difference <= self.high + _ROUNDING:
            raise ValueError("difference is not within its interval")
        return self


class ClusteredTest(Data):
    """The same difference with subjects as the sample, and its t-test."""

    low: float = Field(description="The 95 % interval by the cluster-robust standard error; it may reach beyond -1 and 1.")
    high: float
    p: P
    p_holm: P = Field(description="Corrected for the number of pairs with this test.")
    _order = model_validator(mode="after")(at_most("high", "low"))


class AccuracyRatio(Data):
    """The accuracy of the first divided by that of the second, with questions as the sample."""

    ratio: Statistic
    low: Statistic = Field(description="The 95 % interval of Bonett and Price 2006.")
    high: Statistic
    _order = model_validator(mode="after")(at_most("high", "ratio", "low"))


class PairAnalysis(Data):
    """Two models on the questions that every model answered, by best answer.

    What is expected of independent models comes from their accuracies on questions with as many choices.

    Questions of which an imported answer of one of the two could not be read are left out. Models that nearly always answer
    one letter are in no correction of a test of agreement for the number of pairs.
    """

    models: ModelPair
    questions: Positive
    unread: Count = Field(description="Questions that were left out.")
    same: Count = Field(description="Questions to which both gave the same answer, right or wrong.")
    both_wrong: Count
    both_wrong_expected: Statistic = Field(description="Expected from the two accuracies if the models were independent.")
    kappa: Agreement | None = Field(description="Error consistency: Cohen's kappa of right and wrong.")
    kappa_interval: AgreementInterval | None
    kappa_max: Agreement | None = Field(description="The largest kappa that these accuracies allow.")
    kappa_within: Agreement | None = Field(
        description="Kappa beyond what models with these accuracies in each subject would reach if independent within it."
    )
    kappa_within_interval: AgreementInterval | None
    consistency_p: P | None = Field(
        description="p-value for being right on the same questions more often than models that are independent within subject, "
        "number of choices and right letter (exact Mantel-Haenszel test, one-sided).",
    )
    consistency_p_holm: P | None = Field(
        description="Corrected for the number of pairs; null if one of the two nearly always answers one letter."
    )
    capa: Agreement | None = Field(
        description="Chance-adjusted agreement of the letters, with each question's number of choices (Goel et al. 2025)."
    )
    capa_interval: AgreementInterval | None
    same_wrong: Count = Field(description="Questions on which both chose the same wrong letter.")
    same_wrong_rate: Fraction | None = Field(description="Share of the questions that both missed.")
    same_wrong_null: NullRate | None = Field(
        description="This rate when one model's letters are permuted within subject, number of choices and right letter."
    )
    same_wrong_p: P | None = Field(
        description="p-value for agreeing more often than unrelated models with the same letter bias."
    )
    same_wrong_p_holm: P | None = Field(description="Corrected as `consistency_p_holm` is.")
    same_wrong_draws: Positive = Field(description="Random draws of this test: p is at least 1 / (draws + 1).")
    difference: AccuracyDifference
    ratio: AccuracyRatio | None = Field(description="Null if one of the models is never right.")
    mcnemar: McNemar
    mcnemar_unread_wrong: McNemar | None = Field(
        description="The same test if unreadable answers counted as wrong; null if no question was left out."
    )
    clustered: ClusteredTest | None = Field(
        description="Null for fewer than ten subjects, for fewer than ten questions that only one got right, or if the models "
        "differ equally in every subject.",
    )
    smallest_difference: Fraction | None = Field(
        description="The smallest difference in accuracy that the clustered test (if that is null, the exact McNemar test) "
        "would find with 80 % power at 5 % divided by the number of pairs."
    )
    _limits = model_validator(mode="after")(at_most("questions", "both_wrong", "same"))
    _limits_wrong = model_validator(mode="after")(at_most("both_wrong", "same_wrong"))

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if abs(self.difference.difference - self.advantage) > _ROUNDING:
            raise ValueError("difference is not only_first minus only_second, divided by questions")
        return self

    @property
    def nearly_the_same(self) -> bool:
        """Whether they answer like the same model, unless they nearly always answer one letter."""
        alike = self.kappa is not None and self.kappa >= NEARLY_SAME_KAPPA and self.same >= NEARLY_SAME_ANSWERS * self.questions
        return alike and self.both_wrong >= FEWEST_MISTAKES

    @property
    def advantage(self) -> float:
        """The accuracy of the first minus that of the second."""
        return (self.mcnemar.only_first - self.mcnemar.only_second) / self.questions

    @property
    def test(self) -> ClusteredTest | McNemar:
        """The test that decides which model is better: with subjects as the sample, if there are enough."""
        return self.clustered or self.mcnemar

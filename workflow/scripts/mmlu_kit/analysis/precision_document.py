"""The part of analysis.json on precision: the same weights in two number formats or quantizations, on the same questions."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import Difference, P, Statistic
from mmlu_kit.data import Count, Data, Positive
from mmlu_kit.statistics import margins
from mmlu_kit.statistics.margins import Verdict

_ROUNDING = 1e-9
Margin = Annotated[float, Field(gt=0, le=1)]


class Divergence(Data):
    """The mean over questions of KL(reference || model), in nats, with its 95 % bootstrap interval over questions."""

    mean: Statistic
    low: Statistic
    high: Statistic

    @model_validator(mode="after")
    def _within(self) -> Self:
        if not self.low <= self.mean <= self.high:
            raise ValueError("mean is not within its interval")
        return self


class Comparison(Data):
    """A model against a reference, on the questions that both answered, each question once."""

    reference: str
    model: str
    differ: dict[str, str] = Field(description="In what the two differ (weights, precision, device, protocol), in words.")
    questions: Positive
    unread: Count = Field(description="Questions that are left out because one of the two imported answers is unreadable.")
    reference_right: Count
    model_right: Count
    right_to_wrong: Count = Field(description="Questions that the reference got right and the model wrong.")
    wrong_to_right: Count
    wrong_to_other_wrong: Count = Field(description="Questions that both got wrong with different answers.")
    difference: Difference = Field(description="The accuracy of the model minus that of the reference.")
    low: Difference = Field(description="The 95 % interval of the difference: method 10 of Newcombe 1998.")
    high: Difference
    p: P = Field(description="Of the exact McNemar test.")
    p_holm: P = Field(description="Corrected for the number of comparisons that are listed together; intervals are not.")
    divergence: Divergence | None = Field(
        description="Of the choices' probabilities, normalized over the choices of each question: of letters or, for cloze "
        "presets, of the texts, unnormalized by length."
    )
    no_divergence: str | None = Field(description="Why the divergence is null; null if it is not.")
    margin: Margin = Field(description="By how much a model may be worse to be called no worse; a fraction.")
    verdict: Verdict
    questions_needed: Positive | None = Field(
        description="How many questions would tell with a power of 80 %, if answers differ as often as here; null if these do."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        both = self.reference_right - self.right_to_wrong
        if both < 0 or self.model_right != both + self.wrong_to_right:
            raise ValueError("the numbers of right answers contradict right_to_wrong and wrong_to_right")
        if both + self.right_to_wrong + self.wrong_to_right + self.wrong_to_other_wrong > self.questions:
            raise ValueError("the numbers of answers are more than questions")
        if abs(self.difference - (self.model_right - self.reference_right) / self.questions) > _ROUNDING:
            raise ValueError("difference is not model_right minus reference_right, divided by questions")
        if not self.low - _ROUNDING <= self.difference <= self.high + _ROUNDING:
            raise ValueError("difference is not within its interval")
        if self.p_holm < self.p:
            raise ValueError("p_holm is smaller than p")
        if (self.divergence is None) != (self.no_divergence is not None):
            raise ValueError("there is a divergence and a reason for having none, or neither")
        if self.verdict != margins.verdict(self.low, self.high, self.margin):
            raise ValueError("verdict is not what the interval shows")
        if (self.questions_needed is None) != (self.verdict != Verdict.UNCLEAR):
            raise ValueError("questions_needed is for a verdict that cannot be told, and only for it")
        return self

    @property
    def same(self) -> int:
        """The number of questions with the same best answer."""
        return self.questions - self.right_to_wrong - self.wrong_to_right - self.wrong_to_other_wrong

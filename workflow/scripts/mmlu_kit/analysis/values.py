"""Kinds of value that all parts of analysis.json have."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mmlu_kit.data import Count, Data, Fraction, Positive, at_most

P = Annotated[float, Field(ge=0, le=1)]
Statistic = Annotated[float, Field(ge=0)]
# Rounding may lift an agreement measure slightly above 1.
Agreement = Annotated[float, Field(ge=-1, le=1.000001)]
Difference = Annotated[float, Field(ge=-1, le=1)]
ModelPair = tuple[str, str]
_ROUNDING = 1e-9


class Interval(Data):
    """A 95 % interval."""

    low: Fraction
    high: Fraction
    _order = model_validator(mode="after")(at_most("high", "low"))


class Proportion(Data):
    """Right answers, or answers of another kind, with Wilson's 95 % interval of their share."""

    questions: Positive
    count: Count
    share: Fraction
    low: Fraction
    high: Fraction

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if abs(self.share - self.count / self.questions) > _ROUNDING:
            raise ValueError(f"share is {self.share}, and {self.count} of {self.questions} are {self.count / self.questions}")
        if not self.low - _ROUNDING <= self.share <= self.high + _ROUNDING:
            raise ValueError("share is not within its interval")
        return self


class PairedDifference(Data):
    """Two accuracies on the same questions: the first minus the second, and the exact McNemar test."""

    questions: Positive
    both: Count = Field(description="Questions that both got right.")
    only_first: Count
    only_second: Count
    difference: Difference
    low: Difference = Field(description="The 95 % interval of the difference: method 10 of Newcombe 1998.")
    high: Difference
    p: Fraction
    p_holm: Fraction = Field(description="Corrected for the number of differences that are listed together.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.both + self.only_first + self.only_second > self.questions:
            raise ValueError("both, only_first and only_second are more than questions")
        if abs(self.difference - (self.only_first - self.only_second) / self.questions) > _ROUNDING:
            raise ValueError("difference is not only_first minus only_second, divided by questions")
        if not self.low - _ROUNDING <= self.difference <= self.high + _ROUNDING:
            raise ValueError("difference is not within its interval")
        if self.p_holm < self.p:
            raise ValueError("p_holm is smaller than p")
        return self

    @property
    def first(self) -> float:
        """The first accuracy on these questions."""
        return (self.both + self.only_first) / self.questions

    @property
    def second(self) -> float:
        """The second accuracy on these questions."""
        return (self.both + self.only_second) / self.questions

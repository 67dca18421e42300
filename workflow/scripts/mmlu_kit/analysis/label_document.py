"""The part of analysis.json on checked labels."""

from typing import Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import Difference, P, PairedDifference, Proportion
from mmlu_kit.data import Count, Data, Positive


class LabelChange(Data):
    """The accuracy without flagged questions minus the one on all checked questions, with its 95 % interval.

    It is the difference between good and flagged questions times the share of flagged ones: the interval is Newcombe's of two
    independent proportions, and the test Fisher's exact one of good against flagged questions.
    """

    difference: Difference
    low: Difference
    high: Difference
    p: P
    p_holm: P = Field(description="Corrected for the number of models.")


class LabelAccuracies(Data):
    """A model's accuracy on questions with a checked label to which it gave a letter; null where there are none."""

    model: str
    checked: Proportion | None = Field(description="On all checked questions.")
    clean: Proportion | None = Field(description="Without flagged questions.")
    flagged: Proportion | None = Field(description="On flagged questions.")
    change: LabelChange | None = Field(description="Null without good or without flagged questions.")
    corrected: Proportion | None = Field(
        description="On questions with a good or a corrected label, by that label; where several choices are right, any of "
        "them is. Questions without a right choice, unclear ones, and those whose correction cannot be read are left out."
    )
    correction: PairedDifference | None = Field(
        description="On these questions, by the corrected minus by the question set's labels; p is corrected for the number of "
        "models."
    )


class LabelErrors(Data):
    """Questions whose label MMLU-Redux checked, and accuracies on those with a good, a flagged and a corrected label."""

    checked: Count = Field(description="Questions of the study whose label was judged good or flagged.")
    flagged: Count
    corrected: Count = Field(description="Flagged questions for which the check names the right choice or choices.")
    unread_corrections: Count = Field(description="Wrong labels for which the check names no choice that can be read.")
    unmatched: Count = Field(description="Checks of questions that the study does not have.")
    by_type: dict[str, Positive]
    models: list[LabelAccuracies]

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if not self.corrected + self.unread_corrections <= self.flagged <= self.checked:
            raise ValueError("corrected, flagged and checked questions are not each a part of the next")
        return self

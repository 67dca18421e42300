"""The part of analysis.json on checked labels."""

from pydantic import Field

from mmlu_kit.data import Count, Data, Fraction, Positive


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

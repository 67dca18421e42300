"""The part of analysis.json on how well single questions tell better models from worse ones."""

from typing import Annotated

from pydantic import Field

from mmlu_kit.analysis.values import Agreement, P
from mmlu_kit.data import Count, Data, Fraction, Positive

FEWEST_MODELS = 8
MOST_LISTED = 10


class QuestionDiscrimination(Data):
    """A question with its discrimination: the correlation, over models, of being right on it with the accuracy on all other
    questions."""

    subject: str
    index: Count
    question: str
    right: Positive = Field(description="Number of models that are right on it.")
    correlation: Agreement


QuestionsListed = Annotated[list[QuestionDiscrimination], Field(max_length=MOST_LISTED)]


class Discrimination(Data):
    """Each question's item-rest correlation (point-biserial), over at least eight models, on the questions to which each gave a
    letter; models that nearly always choose one letter are left out."""

    models: Annotated[int, Field(ge=FEWEST_MODELS)]
    questions: Positive = Field(description="Questions with a correlation.")
    undefined: Count = Field(description="Questions without one, as all models are right or all are wrong on them.")
    mean: Agreement
    p: P = Field(
        description="For a mean this high: of a permutation test in which those right on a question are random models."
    )
    negative: Fraction = Field(description="Share of the correlations below 0.")
    negative_expected: Fraction = Field(description="The mean of this share over the draws.")
    lowest: QuestionsListed = Field(description="The lowest first: their labels may be wrong.")
    highest: QuestionsListed = Field(description="The highest first.")

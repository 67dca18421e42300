"""How well single questions tell better models from worse ones."""

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

from mmlu_kit.analysis.discrimination_document import (
    FEWEST_MODELS,
    MOST_LISTED,
    Discrimination,
    QuestionDiscrimination,
)
from mmlu_kit.analysis.shared_questions import SharedQuestions
from mmlu_kit.inputs.questions import Question


def discrimination_of(shared: SharedQuestions, questions: Sequence[Question]) -> Discrimination | None:
    """Return the discrimination of the questions to which each model gave a letter; None for fewer than FEWEST_MODELS models or
    if no question has any. Raises UserError if `questions` are not those that were answered."""
    if len(shared.models) < FEWEST_MODELS:
        return None
    correct = shared.correct
    correlations = item_rest_correlations(correct)
    known = numpy.flatnonzero(~numpy.isnan(correlations))
    if not len(known):
        return None
    ascending = known[numpy.argsort(correlations[known], kind="stable")]
    descending = known[numpy.argsort(-correlations[known], kind="stable")]
    return Discrimination(
        models=len(shared.models),
        questions=len(known),
        undefined=len(correlations) - len(known),
        mean=float(correlations[known].mean()),
        negative=float((correlations[known] < 0).mean()),
        lowest=_listed(shared, questions, correlations, ascending),
        highest=_listed(shared, questions, correlations, descending),
    )


def _listed(
    shared: SharedQuestions, questions: Sequence[Question], correlations: NDArray[numpy.float64], order: NDArray[numpy.int64]
) -> list[QuestionDiscrimination]:
    """Return the first questions in this order of places."""
    places = order[:MOST_LISTED].tolist()
    right = shared.correct.sum(axis=1)
    return [
        QuestionDiscrimination(
            subject=shared.questions["subject"].iloc[place],
            index=int(shared.questions["index"].iloc[place]),
            question=question.question,
            right=int(right[place]),
            correlation=float(correlations[place]),
        )
        for place, question in zip(places, shared.texts(questions, places), strict=True)
    ]


def item_rest_correlations(correct: NDArray[numpy.bool_]) -> NDArray[numpy.float64]:
    """Return each question's point-biserial correlation, over models, with the number of right answers to the other questions.

    `correct` has shape (questions, models). NaN where all models or none are right, or all have the same number.
    """
    right = correct.astype(float)
    rest = right.sum(axis=0) - right
    right -= right.mean(axis=1, keepdims=True)
    rest -= rest.mean(axis=1, keepdims=True)
    spread = numpy.sqrt((right**2).sum(axis=1) * (rest**2).sum(axis=1))
    # Sums of equal numbers may leave a spread of rounding errors.
    return numpy.divide((right * rest).sum(axis=1), spread, out=numpy.full(len(right), numpy.nan), where=spread > 1e-9)

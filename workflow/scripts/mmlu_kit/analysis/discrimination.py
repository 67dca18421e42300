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
from mmlu_kit.statistics.discrimination import item_rest_correlations, mean_discrimination


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
        **mean_discrimination(correct)._asdict(),
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

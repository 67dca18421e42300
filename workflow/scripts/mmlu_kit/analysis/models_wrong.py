"""How many models miss each question, and whether they miss the same ones."""

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit.analysis.difficulty_document import ModelsWrong
from mmlu_kit.statistics import counts
from mmlu_kit.statistics.strata import strata


def count_models_wrong(correct: NDArray[numpy.bool_], questions: pandas.DataFrame) -> ModelsWrong | None:
    """Count the questions missed by 0, 1, … all models, and the counts expected of independent models; None for fewer than two
    models or no question.

    `correct` is questions × models; `questions` has the columns subject, choices and gold.
    """
    number, models = correct.shape
    if models < 2 or not number:
        return None
    wrong = ~correct
    choices, subjects, gold = (questions[name].factorize(sort=True)[0] for name in ("choices", "subject", "gold"))
    by_choices, within = strata(choices), strata(subjects, choices)
    return ModelsWrong(
        models=models,
        questions=number,
        observed=numpy.bincount(wrong.sum(axis=1), minlength=models + 1).tolist(),
        expected=_expected(wrong, by_choices),
        expected_within=_expected(wrong, within),
        p=counts.wrong_together(wrong, by_choices),
        p_within=counts.wrong_together(wrong, within),
        p_within_letters=counts.wrong_together(wrong, strata(subjects, choices, gold)),
    )


def _expected(wrong: NDArray[numpy.bool_], places: NDArray[numpy.int64]) -> list[float]:
    """Return the counts expected of models that are independent within each stratum, with their error rates there."""
    expected = numpy.zeros(wrong.shape[1] + 1)
    for place in range(places.max() + 1):
        there = wrong[places == place]
        expected += len(there) * numpy.asarray(counts.poisson_binomial(there.mean(axis=0)))
    return [float(count) for count in expected]

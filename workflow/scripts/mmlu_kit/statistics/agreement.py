"""How similar two models are, question by question.

Answers are arrays of choices, one per question, 0 for A, 1 for B and so on; `correct` arrays are true where an answer is right;
`choices` has each question's number of choices. A measure is None where it is not defined.

With fewer choices guessing is right more often, so two models that have nothing in common still miss the same questions if
these differ in their number of choices. What is expected of independent models is therefore computed from their accuracies on
questions with as many choices, which are the accuracies on all questions if the number is the same everywhere. Subjects differ
in difficulty too: kappa within subjects has the accuracies on questions of the same subject and number of choices.
"""

from typing import NamedTuple

import numpy
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mmlu_kit.statistics import ALPHA
from mmlu_kit.statistics.intervals import Interval
from mmlu_kit.statistics.strata import accuracies, strata

_ROUNDING = 1e-9
# What two models can do on a question: the last axis of a table of counts, whose other axis are groups of questions.
BOTH, ONLY_FIRST, ONLY_SECOND, SAME_WRONG, OTHER_WRONG = OUTCOMES = range(5)

Counts = NDArray[numpy.int64]
Values = NDArray[numpy.float64]


class Intervals(NamedTuple):
    """95 % intervals of agreement measures; None where a measure is not defined."""

    kappa: Interval | None
    kappa_within: Interval | None
    capa: Interval | None


def kappa(first: ArrayLike, second: ArrayLike, groups: ArrayLike) -> float | None:
    """Return the error consistency: Cohen's kappa of two `correct` arrays (Geirhos et al. 2020,
    https://arxiv.org/abs/2006.16736), with the agreement expected of models that are independent in each group of questions:
    those with as many choices or, for kappa within subjects, those of one subject with as many choices.

    0 is expected of independent models with these accuracies; 1 means that the models are right on the same questions. None if
    both are always right or always wrong in each group.
    """
    return _defined(_kappa(_right_or_wrong(first, second, groups)))


def kappa_of_bias(first: ArrayLike, second: ArrayLike, gold: ArrayLike, choices: ArrayLike) -> float | None:
    """Return the kappa of independent models with these accuracies where each letter is right, which is the effect of a common
    letter bias: two unrelated models that prefer 'A' are right on the same questions. None where `kappa` is None."""
    by_letter, by_choices = (_expected(_right_or_wrong(first, second, groups)) for groups in (strata(choices, gold), choices))
    return _defined(_beyond(by_letter, by_choices))


def kappa_max(first: ArrayLike, second: ArrayLike, choices: ArrayLike) -> float | None:
    """Return the largest kappa that two models with these accuracies can have; None where `kappa` is None."""
    one, other = accuracies(first, choices), accuracies(second, choices)
    return _defined(_beyond((1 - abs(one - other)).mean(), _expected(_right_or_wrong(first, second, choices))))


def capa(first: ArrayLike, second: ArrayLike, gold: ArrayLike, choices: ArrayLike) -> float | None:
    """Return the chance-adjusted agreement of two arrays of answers (Goel et al. 2025, https://arxiv.org/abs/2502.04313),
    taking each answer as certain.

    It is (observed - expected) / (1 - expected): `observed` is how often both choose the same letter, right or wrong;
    `expected` is the same for independent models with accuracies a and b whose wrong answers are uniform over a question's
    other letters, a b + (1 - a)(1 - b) times the mean of 1 / (choices - 1). The paper has one a and b for all questions. None
    if both are always right, or if all questions have two choices and both are always wrong.
    """
    return _defined(_capa(_tables(_outcomes(first, second, gold), choices), numpy.unique(choices)))


def intervals(first: ArrayLike, second: ArrayLike, gold: ArrayLike, subjects: ArrayLike, choices: ArrayLike) -> Intervals:
    """Return 95 % intervals of `kappa`, of kappa within subjects and of `capa`, by the jackknife over questions.

    Accuracies are fitted to the questions, so a measure is biased if subjects have few of them. The jackknife corrects the
    bias (Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 11); a bootstrap repeats questions within
    subjects, which adds to it. Only counts matter: questions with the same outcome in the same subject are left out once.
    """
    places = strata(choices, subjects)
    table = _tables(_outcomes(first, second, gold), places)
    if table.sum() < 2:
        return Intervals(None, None, None)
    numbers = numpy.zeros(len(table), int)
    numbers[places] = choices
    starts = numpy.flatnonzero(numpy.diff(numbers, prepend=0))  # strata are in order of their number of choices
    groups, outcomes = numpy.nonzero(table)
    within = numpy.repeat(table[None], 1 + len(groups), axis=0)  # the first is what was observed
    within[numpy.arange(1, len(within)), groups, outcomes] -= 1
    by_choices, weights = numpy.add.reduceat(within, starts, axis=1), table[groups, outcomes]
    measures = _kappa(by_choices), _kappa(within), _capa(by_choices, numbers[starts])
    return Intervals(*(_interval(values, weights) for values in measures))


def _interval(values: Values, weights: NDArray[numpy.int64]) -> Interval | None:
    """Return the interval from a measure's value, followed by its values without a question, of which there are `weights`.

    None if no question changes the value of models that do not agree on all: one of them is always right or always wrong.
    """
    value, without = values[0], values[1:]
    if numpy.isnan(values).any():
        return None
    questions = weights.sum()
    mean = weights @ without / questions
    error = float(numpy.sqrt((questions - 1) / questions * (weights @ (without - mean) ** 2)))
    if error < _ROUNDING and abs(value) < 1 - _ROUNDING:
        return None
    reach, middle = float(stats.norm.isf(ALPHA / 2)) * error, questions * value - (questions - 1) * mean
    low, high = numpy.clip((min(value, middle - reach), max(value, middle + reach)), -1, 1)
    return Interval(float(low), float(high))


def _outcomes(first: ArrayLike, second: ArrayLike, gold: ArrayLike) -> NDArray[numpy.int64]:
    one, other, right = map(numpy.asarray, (first, second, gold))
    return numpy.select(
        [(one == right) & (other == right), one == right, other == right, one == other],
        [BOTH, ONLY_FIRST, ONLY_SECOND, SAME_WRONG],
        OTHER_WRONG,
    )


def _right_or_wrong(first: ArrayLike, second: ArrayLike, groups: ArrayLike) -> Counts:
    """Return a table of counts from `correct` arrays, in which all wrong answers are different."""
    one, other = numpy.asarray(first, bool), numpy.asarray(second, bool)
    return _tables(numpy.select([one & other, one, other], [BOTH, ONLY_FIRST, ONLY_SECOND], OTHER_WRONG), groups)


def _tables(outcomes: NDArray[numpy.int64], groups: ArrayLike) -> Counts:
    """Return the counts of the outcomes in each group, in the groups' order: groups × outcomes."""
    names, places = numpy.unique(groups, return_inverse=True)
    cells = numpy.bincount(places * len(OUTCOMES) + outcomes, minlength=len(names) * len(OUTCOMES))
    return cells.reshape(len(names), len(OUTCOMES))


def _kappa(counts: Counts) -> Values:
    """Return kappas from tables of counts, … × groups × outcomes; NaN where it is not defined."""
    observed = 1 - counts[..., [ONLY_FIRST, ONLY_SECOND]].sum((-2, -1)) / counts.sum((-2, -1))
    return _beyond(observed, _expected(counts))


def _expected(counts: Counts) -> Values:
    """Return how often models with these accuracies in each group that are independent within it are both right or both
    wrong."""
    questions = counts.sum(-1)
    first, second = (counts[..., [BOTH, only]].sum(-1) / numpy.maximum(questions, 1) for only in (ONLY_FIRST, ONLY_SECOND))
    return (questions * (first * second + (1 - first) * (1 - second))).sum(-1) / questions.sum(-1)


def _capa(counts: Counts, choices: NDArray[numpy.int64]) -> Values:
    """Return chance-adjusted agreements from tables of counts by number of choices; NaN where it is not defined."""
    whole, total = counts.sum(-2), counts.sum((-2, -1))
    first, second, same = (whole[..., [BOTH, other]].sum(-1) / total for other in (ONLY_FIRST, ONLY_SECOND, SAME_WRONG))
    uniform = (counts.sum(-1) / (choices - 1)).sum(-1) / total
    return _beyond(same, first * second + (1 - first) * (1 - second) * uniform)


def _beyond(observed: Values, expected: Values) -> Values:
    with numpy.errstate(invalid="ignore", divide="ignore"):
        beyond = numpy.where(expected == 1, numpy.nan, (observed - expected) / (1 - expected))
    return numpy.clip(beyond, -1, 1)  # rounding may lead beyond these ends


def _defined(value: Values) -> float | None:
    return None if numpy.isnan(value) else float(value)

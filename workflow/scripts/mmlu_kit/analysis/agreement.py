"""How similar two models are, question by question.

Answers are arrays of choices, one per question, 0 for A, 1 for B and so on; `correct` arrays are true where an answer is right;
`choices` has each question's number of choices. A measure is None where it is not defined.

With fewer choices guessing is right more often, so two models that have nothing in common still miss the same questions if
these differ in their number of choices. What is expected of independent models is therefore computed from their accuracies on
questions with as many choices, which are the accuracies on all questions if the number is the same everywhere.
"""

from dataclasses import dataclass

import numpy
import pandas
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from mmlu_kit.analysis.pair_document import NullRate
from mmlu_kit.statistics import ALPHA, DRAWS, SEED

FOUR = 4  # choices of MMLU's questions


@dataclass(frozen=True)
class SameWrong:
    """How often two models choose the same wrong letter where both are wrong, observed and by letter bias alone."""

    count: int
    rate: float | None
    null: NullRate | None
    p: float | None


def kappa(first: ArrayLike, second: ArrayLike, choices: ArrayLike) -> float | None:
    """Return the error consistency: Cohen's kappa of two `correct` arrays (Geirhos et al. 2020,
    https://arxiv.org/abs/2006.16736), with the agreement expected of independent models as above.

    0 is expected of independent models with these accuracies; 1 means that the models are right on the same questions. None if
    both are always right or always wrong on questions with as many choices.
    """
    observed = float((numpy.asarray(first, bool) == numpy.asarray(second, bool)).mean())
    return _beyond(observed, _expected(first, second, choices))


def kappa_of_bias(first: ArrayLike, second: ArrayLike, gold: ArrayLike, choices: ArrayLike) -> float | None:
    """Return the kappa of independent models with these accuracies where each letter is right, which is the effect of a common
    letter bias: two unrelated models that prefer 'A' are right on the same questions. None where `kappa` is None."""
    letters = numpy.unique(numpy.column_stack([choices, gold]), axis=0, return_inverse=True)[1].ravel()
    return _beyond(_expected(first, second, letters), _expected(first, second, choices))


def kappa_max(first: ArrayLike, second: ArrayLike, choices: ArrayLike) -> float | None:
    """Return the largest kappa that two models with these accuracies can have; None where `kappa` is None."""
    one, other = accuracies(first, choices), accuracies(second, choices)
    return _beyond(float((1 - abs(one - other)).mean()), _expected(first, second, choices))


def accuracies(correct: ArrayLike, groups: ArrayLike) -> NDArray[numpy.float64]:
    """Return for each question the accuracy on the questions of its group."""
    numbers = pandas.Series(numpy.asarray(correct, float))
    return numbers.groupby(numpy.asarray(groups)).transform("mean").to_numpy()


def _expected(first: ArrayLike, second: ArrayLike, groups: ArrayLike) -> float:
    """Return how often models with these accuracies in each group that are independent within it are both right or both
    wrong."""
    one, other = accuracies(first, groups), accuracies(second, groups)
    return float((one * other + (1 - one) * (1 - other)).mean())


def _beyond(observed: float, expected: float) -> float | None:
    return None if expected == 1 else (observed - expected) / (1 - expected)


def capa(first: ArrayLike, second: ArrayLike, gold: ArrayLike, choices: ArrayLike) -> float | None:
    """Return the chance-adjusted agreement of two arrays of answers (Goel et al. 2025, https://arxiv.org/abs/2502.04313),
    taking each answer as certain.

    It is (observed - expected) / (1 - expected): `observed` is how often both choose the same letter, right or wrong;
    `expected` is the same for independent models with accuracies a and b whose wrong answers are uniform over a question's
    other letters, a b + (1 - a)(1 - b) times the mean of 1 / (choices - 1). The paper has one a and b for all questions. None
    if both are always right, or if all questions have two choices and both are always wrong.
    """
    one, other, right = map(numpy.asarray, (first, second, gold))
    a, b = numpy.mean(one == right), numpy.mean(other == right)
    expected = a * b + (1 - a) * (1 - b) * numpy.mean(1 / (numpy.asarray(choices) - 1))
    return _beyond(float(numpy.mean(one == other)), float(expected))


def same_wrong(
    first: ArrayLike, second: ArrayLike, gold: ArrayLike, strata: ArrayLike, choices: ArrayLike, draws: int = DRAWS
) -> SameWrong:
    """Test whether two models that are both wrong choose the same wrong letter more often than by chance.

    The null hypothesis keeps each model's letter bias: among the questions that both missed, one model's answers are permuted
    within questions of the same stratum (subject), number of choices and right letter. Only counts matter, so permutations are
    drawn as random tables with fixed margins. `null` is the mean rate and its central 95 %; `p` is
    (draws with at least as many equal letters + 1) / (draws + 1). All but the count are None if no question was missed by both;
    `p` is also None if no permutation changes anything.
    """
    one, other, right, numbers = map(numpy.asarray, (first, second, gold, choices))
    both_wrong = (one != right) & (other != right)
    total = int(both_wrong.sum())
    count = int((one == other)[both_wrong].sum())
    if not total:
        return SameWrong(0, None, None, None)
    # Seeded here, so that a pair's draws do not depend on which other pairs are compared.
    random = numpy.random.default_rng(SEED)
    letters = int(numbers.max())
    places = numpy.column_stack([numpy.unique(strata, return_inverse=True)[1], numbers, right])[both_wrong]
    cells, cell = numpy.unique(places, axis=0, return_inverse=True)
    tables = numpy.zeros((len(cells), letters, letters), int)
    numpy.add.at(tables, (cell.ravel(), one[both_wrong], other[both_wrong]), 1)
    same = numpy.zeros(draws)
    varies = False
    for table in tables:
        rows, columns = table.sum(1), table.sum(0)
        if max(rows.max(), columns.max()) == table.sum():
            same += table.trace()  # one model chose a single letter, so no permutation changes anything
            continue
        varies = True
        # Of many letters few are used. Four stay, as draws depend on the table's size and p-values of MMLU should not change.
        used = (rows > 0) | (columns > 0) | (numpy.arange(letters) < FOUR)
        drawn = stats.random_table(rows[used], columns[used]).rvs(draws, random_state=random)
        same += drawn.trace(axis1=1, axis2=2)
    low, high = numpy.quantile(same, (ALPHA / 2, 1 - ALPHA / 2))
    null = NullRate(mean=float(same.mean() / total), low=float(low / total), high=float(high / total))
    p = (int((same >= count).sum()) + 1) / (draws + 1) if varies else None
    return SameWrong(count, count / total, null, p)

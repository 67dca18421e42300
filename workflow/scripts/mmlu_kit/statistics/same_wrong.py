"""Whether two models choose the same wrong letter more often than by chance.

Answers are arrays of choices, one per question, 0 for A, 1 for B and so on; `choices` has each question's number of choices.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy
from numpy.typing import ArrayLike
from scipy import stats

from mmlu_kit.statistics import ALPHA, DRAWS, SEED
from mmlu_kit.statistics.draws import p_at_least

FOUR = 4  # choices of MMLU's questions


class NullRate(NamedTuple):
    """The mean of a rate under the null hypothesis, with its central 95 %."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class SameWrong:
    """How often two models choose the same wrong letter where both are wrong, observed and by letter bias alone."""

    count: int
    rate: float | None
    null: NullRate | None
    p: float | None


def same_wrong(
    first: ArrayLike, second: ArrayLike, gold: ArrayLike, subjects: ArrayLike, choices: ArrayLike, draws: int = DRAWS
) -> SameWrong:
    """Test whether two models that are both wrong choose the same wrong letter more often than by chance.

    The null hypothesis keeps each model's letter bias: among the questions that both missed, one model's answers are permuted
    within questions of the same subject, number of choices and right letter. Only counts matter, so permutations are
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
    places = numpy.column_stack([numpy.unique(subjects, return_inverse=True)[1], numbers, right])[both_wrong]
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
    null = NullRate(float(same.mean() / total), float(low / total), float(high / total))
    return SameWrong(count, count / total, null, p_at_least(count, same) if varies else None)

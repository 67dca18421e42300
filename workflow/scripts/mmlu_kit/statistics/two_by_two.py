"""Two shares of right answers: which is larger, their ratio, and whether two models miss the same questions."""

from typing import NamedTuple

import numpy
from numpy.typing import ArrayLike
from scipy import stats

from mmlu_kit.statistics import ALPHA, DRAWS, SEED
from mmlu_kit.statistics.draws import p_at_least
from mmlu_kit.statistics.intervals import Interval

NONE = -1  # an answer that is no letter


class Tails(NamedTuple):
    """What is expected of a count under the null hypothesis, and the p-values for a larger and for a smaller one."""

    expected: float
    p_more: float
    p_less: float


def larger_share(correct: int, questions: int, other_correct: int, other_questions: int) -> float:
    """Return Fisher's exact one-sided p-value for a first share of right answers above a second, on different questions."""
    right = correct + other_correct
    return float(stats.hypergeom.sf(correct - 1, questions + other_questions, right, questions))


def both_wrong(first: ArrayLike, second: ArrayLike, strata: ArrayLike) -> Tails:
    """Test whether two models miss the same questions, given how many each misses in each stratum (exact conditional test).

    `first` and `second` are true where a model is wrong. In a stratum, the number of questions that both miss is
    hypergeometric if they are independent; the sum over strata has the convolution of these distributions.
    """
    one, other = numpy.asarray(first, bool), numpy.asarray(second, bool)
    groups = numpy.unique(numpy.asarray(strata), return_inverse=True)[1].ravel()
    sizes, misses, other_misses = (numpy.bincount(groups, weights).astype(int) for weights in (None, one, other))
    fewest_each, most_each = numpy.maximum(0, misses + other_misses - sizes), numpy.minimum(misses, other_misses)
    lengths, fewest, chances = most_each - fewest_each + 1, int(fewest_each.sum()), numpy.ones(1)
    counts = fewest_each[:, None] + numpy.arange(lengths.max(initial=0))
    for row, length in zip(
        stats.hypergeom.pmf(counts, sizes[:, None], misses[:, None], other_misses[:, None]), lengths, strict=True
    ):
        chances = numpy.convolve(chances, row[:length])
    count = int((one & other).sum()) - fewest
    expected = fewest + float(numpy.arange(len(chances)) @ chances)
    return Tails(expected, min(1.0, float(chances[count:].sum())), min(1.0, float(chances[: count + 1].sum())))


def right_by_margins(letters: ArrayLike, gold: ArrayLike, choices: ArrayLike, draws: int = DRAWS) -> Tails:
    """Test a model's right answers against those of a model that chooses the same letters without regard to the question.

    Letters are numbers, NONE where there is none. They are permuted over the questions with as many choices; as only counts
    matter, tables with these margins are drawn. A p-value is (draws at least as extreme + 1) / (draws + 1).
    """
    chosen, right, numbers = (numpy.asarray(values, int) for values in (letters, gold, choices))
    random = numpy.random.default_rng(SEED)
    matches, expected = numpy.zeros(draws), 0.0
    for number in numpy.unique(numbers):
        rows, of_letter = numpy.unique(chosen[numbers == number], return_counts=True)
        columns, of_gold = numpy.unique(right[numbers == number], return_counts=True)
        same = rows[:, None] == columns
        expected += float((of_letter[:, None] * of_gold * same).sum() / of_letter.sum())
        if min(len(rows), len(columns)) > 1:  # scipy draws wrong tables of a single row
            drawn = stats.random_table(of_letter, of_gold).rvs(draws, random_state=random)
            matches += (drawn * same).sum(axis=(1, 2))
        else:
            matches += (chosen == right)[numbers == number].sum()
    count = int((chosen == right).sum())
    return Tails(expected, p_at_least(count, matches), p_at_least(-count, -matches))


def ratio_interval(correct: int, questions: int, other_correct: int, other_questions: int) -> Interval:
    """Return the 95 % interval of the ratio of two shares on different questions; both counts must be above 0 (Katz 1978)."""
    risk = stats.contingency.relative_risk(correct, questions, other_correct, other_questions)
    low, high = risk.confidence_interval(1 - ALPHA)
    return Interval(float(low), float(high))

"""How similar two models are, question by question.

Answers are arrays of choices, one per question, 0 to 3 for A to D; `correct` arrays are true where an answer is right. A
measure is None where it is not defined.
"""

from dataclasses import dataclass

import numpy
import pandas
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats import inter_rater

from mmlu_kit.analysis.document import NullRate
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import ALPHA, DRAWS, SEED


@dataclass(frozen=True)
class SameWrong:
    """How often two models choose the same wrong letter where both are wrong, observed and by letter bias alone."""

    count: int
    rate: float | None
    null: NullRate | None
    p: float | None


def kappa(first: ArrayLike, second: ArrayLike) -> float | None:
    """Return the error consistency: Cohen's kappa of two `correct` arrays (Geirhos et al. 2020,
    https://arxiv.org/abs/2006.16736).

    0 is expected of independent models with these accuracies; 1 means that the models are right on the same questions. None if
    both are always right or both always wrong.
    """
    one, other = numpy.asarray(first, bool), numpy.asarray(second, bool)
    if (one.all() and other.all()) or not (one.any() or other.any()):
        return None
    table = [[int(((one == a) & (other == b)).sum()) for b in (False, True)] for a in (False, True)]
    return float(inter_rater.cohens_kappa(table, return_results=False))


def kappa_within_strata(first: ArrayLike, second: ArrayLike, strata: ArrayLike) -> float | None:
    """Return the kappa of two models with these accuracies in each stratum that are independent within strata.

    With the right letter as the stratum, this is the effect of a common letter bias: two unrelated models that prefer 'A' are
    right on the same questions. None where `kappa` is None.
    """
    frame = pandas.DataFrame({"first": first, "second": second}, dtype=float)
    inside = frame.groupby(numpy.asarray(strata)).transform("mean")
    a, b = frame["first"].mean(), frame["second"].mean()
    expected = a * b + (1 - a) * (1 - b)
    observed = (inside["first"] * inside["second"] + (1 - inside["first"]) * (1 - inside["second"])).mean()
    return None if expected == 1 else float((observed - expected) / (1 - expected))


def kappa_max(first: float, second: float) -> float | None:
    """Return the largest kappa that two models with these accuracies can have; None if both are 0 or both 1."""
    expected = first * second + (1 - first) * (1 - second)
    return None if expected == 1 else ((1 - abs(first - second)) - expected) / (1 - expected)


def capa(first: ArrayLike, second: ArrayLike, gold: ArrayLike, choices: int = len(LETTERS)) -> float | None:
    """Return the chance-adjusted agreement of two arrays of answers (Goel et al. 2025, https://arxiv.org/abs/2502.04313),
    taking each answer as certain.

    It is (observed - expected) / (1 - expected): `observed` is how often both choose the same letter, right or wrong;
    `expected` is the same for independent models with accuracies a and b whose wrong answers are uniform over the other
    letters, a b + (1 - a)(1 - b) / (choices - 1). None if both are always right.
    """
    one, other, right = map(numpy.asarray, (first, second, gold))
    a, b = numpy.mean(one == right), numpy.mean(other == right)
    expected = a * b + (1 - a) * (1 - b) / (choices - 1)
    return None if expected == 1 else float((numpy.mean(one == other) - expected) / (1 - expected))


def same_wrong(first: ArrayLike, second: ArrayLike, gold: ArrayLike, strata: ArrayLike, draws: int = DRAWS) -> SameWrong:
    """Test whether two models that are both wrong choose the same wrong letter more often than by chance.

    The null hypothesis keeps each model's letter bias: among the questions that both missed, one model's answers are permuted
    within questions of the same stratum (subject) and right letter. Only counts matter, so permutations are drawn as random
    tables with fixed margins. `null` is the mean rate and its central 95 %; `p` is
    (draws with at least as many equal letters + 1) / (draws + 1). All but the count are None if no question was missed by both;
    `p` is also None if no permutation changes anything.
    """
    one, other, right = map(numpy.asarray, (first, second, gold))
    both_wrong = (one != right) & (other != right)
    total = int(both_wrong.sum())
    count = int((one == other)[both_wrong].sum())
    if not total:
        return SameWrong(0, None, None, None)
    # Seeded here, so that a pair's draws do not depend on which other pairs are compared.
    random = numpy.random.default_rng(SEED)
    cell = numpy.unique(strata, return_inverse=True)[1][both_wrong] * len(LETTERS) + right[both_wrong]
    tables = numpy.zeros((cell.max() + 1, len(LETTERS), len(LETTERS)), int)
    numpy.add.at(tables, (cell, one[both_wrong], other[both_wrong]), 1)
    same = numpy.zeros(draws)
    varies = False
    for table in tables[tables.any(axis=(1, 2))]:
        rows, columns = table.sum(1), table.sum(0)
        if max(rows.max(), columns.max()) == table.sum():
            same += table.trace()  # one model chose a single letter, so no permutation changes anything
            continue
        varies = True
        same += stats.random_table(rows, columns).rvs(draws, random_state=random).trace(axis1=1, axis2=2)
    low, high = numpy.quantile(same, (ALPHA / 2, 1 - ALPHA / 2))
    null = NullRate(mean=float(same.mean() / total), low=float(low / total), high=float(high / total))
    p = (int((same >= count).sum()) + 1) / (draws + 1) if varies else None
    return SameWrong(count, count / total, null, p)

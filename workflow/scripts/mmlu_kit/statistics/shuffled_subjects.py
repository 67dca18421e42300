"""Whether subjects matter: accuracies by subject, compared with those under shuffled subject labels.

All models answer the same questions, so their accuracies by subject rise and fall together even if subjects mean nothing: a
subject may just have drawn questions that are hard for every model. The labels are therefore permuted over the questions, with
all models' answers to a question kept together. Guessing is right more often with fewer choices, so labels are only exchanged
between questions of the same stratum (number of choices).
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from mmlu_kit.statistics import DRAWS, SEED
from mmlu_kit.statistics.draws import p_at_least
from mmlu_kit.statistics.ranks import centred_ranks, concordance, rank_correlations

Floats = NDArray[numpy.float64]
Integers = NDArray[numpy.int64]


class ShuffleTest(NamedTuple):
    """A statistic, its mean under shuffled labels, and the one-sided p-value: (draws at least as large + 1) / (draws + 1)."""

    value: float
    expected: float
    p: float


@dataclass(frozen=True)
class SubjectCounts:
    """Right answers by subject, as observed (first) and under shuffled labels: shape (1 + draws, subjects, models).

    `questions` has each subject's number of questions; `mean` and `variance` are what is expected of a model without easier or
    harder subjects: shape (subjects, models).
    """

    right: Integers
    questions: Integers
    mean: Floats
    variance: Floats

    def ranked(self) -> NDArray[numpy.bool_]:
        """Return for each model whether it has different accuracies on some subjects."""
        accuracies = self.right[0] / self.questions[:, None]
        return numpy.asarray((accuracies != accuracies[0]).any(axis=0))

    def concordance(self) -> ShuffleTest:
        """Test Kendall's W of the models' rankings of subjects."""
        return _test(concordance(self._ranks()))

    def correlations(self) -> list[list[ShuffleTest]]:
        """Test Spearman's correlation of every two models' rankings, as a square table; 0 where all ranks are tied."""
        rho = rank_correlations(self._ranks())
        models = range(rho.shape[1])
        return [[_test(rho[:, one, other]) for other in models] for one in models]

    def differences(self) -> list[ShuffleTest]:
        """Test each model's differences between subjects: Pearson's chi-square of right and wrong by subject, with the counts
        expected from the model's accuracies in each stratum."""
        excess = (self.right - self.mean) ** 2
        chi2 = numpy.divide(excess, self.variance, out=numpy.zeros_like(excess), where=self.variance > 0).sum(axis=1)
        return [_test(draws) for draws in chi2.T]

    def mean_differs(self) -> ShuffleTest:
        """Test the differences between subjects of the models' mean accuracy: its sum of squares between subjects.

        Models that are nearly alike rank subjects alike whatever the labels, so that Kendall's W cannot rise; this still does.
        """
        excess = (self.right - self.mean).mean(axis=2)
        return _test((excess**2 / self.questions).sum(axis=1))

    def _ranks(self) -> Floats:
        """Return the centred ranks of accuracies: shape (1 + draws, models, subjects)."""
        return centred_ranks((self.right / self.questions[:, None]).transpose(0, 2, 1))


def count_by_subject(correct: NDArray[numpy.bool_], subjects: Integers, strata: Integers, draws: int = DRAWS) -> SubjectCounts:
    """Return right answers by subject, observed and under shuffled labels.

    `correct` has shape (questions, models); `subjects` and `strata` number each question's subject and stratum from 0.
    """
    order = numpy.lexsort((strata, subjects))
    correct, subjects, strata = correct[order], subjects[order], strata[order]
    starts = numpy.flatnonzero(numpy.diff(subjects, prepend=-1))
    groups = [numpy.flatnonzero(strata == stratum) for stratum in numpy.unique(strata)]
    # Seeded here, so that the draws of two models do not depend on which others are compared.
    random = numpy.random.default_rng(SEED)
    right = numpy.empty((1 + draws, len(starts), correct.shape[1]), numpy.int64)
    place = numpy.arange(len(correct))
    for draw in range(1 + draws):
        numpy.add.reduceat(correct[place], starts, axis=0, dtype=numpy.int64, out=right[draw])
        for group in groups:
            place[group] = random.permutation(group)
    rate = numpy.empty(correct.shape)
    for group in groups:
        rate[group] = correct[group].mean(axis=0)
    return SubjectCounts(
        right=right,
        questions=numpy.diff(starts, append=len(correct)),
        mean=numpy.add.reduceat(rate, starts, axis=0),
        variance=numpy.add.reduceat(rate * (1 - rate), starts, axis=0),
    )


def _test(values: Floats) -> ShuffleTest:
    observed, drawn = float(values[0]), values[1:]
    return ShuffleTest(observed, float(drawn.mean()), p_at_least(observed, drawn))

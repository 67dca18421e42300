"""Preferences for letters: what deviation of shares and recalls chance alone gives."""

from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from mmlu_kit.statistics import DRAWS, SEED


class Spreads(NamedTuple):
    """Standard deviations in each draw: of the letters' shares from their expected ones, and of their recalls less the
    accuracy; None if a letter is never right."""

    shares: NDArray[numpy.float64]
    recalls: NDArray[numpy.float64] | None


def without_preference(
    gold: NDArray[numpy.int64], choices: NDArray[numpy.int64], accuracy: NDArray[numpy.float64], draws: int = DRAWS
) -> Spreads:
    """Simulate a model that prefers no letter on these questions: each wrong choice is equally likely.

    `gold` has each question's right letter as a number from 0, `choices` its number of choices, and `accuracy` the probability
    of a right answer, which is the same for all questions with as many choices.
    """
    random, letters, questions = numpy.random.default_rng(SEED), int(choices.max(initial=2)), len(gold)
    chosen, right, expected_right = (numpy.zeros((draws, letters)) for _ in range(3))
    for number in numpy.unique(choices):
        alike = choices == number
        probability, golds = float(accuracy[alike][0]), numpy.bincount(gold[alike], minlength=number)
        right_of_number = numpy.zeros((draws, letters))
        for letter in numpy.flatnonzero(golds):
            probabilities = numpy.full(number, (1 - probability) / (number - 1))
            probabilities[letter] = probability
            drawn = random.multinomial(golds[letter], probabilities, draws)
            chosen[:, :number] += drawn
            right_of_number[:, letter] = drawn[:, letter]
        right += right_of_number
        accuracies = right_of_number.sum(axis=1) / golds.sum()
        expected_right[:, :number] += accuracies[:, None] * golds
    expected = numpy.where(numpy.arange(letters) < choices[:, None], 1 / choices[:, None], 0).sum(axis=0)
    golds = numpy.bincount(gold, minlength=letters)
    recalls = ((right - expected_right) / golds).std(axis=1) if golds.all() else None
    return Spreads(((chosen - expected) / max(1, questions)).std(axis=1), recalls)

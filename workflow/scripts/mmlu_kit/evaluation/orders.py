"""A question in every rotation of its choices, and the answer over all of them (Zheng et al. 2024, cyclic permutations,
https://arxiv.org/abs/2309.03882).

Order k begins with choice k: of four choices, order 1 shows B, C, D, A under the letters A to D.
"""

import dataclasses
import math
from collections.abc import Mapping, Sequence

from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS


def rotated(question: Question, order: int) -> Question:
    """Return the question as it is shown in an order; order 0 is the one given."""
    number = len(question.choices)
    choices = tuple(question.choices[(place + order) % number] for place in range(number))
    return dataclasses.replace(question, choices=choices, answer=shown(question.answer, order, number))


def shown(letter: str, order: int, choices: int) -> str:
    """Return the letter under which an order shows the choice that is given as `letter`."""
    return LETTERS[(LETTERS.index(letter) - order) % choices]


def given(letter: str, order: int, choices: int) -> str:
    """Return the letter as which the choice is given that an order shows as `letter`."""
    return LETTERS[(LETTERS.index(letter) + order) % choices]


def over_orders(logprobs: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return each choice's log-probability over all orders: of the mean of its shares of the letters' probability.

    `logprobs` has for each order, the one given first, the log-probability of each letter as shown. The result is by the letter
    as given, rounded to six decimals; it does not depend on what a model prefers of letters or places.
    """
    number = len(logprobs)
    shares: dict[str, list[float]] = {letter: [] for letter in LETTERS[:number]}
    for order, letters in enumerate(logprobs):
        largest = max(letters.values())
        exponentials = {letter: math.exp(value - largest) for letter, value in letters.items()}
        total = math.fsum(exponentials.values())
        for letter, value in exponentials.items():
            shares[given(letter, order, number)].append(value / total)
    # A share of 0 has no logarithm; it is one that no float holds.
    return {letter: round(math.log(max(math.fsum(values) / number, 1e-300)), 6) for letter, values in shares.items()}

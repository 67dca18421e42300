"""Mathematics for the demo study: calculations, with operands for the questions held out of training."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from mmlu_kit import files


@dataclass(frozen=True)
class Calculation:
    """A kind of calculation with two operands: wordings with placeholders `{a}` and `{b}`, and a function for the result."""

    subject: str
    name: str
    training: tuple[str, ...]
    question: str
    operands: tuple[tuple[int, int], ...]
    result: Callable[[int, int], int]


def _pairs(first: range, second: range) -> tuple[tuple[int, int], ...]:
    return tuple((a, b) for a in first for b in second)


CALCULATIONS = (
    Calculation(
        "abstract_algebra",
        "sum in Z_13",
        ("What is {a} + {b} in Z_13?", "Find {a} + {b} modulo 13:", "In the group Z_13, {a} + {b} equals:"),
        "Add {a} + {b} in the group Z_13. What is the sum?",
        _pairs(range(13), range(13)),
        lambda a, b: (a + b) % 13,
    ),
    Calculation(
        "abstract_algebra",
        "product in Z_11",
        ("What is {a} * {b} in Z_11?", "Find {a} * {b} modulo 11:", "In the ring Z_11, {a} * {b} equals:"),
        "Multiply {a} * {b} in the ring Z_11. What is the product?",
        _pairs(range(1, 11), range(1, 11)),
        lambda a, b: a * b % 11,
    ),
    Calculation(
        "college_mathematics",
        "sum",
        ("What is {a} + {b}?", "Find {a} + {b}:", "The sum {a} + {b} equals:"),
        "Calculate {a} + {b}. What is the sum?",
        _pairs(range(2, 30), range(2, 30)),
        lambda a, b: a + b,
    ),
    Calculation(
        "college_mathematics",
        "derivative",
        (
            "What is f'({b}) for f(x) = {a}x^2?",
            "Find the derivative of {a}x^2 at x = {b}:",
            "If f(x) = {a}x^2, then f'({b}) equals:",
        ),
        "Let f(x) = {a}x^2. What is the derivative f'({b})?",
        _pairs(range(2, 15), range(1, 13)),
        lambda a, b: 2 * a * b,
    ),
)


def held_out(calculation: Calculation, operands: tuple[int, int]) -> bool:
    """Whether these operands are held out for questions: a fifth of all, chosen by a hash and so the same everywhere."""
    return int(files.sha256(f"{calculation.name} {operands}")[:8], 16) % 5 == 0


def wrong_results(result: int, chance: random.Random) -> list[str]:
    """Three wrong results near the right one, never negative."""
    near = [result + step for step in (-10, -4, -3, -2, -1, 1, 2, 3, 4, 10) if result + step >= 0]
    return [str(number) for number in chance.sample(near, 3)]

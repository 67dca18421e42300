"""What the order of the choices does to a model that was asked for every rotation of them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy
from numpy.typing import NDArray

from mmlu_kit.analysis import paired
from mmlu_kit.analysis.protocol_document import LetterRecall, OrderAccuracy, OrderEffects
from mmlu_kit.analysis.values import Proportion
from mmlu_kit.evaluation import orders
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import comparisons


@dataclass(frozen=True)
class Shown:
    """The letters of the right and of the chosen choice, as one order shows them."""

    right: str
    chosen: str

    @property
    def correct(self) -> bool:
        """Whether the right choice was chosen."""
        return self.right == self.chosen


def order_effects(model: str, records: Sequence[Record]) -> OrderEffects:
    """Return the effects of order; `records` have each question once, and letters in every order."""
    shown = [_in_each_order(record) for record in records]
    most = max(map(len, shown))
    by_order = {order: [each[order] for each in shown if order < len(each)] for order in range(most)}
    cochran_q = comparisons.cochran_q(_right_in_common_orders(shown))
    return OrderEffects(
        model=model,
        orders=[
            OrderAccuracy(order=order, recalls=_recalls(answers), **paired.proportion([answer.correct for answer in answers]))
            for order, answers in by_order.items()
        ],
        p=cochran_q.p if cochran_q else None,
        mean=math.fsum(sum(answer.correct for answer in each) / len(each) for each in shown) / len(shown),
        recalls=_recalls(answer for each in shown for answer in each),
        alike=Proportion(**paired.proportion([_alike(each) for each in shown])),
        over_orders=paired.paired_difference([record.correct for record in records], [each[0].correct for each in shown]),
    )


def _right_in_common_orders(shown: Sequence[Sequence[Shown]]) -> NDArray[numpy.bool_]:
    """Return whether each answer is right: questions × orders that every question has."""
    common = min(map(len, shown))
    return numpy.array([[answer.correct for answer in each[:common]] for each in shown])


def _in_each_order(record: Record) -> list[Shown]:
    every: list[Mapping[str, float]] = [record.letter_logprobs or {}, *(record.other_orders or [])]
    return [
        Shown(
            right=orders.shown(record.gold, order, record.choices),
            chosen=max(record.letters, key=lambda letter: logprobs[letter]),
        )
        for order, logprobs in enumerate(every)
    ]


def _alike(answers: Sequence[Shown]) -> bool:
    """Whether every order chose the same choice."""
    number = len(answers)
    return len({orders.given(answer.chosen, order, number) for order, answer in enumerate(answers)}) == 1


def _recalls(answers: Iterable[Shown]) -> dict[str, LetterRecall]:
    """Return the recall of each letter under which a right choice is shown."""
    counts: dict[str, list[bool]] = {}
    for answer in answers:
        counts.setdefault(answer.right, []).append(answer.correct)
    return {
        letter: LetterRecall(right=len(right), chosen=sum(right), recall=sum(right) / len(right))
        for letter in LETTERS
        if (right := counts.get(letter))
    }

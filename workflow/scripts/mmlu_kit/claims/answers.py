"""A model's answers to single questions, as claims are tested on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Self

import numpy
from numpy.typing import NDArray

from mmlu_kit.analysis.model_document import NEARLY_ALWAYS
from mmlu_kit.claims.document import Reading
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import ALPHA, comparisons, two_by_two
from mmlu_kit.statistics.two_by_two import NONE

Numbers = NDArray[numpy.int64]


class Pair(NamedTuple):
    """How many of the questions that two models answered both got right, only one or neither."""

    both: int
    only_first: int
    only_second: int
    neither: int

    @property
    def questions(self) -> int:
        """All of them."""
        return sum(self)

    @property
    def p(self) -> float:
        """The exact two-sided McNemar p-value."""
        return comparisons.mcnemar(self.only_first, self.only_second)


@dataclass(frozen=True)
class Answers:
    """A model's answers in one reading, each question once; arrays have one entry for each question.

    `letters` and `gold` are 0 for A, 1 for B and so on; `letters` is NONE where an answer is no letter.
    """

    questions: tuple[str, ...]  # hashes
    subjects: NDArray[numpy.str_]
    letters: Numbers
    gold: Numbers
    choices: Numbers

    @classmethod
    def read(cls, records: Iterable[Record], reading: Reading) -> Self:
        """Return the answers in these records, by the best or the generated letter."""
        kept = list(records)
        letters = [record.parsed if reading == Reading.GENERATED else record.predicted for record in kept]
        return cls(
            questions=tuple(record.question_sha256 for record in kept),
            subjects=numpy.array([record.subject for record in kept], str),
            letters=numpy.array([LETTERS.index(letter) if letter else NONE for letter in letters], int),
            gold=numpy.array([LETTERS.index(record.gold) for record in kept], int),
            choices=numpy.array([record.choices for record in kept], int),
        )

    @property
    def right(self) -> NDArray[numpy.bool_]:
        """Whether each answer is right."""
        return self.letters == self.gold

    @property
    def with_letter(self) -> int:
        """The number of answers that are a letter."""
        return int((self.letters != NONE).sum())

    @cached_property
    def always(self) -> str | None:
        """The letter that nearly all answers with a letter have, None if there is none."""
        counts = numpy.bincount(self.letters[self.letters != NONE], minlength=1)
        letter = int(counts.argmax())
        return LETTERS[letter] if counts[letter] and counts[letter] >= NEARLY_ALWAYS * counts.sum() else None

    @cached_property
    def may_be_guessing(self) -> bool:
        """Whether as many are right, by a two-sided test, as of the same letters chosen without regard to the question."""
        if not len(self.letters):
            return True
        blind = two_by_two.right_by_margins(self.letters, self.gold, self.choices)
        return 2 * min(blind.p_more, blind.p_less) >= ALPHA

    def only(self, places: Numbers) -> Self:
        """Return the answers at these places."""
        return type(self)(
            questions=tuple(self.questions[place] for place in places),
            subjects=self.subjects[places],
            letters=self.letters[places],
            gold=self.gold[places],
            choices=self.choices[places],
        )

    def on(self, subjects: Iterable[str]) -> Self:
        """Return the answers on these subjects."""
        return self.only(numpy.flatnonzero(numpy.isin(self.subjects, list(subjects))))

    def shared(self, *others: "Answers") -> list["Answers"]:
        """Return these and others' answers to the questions that all answered, in the same order."""
        everything = [self, *others]
        places = [dict(zip(each.questions, range(len(each.questions)), strict=True)) for each in everything]
        common = [question for question in self.questions if all(question in each for each in places)]
        return [
            each.only(numpy.array([place[question] for question in common], int))
            for each, place in zip(everything, places, strict=True)
        ]

    def beside(self, other: "Answers") -> Pair | None:
        """Return how often both, one or neither is right; None if they have no question in common."""
        first, second = (each.right for each in self.shared(other))
        counts = [(first & second), (first & ~second), (second & ~first), ~(first | second)]
        return Pair(*(int(count.sum()) for count in counts)) if len(first) else None

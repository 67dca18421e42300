"""Rows of token ids that a model reads for one question, and how they are laid out where they begin alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple


class Row(NamedTuple):
    """Token ids, and after how many of the last ones the next-token logits are wanted."""

    ids: tuple[int, ...]
    outputs: int = 1


@dataclass(frozen=True)
class Rows:
    """The rows of one question, whose `name` is for messages: one prompt, one for each order, or one for each choice."""

    name: str
    rows: tuple[Row, ...]

    @property
    def longest(self) -> int:
        """The number of tokens of the longest row."""
        return max(len(row.ids) for row in self.rows)

    @property
    def outputs(self) -> int:
        """After how many tokens logits are wanted, over all rows."""
        return sum(row.outputs for row in self.rows)

    @cached_property
    def stem(self) -> int:
        """How many tokens all rows begin with; all of them for a single row."""
        return _common([row.ids for row in self.rows])

    def tokens(self, start: int) -> int:
        """The number of tokens to compute behind the first `start` ones, which are at most the stem: the stem counts once."""
        return self.stem - start + sum(len(row.ids) - self.stem for row in self.rows)

    def laid_out(self, start: int, tail: int = 0) -> "Layout":
        """Return the tokens behind the first `start` ones in one line: the rest of the stem, then what each row has of its own.

        With `tail`, the last row has at least this many outputs.
        """
        stem, first = self.stem, self.rows[0].ids
        ids, positions, branches = list(first[start:stem]), list(range(start, stem)), [0] * (stem - start)
        outputs: list[int] = []
        for number, (row, wanted) in enumerate(self.rows, 1):
            own = len(ids) - stem  # where a position behind the stem is in the line
            ids += row[stem:]
            positions += range(stem, len(row))
            branches += [number] * (len(row) - stem)
            count = max(wanted, tail) if number == len(self.rows) else wanted
            outputs += [place - start if place < stem else own + place for place in range(len(row) - count, len(row))]
        return Layout(ids, positions, branches, outputs)


class Layout(NamedTuple):
    """Tokens in one line: their ids, positions and branches (0 for the stem), and after which ones logits are wanted.

    A token sees those before it in the stem and in its own branch.
    """

    ids: list[int]
    positions: list[int]
    branches: list[int]
    outputs: list[int]


def cloze_rows(name: str, prompt: tuple[int, ...], choices: Sequence[tuple[int, ...]]) -> Rows:
    """Return the prompt with each choice but for its last token, of which nothing is predicted.

    Logits are wanted first after the prompt, once for all choices, then after each further token of `longer(choices)`.
    """
    first, *others = [(*prompt, *choice[:-1]) for choice in longer(choices)] or [prompt]
    rows = [Row(first, len(first) - len(prompt) + 1), *(Row(row, len(row) - len(prompt)) for row in others)]
    return Rows(name, tuple(rows))


def longer(choices: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return the choices of more than one token, equal ones once."""
    return list(dict.fromkeys(choice for choice in choices if len(choice) > 1))


def shared_prefix(questions: Sequence[Rows]) -> int:
    """The length of the prefix that all rows share; tokens after which logits are wanted are left out of it."""
    rows = [row for question in questions for row in question.rows]
    return min(_common([row.ids for row in rows]), min(len(row.ids) - row.outputs for row in rows))


def _common(rows: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all rows begin with."""
    # In lexicographic order, all rows share what the first and the last one share.
    first, last = min(rows), max(rows)
    shortest = min(len(first), len(last))
    return next((place for place in range(shortest) if first[place] != last[place]), shortest)

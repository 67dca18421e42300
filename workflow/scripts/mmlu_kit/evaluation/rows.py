"""Rows of token ids that a model reads for one question, and how they are laid out where they begin alike."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
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

    def alone(self, place: int) -> int:
        """The number of tokens at the end of a row that no other row shares; 0 if there is no other."""
        row = self.rows[place].ids
        return len(row) - max((_common([row, other.ids]) for other in self.without(place)), default=len(row))

    def with_last(self, place: int) -> "Rows":
        """Return the same rows, the one at this place last."""
        return Rows(self.name, (*self.without(place), self.rows[place]))

    def without(self, place: int) -> tuple[Row, ...]:
        """Return the other rows than the one at this place."""
        return self.rows[:place] + self.rows[place + 1 :]

    def tokens(self, start: int) -> int:
        """The number of tokens to compute behind the first `start` ones, which all rows share."""
        return len(self.laid_out(start).ids)

    def laid_out(self, start: int, tail: int = 0) -> "Layout":
        """Return the tokens behind the first `start` ones in one line; what rows begin with in common is there once.

        With `tail`, the last row has at least this many outputs.
        """
        ids: list[int] = []
        positions: list[int] = []
        paths: list[list[int]] = []
        places: dict[tuple[int, int], int] = {}  # of a token, by the place of the one before it
        for row in self.rows:
            place, path = -1, []
            for position, token in enumerate(row.ids[start:], start):
                place = places.setdefault((place, token), len(ids))
                if place == len(ids):
                    ids.append(token)
                    positions.append(position)
                path.append(place)
            paths.append(path)
        *others, last = [row.outputs for row in self.rows]
        counts = [*others, max(last, tail)]
        outputs = [place for path, count in zip(paths, counts, strict=True) for place in path[len(path) - count :]]
        return Layout(ids, positions, paths, outputs)


class Layout(NamedTuple):
    """Tokens in one line: their ids and positions, the places of each row's tokens, and after which ones logits are wanted.

    A token sees those before it in its row. Rows share a token only where all before it are the same.
    """

    ids: list[int]
    positions: list[int]
    paths: list[list[int]]
    outputs: list[int]


def cloze_rows(name: str, prompt: tuple[int, ...], choices: Sequence[tuple[int, ...]]) -> Rows:
    """Return the prompt with each choice but for its last token, of which nothing is predicted; equal rows once.

    Logits are wanted before each token of a choice. Each row has those after the prompt too, as the rotary positions of some
    models depend on a row's length.
    """
    rows = dict.fromkeys((*prompt, *choice[:-1]) for choice in choices)
    return Rows(name, tuple(Row(row, len(row) - len(prompt) + 1) for row in rows))


def shared_prefix(questions: Sequence[Rows]) -> int:
    """The length of the prefix that all rows share; tokens after which logits are wanted are left out of it."""
    rows = [row for question in questions for row in question.rows]
    return min(_common([row.ids for row in rows]), min(len(row.ids) - row.outputs for row in rows))


def _common(rows: Sequence[tuple[int, ...]]) -> int:
    """How many tokens all rows begin with."""
    # In lexicographic order, all rows share what the first and the last one share.
    first, last = min(rows), max(rows)
    shortest = min(len(first), len(last))
    return bisect_left(range(shortest), True, key=lambda place: first[: place + 1] != last[: place + 1])

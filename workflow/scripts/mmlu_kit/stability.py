"""How far answers depend on what should not matter: batching, threads and the number format."""

import itertools
from collections.abc import Iterable, Sequence

from .questions import LETTERS

DTYPES = ("float32", "bfloat16")
BATCHINGS = ("alone", "packed")
THREADS = (1, 2)
_SETTINGS = ("dtype", "batching", "threads")


def run(dtype: str, batching: str, threads: int, records: Iterable[dict]) -> dict:
    """What one run answered: its settings, for each question the letter and the four letters' log-probabilities."""
    records = list(records)
    return {
        "dtype": dtype,
        "batching": batching,
        "threads": threads,
        "correct": sum(record["correct"] for record in records),
        "predicted": [record["predicted"] for record in records],
        "logprobs": [[record["letter_logprobs"][letter] for letter in LETTERS] for record in records],
    }


def comparisons(runs: Sequence[dict]) -> list[dict]:
    """Every two runs that differ in one setting alone, compared; `changed` names that setting."""
    found = []
    for one, other in itertools.combinations(runs, 2):
        changed = [setting for setting in _SETTINGS if one[setting] != other[setting]]
        if len(changed) == 1:
            found.append({"changed": changed[0], "runs": [_settings(one), _settings(other)], **compare(one, other)})
    return sorted(found, key=lambda comparison: _SETTINGS[::-1].index(comparison["changed"]))


def compare(one: dict, other: dict) -> dict:
    """`flips` (answers that differ), `largest_difference` of a letter's log-probability, and for each flipped question by
    how much its two letters differed in the first run (`margins`, natural logarithms)."""
    pairs = list(zip(one["logprobs"], other["logprobs"], strict=True))
    margins = [
        round(max(logprobs) - logprobs[LETTERS.index(letter)], 6)
        for logprobs, before, letter in zip(one["logprobs"], one["predicted"], other["predicted"], strict=True)
        if letter != before
    ]
    return {
        "flips": len(margins),
        "largest_difference": round(max((abs(a - b) for x, y in pairs for a, b in zip(x, y, strict=True)), default=0.0), 6),
        "margins": margins,
    }


def _settings(one: dict) -> dict:
    return {setting: one[setting] for setting in _SETTINGS}

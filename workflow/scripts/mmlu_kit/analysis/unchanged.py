"""Whether a part of analysis.json is what the answers give: the first value that is not is named."""

import math
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

from mmlu_kit.user_errors import UserError

_ROUNDING = 1e-9


def check(path: Path, key: str, value: Any, expected: Any) -> None:
    """Raise UserError that names the first JSON value of the part `key` of the file at `path` that is not as expected."""
    for place, one, right in _differences(value, expected, key):
        problem = f"{place} is {_in_words(one, 'missing')}, but the answers give {_in_words(right, 'none')}"
        raise UserError(f"{path} was changed after it was made: {problem}; delete it and run again")


def _differences(value: Any, expected: Any, key: str) -> Iterator[tuple[str, Any, Any]]:
    """Yield the values that differ, with their keys and the right values; None stands for a value that is missing."""
    if isinstance(value, dict) and isinstance(expected, dict):
        for name in dict.fromkeys([*expected, *value]):
            yield from _differences(value.get(name), expected.get(name), f"{key}.{name}")
    elif isinstance(value, list) and isinstance(expected, list):
        for number, (one, other) in enumerate(zip_longest(value, expected)):
            yield from _differences(one, other, f"{key}.{number}")
    elif isinstance(value, float) and isinstance(expected, float):
        if not math.isclose(value, expected, rel_tol=_ROUNDING, abs_tol=_ROUNDING):
            yield key, value, expected
    elif value != expected:
        yield key, value, expected


def _in_words(value: Any, nothing: str) -> str:
    return "something else" if isinstance(value, dict | list) else nothing if value is None else str(value)

"""Regular expressions from outside that are matched against names of layers: one that could take for ever is refused.

Time grows exponentially with repeated groups that themselves repeat, and with a power of the name's length for each part that
may repeat without limit.
"""

import re
from collections.abc import Iterator

MOST_REPEATS = 5  # in one alternative; a name of 80 letters is then matched in less than a second
_PART = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)  # an escaped letter, a class of letters, or a letter
_WITHOUT_LIMIT = re.compile(r"\{\d*,\d*\}|\{\d{2,}\}")


def problem(pattern: str) -> str | None:
    """Say why a pattern is not used, None if it can be."""
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"is not a regular expression ({error})"
    repeats, depth, before = 0, 0, ""
    for part, follows in _parts(pattern):
        if part in "*+" or (part == "{" and _WITHOUT_LIMIT.match(follows)):
            repeats += 1
            if before == ")" or repeats > MOST_REPEATS:
                return "repeats groups or too many parts, so that matching it could take for ever"
        depth += (part == "(") - (part == ")")
        if part == "|" and depth == 0:
            repeats = 0
        before = part
    return None


def _parts(pattern: str) -> Iterator[tuple[str, str]]:
    """The pattern's parts, each with the text from it on."""
    for match in _PART.finditer(pattern):
        yield match[0], pattern[match.start() :]

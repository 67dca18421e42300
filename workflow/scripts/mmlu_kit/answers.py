"""The letter that a generated text names."""

import re

_LETTER = re.compile(r"[\s(*\"'`\[]*([A-D])[\s)*\"'`\].,:;]*")


def parse(generated: str) -> str | None:
    """'A'…'D' where the text is one such letter, bare or in the usual brackets and punctuation; else None.

    One generated token holds little more than a letter, so anything else is counted as what it is: not an answer.
    """
    match = _LETTER.fullmatch(generated)
    return match.group(1) if match else None

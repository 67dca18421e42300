"""Text for a terminal: control characters from a model or a file are shown, never obeyed."""

# Escape sequences can move the cursor, forge earlier lines or answer for the user, and direction marks can make a line read
# differently. Control characters are shown as their Unicode pictures if they have one.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_OTHERS = dict.fromkeys([*range(0x80, 0xA0), 0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
_TABLE = _PICTURES | _OTHERS


def visible(text: str) -> str:
    """Return `text` with all control characters except line breaks and tabs made visible; its length does not change."""
    return text.translate(_TABLE)

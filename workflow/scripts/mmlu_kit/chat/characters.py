"""Text for a terminal: control characters in what a model or a file says are shown, never obeyed."""

# Escape sequences can move the cursor, forge earlier lines or answer for the user; marks of writing direction can make a
# line read as another. A control character is shown as its Unicode picture where it has one.
_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t"} | {0x7F: 0x2421}
_OTHERS = dict.fromkeys([*range(0x80, 0xA0), 0x200E, 0x200F, 0x061C, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
_TABLE = _PICTURES | _OTHERS


def visible(text: str) -> str:
    """`text` with every control character but line breaks and tabs made visible; its length stays."""
    return text.translate(_TABLE)

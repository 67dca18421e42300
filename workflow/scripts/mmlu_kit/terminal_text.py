"""Text for a terminal or a log: characters that it would obey, hide or reorder by are shown instead."""

from typing import Any, TextIO

# Escape sequences can move the cursor, forge earlier lines or answer for the user; direction marks, zero-width characters and
# tags make a line read differently from what it is; lone surrogates cannot be written at all. Control characters are shown as
# their Unicode pictures if they have one.
_HIDDEN = "\ufffd"
_PICTURES = {chr(code): chr(0x2400 + code) for code in range(32)} | {"\x7f": "\u2421"}
_VARIATIONS = range(0xE0100, 0xE01F0)  # variation selectors that no emoji uses


def visible(text: str) -> str:
    """Return `text`, in its length, with control and format characters other than line breaks and tabs made visible."""
    return text if text.isascii() and text.isprintable() else "".join(map(_character, text))


def _character(character: str) -> str:
    if character in "\n\t" or (character.isprintable() and ord(character) not in _VARIATIONS):
        return character
    is_space = character.isspace() and character > "\x9f" and character not in "\u2028\u2029"
    return character if is_space else _PICTURES.get(character, _HIDDEN)


def printable(name: object) -> str:
    """Return a name from outside for a message: escaped, so that it can be told from others, and long ones shortened."""
    text = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in str(name))
    return text if len(text) <= 400 else f"{text[:200]}…{text[-200:]}"


def protect(stream: TextIO) -> None:
    """Make whatever is printed to a stream visible, whoever prints it; bytes written to its `buffer` are passed on unchanged.

    The stream itself is changed, since logging and libraries hold on to it.
    """
    write = stream.write
    setattr(stream, "write", lambda text: write(visible(text)))  # noqa: B010


class Unprotected:
    """A protected stream as it was, for a program's own cursor control: a progress bar."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text as it is."""
        written: int = type(self._stream).write(self._stream, text)
        return written

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

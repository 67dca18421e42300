"""The cells of a row of MMLU-Redux: which question it checks, the type of its error, and the choices that are right."""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence

from mmlu_kit.analysis.label_checks import CORRECTED, ERRORS, FALLBACKS, GOOD, UNDECIDED, Key, LabelCheck
from mmlu_kit.formatting import plural
from mmlu_kit.settings import FEWEST_CHOICES, LETTERS, MOST_CHOICES

CORRECTION = "correct_answer"
LONGEST_CHOICES = 20_000  # characters; a longer text is not parsed
_SEPARATORS = re.compile(r"[,;/&]|\band\b|\bor\b")
_NUMBER = re.compile(r"[0-9]{1,2}(?:\.0)?", re.ASCII)  # as tables of numbers are written by some programs: 2.0


def read_check(row: Mapping[str, str], column: str, file: str, subject: str) -> LabelCheck:
    """Return the check in a row of Latin-1 text. Raises ValueError saying what is wrong with it."""
    kind = _parse_type(row[column])
    correction = row.get(CORRECTION, "").encode("latin-1") if kind in CORRECTED else b""
    cells = [row[name].encode("latin-1") for name in ("question", "choices")]
    keys = {name: key for name in ("utf-8", *FALLBACKS) if (key := _decoded_key(subject, cells, name))}
    if "utf-8" in keys:
        return LabelCheck(keys["utf-8"], kind, file, column, {}, correction)
    if not keys:
        raise ValueError("it is neither UTF-8 nor " + " nor ".join(FALLBACKS.values()))
    return LabelCheck(next(iter(keys.values())), kind, file, column, keys, correction)


def right_letters(text: str, choices: Sequence[str]) -> frozenset[str]:
    """Return the letters of the right choices that a cell names: by their numbers from 0, their letters or their texts.

    Several are separated by commas, semicolons, slashes, 'and' or 'or', in brackets or not. None are returned if any of them
    is no choice, or could be two.
    """
    plain = " ".join(text.split()).strip("\"'")
    letters = _letter(plain, choices)
    if letters:
        return letters
    names = [_letter(name.strip(" \"'"), choices) for name in _SEPARATORS.split(plain.strip("()[]{}"))]
    return frozenset().union(*names) if all(names) else frozenset()


def _letter(name: str, choices: Sequence[str]) -> frozenset[str]:
    """Return the letter of the one choice that this is a name of, none if it is no choice's or two choices'."""
    letters = LETTERS[: len(choices)]
    if not name:
        return frozenset()
    places = {place for place, text in enumerate(choices) if " ".join(text.split()) == name}
    short = name.strip("().")
    if short.upper() in tuple(letters):
        places.add(letters.index(short.upper()))
    if _NUMBER.fullmatch(short) and int(float(short)) < len(choices):
        places.add(int(float(short)))
    return frozenset(letters[place] for place in places) if len(places) == 1 else frozenset()


def _decoded_key(subject: str, cells: Sequence[bytes], encoding: str) -> Key | None:
    """Return the key of a row's question and choices, None if they are not in this encoding."""
    try:
        question, choices = (cell.decode(encoding) for cell in cells)
    except UnicodeDecodeError:
        return None
    return key_of(subject, question, _parse_choices(choices))


def _parse_choices(text: str) -> list[str]:
    try:
        choices = ast.literal_eval(text.strip()) if len(text) <= LONGEST_CHOICES else None
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        choices = None
    if not isinstance(choices, list) or not all(isinstance(text, str) for text in choices):
        raise ValueError("choices must be a list of strings, one for each choice: ['…', '…', '…', '…']")
    if not FEWEST_CHOICES <= len(choices) <= MOST_CHOICES:
        raise ValueError(f"choices has {plural(len(choices), 'string')}; a question has {FEWEST_CHOICES} to {MOST_CHOICES}")
    return choices


def _parse_type(text: str) -> str:
    name = TYPES.get(spelling(text))
    if not text.strip():
        raise ValueError("error_type is empty, so this label was not checked")
    if name is None:
        raise ValueError(f"error_type is {text.strip()[:40]!r}; known: {', '.join(TYPES.values())}")
    return name


def spelling(text: str) -> str:
    """Return the letters of a type: it is written with spaces or underscores, capitals, and 'answer' or 'answers'."""
    return "".join(letter for letter in text.lower() if letter.isalpha()).removesuffix("s")


TYPES = {spelling(name): name for name in (GOOD, UNDECIDED, *ERRORS)}


def key_of(subject: str, question: str, choices: Iterable[str]) -> Key:
    """Return what identifies a question: its subject, and its texts with single spaces."""
    return subject, tuple(" ".join(text.split()) for text in (question, *choices))

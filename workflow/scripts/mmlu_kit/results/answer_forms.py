"""The forms in which published predictions name a choice, read by fixed rules and never by guessing.

1. A single letter: 'A'.
2. A number, 'A' being 0, if every answer of the model is a number from 0 to 3 and one of them is 0. Numbers from 1 are refused,
   as are numbers that may be either: nothing in the file says what they count from.
3. The choice's own text, if it is the text of one choice only.
4. A letter in other text, as evaluation/answer_parser.py reads it: '(A)', 'A. text', 'Answer: A', '**A**'; and a letter alone
   between signs, also a small one: 'a', 'a.'.

Rules 3 and 4 must not contradict each other: 'A. text' is unreadable if the text is that of choice B.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from mmlu_kit.evaluation import answer_parser
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS
from mmlu_kit.user_errors import UserError


class Rule(StrEnum):
    """The rule by which an answer was read."""

    LETTER = "letter"
    NUMBER = "number"
    CHOICE = "choice"
    PARSED = "parsed"


RULES_IN_WORDS = {
    Rule.LETTER: "as a letter",
    Rule.NUMBER: "as a number from 0 to 3",
    Rule.CHOICE: "as a choice's own text",
    Rule.PARSED: "as a letter in other text",
}


class Numbers(StrEnum):
    """What the numbers 0 to 4 are in a model's answers: numbers of choices from 0, texts of choices, or neither."""

    CHOICES = "choices"
    TEXTS = "texts"
    NEITHER = "neither"


Answer = tuple[str, Question]  # as written, to this question

_SMALL_NUMBER = re.compile(r"[0-4](\.0*)?")
_LETTER_ALONE = re.compile(r"[\s(\[{*_`\"']*([A-Da-d])[\s)\]}.,:;*_`\"']*")
_LEADING_LETTER = re.compile(r"[\s(\[*]*[A-D][)\].:*]+\s*")
# What programs write for an answer that is missing: never the text of a choice.
_MISSING = frozenset(("", "nan", "none", "null", "na", "n/a", "<na>"))


def is_missing(text: str) -> bool:
    """Whether a cell is empty or has a word that programs write for a missing value."""
    return _plain(text).lower() in _MISSING


def is_choice_number(text: str) -> bool:
    """Whether a text is a number from 0 to 3, perhaps as pandas writes a column with missing values: '2.0'."""
    return bool(_SMALL_NUMBER.fullmatch(text)) and not text.startswith("4")


def meaning_of_numbers(texts: Iterable[str], answers: Sequence[Answer], where: str) -> Numbers:
    """Decide what numbers mean in a model's answers: `texts` are all of them, `answers` those to the study's questions.

    Raises UserError, beginning with `where`, if all are numbers that may count choices, but it is not sure from where.
    """
    written = {text for text in map(_plain, texts) if text.lower() not in _MISSING}
    small = [answer for answer in answers if _SMALL_NUMBER.fullmatch(_plain(answer[0]))]
    are_texts = bool(small) and all(_choice(_plain(text), question.choices) for text, question in small)
    if not written or not all(_SMALL_NUMBER.fullmatch(text) for text in written):
        return Numbers.TEXTS if are_texts else Numbers.NEITHER
    numbers = sorted({int(float(text)) for text in written})
    if numbers[0] == 0 and numbers[-1] <= 3 and not are_texts:
        return Numbers.CHOICES
    listed = ", ".join(map(str, numbers))
    raise UserError(
        f"{where}: its predictions are the numbers {listed}, and nothing says which of them is A: write the letters A to D "
        "(numbers are read if they go from 0 for A to 3 for D and 0 is among them)"
    )


def letter(text: str, question: Question, numbers: Numbers) -> str | None:
    """Return the letter of the choice that a text names, None if it is unreadable."""
    if text in tuple(LETTERS):
        return text
    plain = _plain(text)
    if plain.lower() in _MISSING:
        return None
    if _SMALL_NUMBER.fullmatch(plain):
        if numbers == Numbers.CHOICES:
            return LETTERS[int(float(plain))]
        return _choice(plain, question.choices) if numbers == Numbers.TEXTS else None
    alone = _LETTER_ALONE.fullmatch(plain)
    parsed = alone[1].upper() if alone else answer_parser.parse(text, question.letters)
    rest = plain[leading.end() :] if (leading := _LEADING_LETTER.match(plain)) else ""
    named = {parsed, _choice(plain, question.choices), _choice(rest, question.choices)} - {None}
    return named.pop() if len(named) == 1 else None


def count_rules(answers: Sequence[tuple[str, str | None, Question]]) -> dict[Rule, int]:
    """Return how many answers were read by each rule; `answers` are texts with their letters, None if unreadable."""
    read = [(_plain(text), letter, question) for text, letter, question in answers if letter]
    numbers = all(_SMALL_NUMBER.fullmatch(text) and LETTERS.find(letter) == int(float(text)) for text, letter, _ in read)
    counts = Counter(Rule.NUMBER if numbers else _rule(text, letter, question) for text, letter, question in read)
    return {rule: counts[rule] for rule in Rule if counts[rule]}


def in_words(rules: dict[Rule, int]) -> str:
    """Return '13,000 as a letter, 12 as a choice's own text'."""
    return ", ".join(f"{count:,} {RULES_IN_WORDS[rule]}" for rule, count in rules.items())


def _rule(text: str, letter: str, question: Question) -> Rule:
    if text == letter:
        return Rule.LETTER
    return Rule.CHOICE if _choice(text, question.choices) == letter else Rule.PARSED


def _choice(text: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the only choice with this text, in the same case or, if none has it, in any; else None."""
    for form in (_plain, _folded):
        letters = [name for name, choice in zip(LETTERS, choices, strict=False) if form(choice) == form(text) and form(text)]
        if letters:
            return letters[0] if len(letters) == 1 else None
    return None


def _plain(text: str) -> str:
    """Return a text in normal-width characters and with single spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def _folded(text: str) -> str:
    return _plain(text).casefold().rstrip(". ")

"""The forms in which published predictions name a choice, read by fixed rules and never by guessing.

1. A single letter of the question's choices: 'A'.
2. A number, 'A' being 0, if every answer of the model is a number of a choice, 0 to 3 if there are four, and one of them is 0.
   Numbers from 1 are refused, as are numbers that may be either: nothing in the file says what they count from. Where questions
   differ in their number of choices, a number beyond its question's choices is unreadable.
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
from functools import cache

from mmlu_kit.evaluation import answer_parser
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS, MOST_CHOICES
from mmlu_kit.user_errors import UserError


class Rule(StrEnum):
    """The rule by which an answer was read."""

    LETTER = "letter"
    NUMBER = "number"
    CHOICE = "choice"
    PARSED = "parsed"


RULES_IN_WORDS = {
    Rule.LETTER: "as a letter",
    Rule.NUMBER: "as a choice's number, from 0",
    Rule.CHOICE: "as a choice's own text",
    Rule.PARSED: "as a letter in other text",
}


class Numbers(StrEnum):
    """What small numbers are in a model's answers: numbers of choices from 0, texts of choices, or neither.

    A number is small if it may count the choices of its question, from 0 or from 1: 0 to 4 if there are four.
    """

    CHOICES = "choices"
    TEXTS = "texts"
    NEITHER = "neither"


Answer = tuple[str, Question]  # as written, to this question

# Perhaps as pandas writes a column with missing values: '2.0'.
_NUMBER = re.compile(r"([0-9]{1,2})(?:\.0*)?")
# What programs write for an answer that is missing: never the text of a choice.
_MISSING = frozenset(("", "nan", "none", "null", "na", "n/a", "<na>"))


def is_missing(text: str) -> bool:
    """Whether a cell is empty or has a word that programs write for a missing value."""
    return _plain(text).lower() in _MISSING


def is_number(text: str) -> bool:
    """Whether a text is a number that may be that of a choice: 0 to 25."""
    return _number(text) in range(MOST_CHOICES)


def letters_in_words(choices: int) -> str:
    """Return the letters of this many choices: 'A, B, C or D', 'A to J'."""
    letters = LETTERS[:choices]
    return f"A to {letters[-1]}" if choices > 5 else f"{', '.join(letters[:-1])} or {letters[-1]}"


def meaning_of_numbers(texts: Iterable[str], answers: Sequence[Answer], where: str) -> Numbers:
    """Decide what numbers mean in a model's answers: `texts` are all of them, `answers` those to the study's questions.

    Raises UserError, beginning with `where`, if all are numbers that may count choices, but it is not sure from where.
    """
    small = [answer for answer in answers if _is_small(*answer)]
    are_texts = bool(small) and all(_choice(text, question.choices) for text, question in small)
    written = {_plain(text) for text in texts if not is_missing(text)}
    most = max((len(question.choices) for _, question in answers), default=MOST_CHOICES)
    counted = all(is_missing(text) or _is_counted(text, most) for text, _ in answers)
    if not written or not counted or not all(_is_counted(text, MOST_CHOICES) for text in written):
        return Numbers.TEXTS if are_texts else Numbers.NEITHER
    # Other questions in the file may have more choices.
    numbers = sorted({number for text, _ in answers if (number := _number(_plain(text))) is not None})
    if not are_texts and 0 in map(_number, written) and max(numbers, default=0) < most:
        return Numbers.CHOICES
    listed, last = ", ".join(map(str, numbers)), LETTERS[most - 1]
    raise UserError(
        f"{where}: its predictions are the numbers {listed}, and nothing says which of them is A: write the letters A to "
        f"{last} (numbers are read if they go from 0 for A to {most - 1} for {last} and 0 is among them)"
    )


def letter(text: str, question: Question, numbers: Numbers) -> str | None:
    """Return the letter of the choice that a text names, None if it is unreadable."""
    if text in tuple(question.letters):
        return text
    plain = _plain(text)
    if plain.lower() in _MISSING:
        return None
    number = _number(plain)
    if number is not None and numbers == Numbers.CHOICES:
        return question.letters[number : number + 1] or None
    if _is_small(plain, question):
        return _choice(plain, question.choices) if numbers == Numbers.TEXTS else None
    letter_alone, leading_letter = _patterns(question.letters)
    alone = letter_alone.fullmatch(plain)
    parsed = alone[1].upper() if alone else answer_parser.parse(text, question.letters)
    rest = plain[leading.end() :] if (leading := leading_letter.match(plain)) else ""
    named = {parsed, _choice(plain, question.choices), _choice(rest, question.choices)} - {None}
    return named.pop() if len(named) == 1 else None


def count_rules(answers: Sequence[tuple[str, str | None, Question]]) -> dict[Rule, int]:
    """Return how many answers were read by each rule; `answers` are texts with their letters, None if unreadable."""
    read = [(_plain(text), letter, question) for text, letter, question in answers if letter]
    numbers = all(_number(text) == LETTERS.index(letter) for text, letter, _ in read)
    counts = Counter(Rule.NUMBER if numbers else _rule(text, letter, question) for text, letter, question in read)
    return {rule: counts[rule] for rule in Rule if counts[rule]}


def in_words(rules: dict[Rule, int]) -> str:
    """Return '13,000 as a letter, 12 as a choice's own text'."""
    return ", ".join(f"{count:,} {RULES_IN_WORDS[rule]}" for rule, count in rules.items())


@cache
def _patterns(letters: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Patterns for one of these letters alone between signs, and for one at the beginning of a text."""
    alone = rf"[\s(\[{{*_`\"']*([{letters}{letters.lower()}])[\s)\]}}.,:;*_`\"']*"
    return re.compile(alone), re.compile(rf"[\s(\[*]*[{letters}][)\].:*]+\s*")


def _number(text: str) -> int | None:
    match = _NUMBER.fullmatch(text)
    return int(match[1]) if match else None


def _is_counted(text: str, choices: int) -> bool:
    """Whether a text is a number that may count this many choices, from 0 or from 1."""
    number = _number(_plain(text))
    return number is not None and number <= choices


def _is_small(text: str, question: Question) -> bool:
    return _is_counted(text, len(question.choices))


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

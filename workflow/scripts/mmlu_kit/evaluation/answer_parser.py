"""Parse the letter that a generated text names by fixed rules, never by guessing; a text without one is unparsed.

1. Thoughts are left out, and a new question or turn ends the answer (`thoughts`).
2. Letters that are not the answer are left out: 'not A', 'Option A is wrong', 'if the answer is A', 'A?'. So are lists of
   letters: 'A or B', 'A B C D' and 'B\\nC' are unparsed.
3. A single letter at the beginning: 'B', 'b)', '**B**', '(C) three', 'D: four', 'A\\nbecause …'. Only a statement (rule 4) of
   another letter contradicts it: 'B\\nNo wait, the answer is C' is unparsed. A line 'Answer: C' below it belongs to another
   question. An 'A.' followed by a 'B.' lists the choices, and the 'A:' before a statement means 'Answer:'.
4. Else a statement in English, German, French, Spanish or Chinese: 'The answer is (C).', 'Antwort: C', 'C est correcte',
   'I choose B', a boxed letter.
5. Else a mention of a choice, 'Option D', if the text has no list of letters.
6. Else the only letter in brackets anywhere, or a last line that is just a letter, if the text has no list of letters.

A rule applies only if all its matches agree. Lower-case letters count only if a bracket or a word like 'answer' shows that a
choice is meant, since 'a' may be the article, and so may 'A' before a word.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from mmlu_kit.evaluation import answer_phrases as phrases
from mmlu_kit.evaluation import thoughts

# Markup to remove first; brackets are kept, as they show that a letter is a choice.
_BOXED = re.compile(r"\\f?boxed\b")
_COMMANDS = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\b")
_TAGS = re.compile(r"</?\|?(?![A-D]>)[A-Za-z_]{1,40}\|?>")
_QUOTED = re.compile(r"['\"“„‘«「『<]\s?([A-Da-d])[.)]?\s?['\"”“’»」』>]")
_MARKS = str.maketrans({**dict.fromkeys("*_`$", ""), **dict.fromkeys("{[【〔", "("), **dict.fromkeys("}]】〕", ")"), "。": "."})
_HEADINGS = re.compile(r"(?m)^\s{0,9}#+")

# What may follow a letter at the beginning: the end of the text, or something that cannot follow an article.
_BEGINS = re.compile(
    rf"\(?\s?(?:([A-D])(?!\.\s?[A-Za-z]\.)(?:\s?$|\s?[).:;,|/=–—、]|\n| - |\t| (?i:{phrases.BECAUSE})\b)|([a-d])\))"
)
# All choices, each on a line or all on one line, are no answer.
_LIST = re.compile(
    r"\(?A[).:](?:(?:(?!\n\(?A[).:])[\s\S])*?\n\(?B[).:]|(?<=(.))[^\n]{0,400}?[\s(]B\1\s[^\n]{0,400}?[\s(]C\1\s)", re.IGNORECASE
)
_BRACKETS = re.compile(r"\(\s?([A-Da-d])\s?\)")
_ALONE = re.compile(r"\(?([A-D])[).,:;!]*")


@lru_cache(maxsize=1024)  # short answers repeat
def parse(generated: str, letters: str, in_thought: bool = False) -> str | None:
    """The letter that a text names by the rules above, None if it is unparsed; `in_thought` if the prompt opened a thought."""
    text = _plain(thoughts.answer(generated, in_thought))
    for negation in phrases.NEGATIONS:
        text = negation.sub(_without_letter, text)
    text = phrases.LONE_LETTERS.sub(_without_list, phrases.SEVERAL.sub(phrases.REMOVED_LIST, text))
    lists = phrases.REMOVED_LIST in text
    leading = _leading(text)
    stated = _letters(phrases.STATEMENTS, phrases.ANSWER_LINE.sub("", text) if leading else text)
    if leading and not (stated and text.startswith("A:")):
        return _one({leading} | stated)
    if stated or lists:
        return _one(stated)
    return _one(_letters(phrases.MENTIONS, text) or {letter.upper() for letter in _BRACKETS.findall(text)} or _last_line(text))


def _plain(text: str) -> str:
    """The text without markup, in normal-width characters and with single spaces, so that patterns need not handle more."""
    text = _TAGS.sub("\n", _HEADINGS.sub("", _COMMANDS.sub("", _BOXED.sub("answer: ", text))))
    text = _QUOTED.sub(r"(\1)", unicodedata.normalize("NFKC", text)).translate(_MARKS)
    return re.sub(r"[ \t]*\n\s*", "\n", re.sub(r" +", " ", text)).strip()


def _without_letter(match: re.Match[str]) -> str:
    """The matched text with its letter removed."""
    start, end = match.start(1) - match.start(), match.end(1) - match.start()
    return f"{match[0][:start]}{phrases.REMOVED}{match[0][end:]}"


def _without_list(match: re.Match[str]) -> str:
    """The matched letters, or what stands for a list of different ones.

    Two letters in one line are no list unless both have brackets, since a choice may be a letter: 'C. A'. Nor are two after
    other text, since the last line may be the answer: 'It is vitamin C.\\nB'.
    """
    letters = re.findall("[A-D]", match[0].upper())
    begins = match.start() == 0 or match.string[match.start() - 1] == "\n"
    is_list = len(letters) > 2 or (begins and ("\n" in match[0] or match[0].count("(") == 2))
    return phrases.REMOVED_LIST if is_list and len(set(letters)) > 1 else match[0]


def _leading(text: str) -> str | None:
    """The letter that the text begins with, None if it begins with something else or with a list of the choices."""
    begins = _BEGINS.match(text)
    return (begins[1] or begins[2]).upper() if begins and not _LIST.match(text) else None


def _letters(patterns: Iterable[re.Pattern[str]], text: str) -> set[str]:
    """The letters that patterns match, except an 'a' or 'A' before a word, which is an article."""
    matches = [match for pattern in patterns for match in pattern.finditer(text)]
    return {match[1].upper() for match in matches if not _is_article(match, text)}


def _is_article(match: re.Match[str], text: str) -> bool:
    before_word = match[1] in "aA" and match.end(1) == match.end() and re.match(r" \w", text[match.end() : match.end() + 2])
    if match[1] == "A" and before_word:
        names_a_choice = phrases.NAMES_A_CHOICE.search(text[match.start() : match.start(1)])
        return not names_a_choice and not phrases.FOLLOWS.match(text, match.end())
    return bool(before_word)


def _last_line(text: str) -> set[str]:
    alone = _ALONE.fullmatch(text.rpartition("\n")[2])
    return {alone[1]} if alone else set()


def _one(letters: set[str]) -> str | None:
    """The letter on which all agree."""
    return letters.pop() if len(letters) == 1 else None

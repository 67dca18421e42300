"""Parse the letter that a generated text names by fixed rules, never by guessing; a text without one is unparsed.

1. Thoughts are left out, and a new question or turn ends the answer (`thoughts`).
2. Letters that are not the answer are left out: 'not A', 'Option A is wrong', 'if the answer is A', 'A?'. So are lists of
   letters: 'A or B', 'A B C D' and 'B\\nC' are unparsed.
3. A single letter at the beginning: 'B', 'b)', '**B**', '(C) three', 'D: four', 'A\\nbecause …'. Only a statement (rule 4) of
   another letter contradicts it: 'B\\nNo wait, the answer is C' is unparsed. A line 'Answer: C' below it belongs to another
   question. An 'A.' followed by a 'B.' lists the choices, and the 'A:' before a statement means 'Answer:'.
4. Else a statement in English, German, French, Spanish or Chinese: 'The answer is (C).', 'Antwort: C', 'C est correcte',
   'I choose B', 'It's C', 'So, (B).', a boxed letter, <answer>B</answer>, {"answer": "B"}. A statement of a letter that the
   question does not have is no answer: 'Option B is close. The answer is E' is unparsed if there are four choices.
5. Else a mention of a choice, 'Option D', if the text has no list of letters.
6. Else the only letter in brackets anywhere, or a last line that is just a letter, if the text has no list of letters. The
   letters of listed choices do not count, also if the list is cut off: 'A. one\\nB. two\\nC.' is unparsed.

A rule applies only if all its matches agree. Lower-case letters count only if a bracket or a word like 'answer' shows that a
choice is meant, since 'a' may be the article, and so may 'A' before a word. 'I' before a word is the pronoun, and the numeral
where there is a 'II'. Letters beyond D are no choices where they begin a term: 'E. coli', 'T cells', 'F = ma', 'P(E)'.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from mmlu_kit.evaluation import answer_phrases as phrases
from mmlu_kit.evaluation import thoughts
from mmlu_kit.evaluation.answer_phrases import Patterns
from mmlu_kit.settings import LETTERS

# Markup to remove first; brackets are kept, as they show that a letter is a choice.
_BOXED = re.compile(r"\\f?boxed\b")
_COMMANDS = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathsf|boldsymbol|mbox)\b")
_ANSWER_TAG = re.compile(r"<(?:final[_ ]?)?answer>", re.IGNORECASE)
_KEY = re.compile(r"[\"']([A-Za-z_]{2,30})[\"']\s?:\s?(?:\"|'(?=[A-Z][.):]))?")
_MARKS = str.maketrans(
    {**dict.fromkeys("*_`$→➡✅✔☑👉️", ""), **dict.fromkeys("{[【〔", "("), **dict.fromkeys("}]】〕", ")"), "。": "."}
)
_HEADINGS = re.compile(r"(?m)^\s{0,9}#+")
_PLURAL = re.compile(r"(?<=\w)\(s\)")


@lru_cache(maxsize=1024)  # short answers repeat
def parse(generated: str, letters: str, in_thought: bool = False) -> str | None:
    """The letter that a text names by the rules above, None if it is unparsed.

    `letters` are those of the question's choices, the first 2 to 26 of the alphabet; `in_thought`: the prompt opened a thought.
    """
    letter = _named(thoughts.answer(generated, in_thought), phrases.patterns(letters), letters)
    return letter if letter and letter in letters else None


def _named(generated: str, patterns: Patterns, letters: str) -> str | None:
    """The letter that a text names, which may be one that the question does not have."""
    text = _plain(generated, patterns)
    if "I" in letters and phrases.NUMERALS.search(text):
        numeral = phrases.NUMERAL if phrases.NUMBERED.search(text) else phrases.NUMERAL_IN_TEXT
        text = numeral.sub(phrases.REMOVED, text)
    for negation in patterns.negations:
        text = negation.sub(_without_letter, text)
    text = patterns.lone.sub(_without_list, patterns.several.sub(phrases.REMOVED_LIST, text))
    lists = phrases.REMOVED_LIST in text
    leading = _leading(text, patterns)
    stated = _letters(patterns.statements, phrases.ANSWER_LINE.sub("", text) if leading else text)
    if leading and not (stated and phrases.NO_CHOICE.match(text)):
        return _one({leading} | stated)
    if stated or lists or patterns.begins_beyond.match(text):
        return _one(stated)
    mentioned = _letters(patterns.mentions, text)
    text = _without_choices(text)
    return _one(mentioned or {letter.upper() for letter in patterns.brackets.findall(text)} or _last_line(text, patterns))


def _plain(text: str, patterns: Patterns) -> str:
    """The text without markup, in normal-width characters and with single spaces, so that patterns need not handle more."""
    text = _KEY.sub(_key, _ANSWER_TAG.sub("\nfinal answer: ", _COMMANDS.sub("", _BOXED.sub("answer: ", text))))
    text = patterns.tag.sub("\n", _HEADINGS.sub("", text))
    text = patterns.quoted.sub(r"(\1)", unicodedata.normalize("NFKC", text)).translate(_MARKS)
    return re.sub(r"[ \t]*\n\s*", "\n", re.sub(r" +", " ", _PLURAL.sub("", text))).strip()


def _key(match: re.Match[str]) -> str:
    """A key of a JSON object as words: 'correct answer: '."""
    return re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", match[1]) + ": "


def _without_letter(match: re.Match[str]) -> str:
    """The matched text with its letter removed."""
    start, end = match.start(1) - match.start(), match.end(1) - match.start()
    return f"{match[0][:start]}{phrases.REMOVED}{match[0][end:]}"


def _without_list(match: re.Match[str]) -> str:
    """The matched letters, or what stands for a list of different ones.

    Two letters in one line are no list unless both have brackets, since a choice may be a letter: 'C. A'. Nor are two after
    other text, since the last line may be the answer: 'It is vitamin C.\\nB'.
    """
    letters = re.findall("[A-Z]", match[0].upper())
    begins = match.start() == 0 or match.string[match.start() - 1] == "\n"
    is_list = len(letters) > 2 or (begins and ("\n" in match[0] or match[0].count("(") == 2))
    return phrases.REMOVED_LIST if is_list and len(set(letters)) > 1 else match[0]


def _without_choices(text: str) -> str:
    """The text without the letters of lines that list the choices, which are A, B and so on."""
    lines, listed = text.split("\n"), 0
    for place, line in enumerate(lines):
        item = phrases.ITEM.match(line)
        if item and item[1] == LETTERS[listed : listed + 1]:
            lines[place], listed = phrases.REMOVED + line[item.end() :], listed + 1
    return "\n".join(lines) if listed > 1 else text


def _leading(text: str, patterns: Patterns) -> str | None:
    """The letter that the text begins with, None if it begins with something else or with a list of the choices."""
    begins = patterns.begins.match(text)
    return begins[1].upper() if begins and not patterns.begins_list.match(text) else None


def _letters(patterns: Iterable[re.Pattern[str]], text: str) -> set[str]:
    """The letters that patterns match, without those of articles ('a' or 'A' before a word) and an 'A' that begins a list."""
    matches = [match for pattern in patterns for match in pattern.finditer(text)]
    return {match[1].upper() for match in matches if not (_is_article(match, text) or _begins_list(match, text))}


def _begins_list(match: re.Match[str], text: str) -> bool:
    start = match.start(1)
    return match[1] == "A" and bool(phrases.LISTED.match(text, start - (text[start - 1] == "(")))


def _is_article(match: re.Match[str], text: str) -> bool:
    before_word = match[1] in "aA" and match.end(1) == match.end() and re.match(r" \w", text[match.end() : match.end() + 2])
    if not before_word:
        return False
    names_a_choice = phrases.NAMES_A_CHOICE.search(text[match.start() : match.start(1)])
    follows = phrases.FOLLOWS.match(text, match.end())
    if match[1] == "A":
        return not (names_a_choice or follows)
    return not (names_a_choice and names_a_choice[0].endswith(" ") and follows)


def _last_line(text: str, patterns: Patterns) -> set[str]:
    alone = patterns.alone.fullmatch(text.rpartition("\n")[2])
    return {alone[1]} if alone else set()


def _one(letters: set[str]) -> str | None:
    """The letter on which all agree."""
    return letters.pop() if len(letters) == 1 else None

"""How answers are stated: patterns that are made of the words of five languages for a number of choices.

Words match in any case; the groups of the patterns are letters. The first four letters are read wherever a choice may stand.
The others are words, units and symbols too, so they are not read as a choice where they begin a term ('T cells', 'E. coli',
'F = ma'), and 'I' is not where it is the pronoun.
"""

import re
from dataclasses import dataclass
from functools import cache

from mmlu_kit.evaluation.answer_words import (
    ADVERB,
    ANSWER,
    ARTICLE,
    BECAUSE,
    BETWEEN,
    CHOOSE,
    DOUBT,
    EXPLANATION,
    IS,
    IS_NOT,
    IT,
    NOT,
    OF_QUESTION,
    ONE,
    OPTION,
    OR,
    RIGHT,
    SPECIES,
    TERMS,
    THEREFORE,
    WRONG,
)
from mmlu_kit.settings import LETTERS

# No letter, digit, accent or apostrophe touches a choice's letter: not C'est, d'abord, à, B12, C++, D-day, A.D.
BEFORE = r"(?<![A-Za-zÀ-ɏ0-9'’])"
AFTER = r"(?![A-Za-zÀ-ɏ0-9'’+#%°]|-\w|\.\s?[A-Za-z]\.)"
_NOUN = rf"(?:{ANSWER}|{OPTION})"
# Between the verb and the letter: 'the correct answer', 'la', 'donc la réponse'.
_LEAD = rf"(?:(?:{ADVERB}) )?(?:(?:{ARTICLE})\s?)?(?:(?:{RIGHT})\s?)?(?:{_NOUN}\s?)?"
_BEGINS_TERM = rf"\.? (?:{SPECIES})(?![a-z])| (?:{TERMS})(?![a-z])|\s?[=<>≈^×]|/\w"
_FIRST_IN_TERM = r"(?<!tamin )(?<!titis )(?<!ype )(?<!tement )(?<!actor )(?<!lass )(?<!roup )"
# A word after 'I', except in 'The answer is I because …', shows that it is the pronoun.
_PRONOUN = rf"['’]| (?!(?:because|is|ist|est|es|weil|car|porque|it is|{EXPLANATION})\b)\w"
# A sentence begins, and may end.
_START = r"(?:\A|(?<=\n)|(?<=[.!?:,;] ))"
_END = rf"(?=[.:!\n]|\Z|,? (?:{BECAUSE})\b)"
_MARK = r").:,;|/–-"

# Stand for a letter that is not the answer, and for a list of letters.
REMOVED = "·"
REMOVED_LIST = f"…{REMOVED}"
# After a letter, these words show that it is no article: 'The answer is A because …'.
FOLLOWS = re.compile(rf" (?:{BECAUSE}|{IS})(?![A-Za-zÀ-ɏ])", re.IGNORECASE)
NAMES_A_CHOICE = re.compile(rf"(?:{OPTION}) ?$", re.IGNORECASE)
# A line 'Answer: C' below a leading letter is the answer to a later question.
ANSWER_LINE = re.compile(rf"\n(?i:{ANSWER}) ?:[^\n]*")
# Choices, each on a line, of which the last one may be cut off after its letter.
LINES = r"\(?A[).:](?:(?!\n\(?A[).:])[\s\S])*?\n\(?(?:B(?:[).:]|\Z)|\Z)"
# 'The answer is:\nA. one\nB. two' states no letter.
LISTED = re.compile(rf"(?<=\n){LINES}")
# 'A: The answer is C' and 'J. Smith said that the answer is C' do not begin with a choice.
NO_CHOICE = re.compile(r"[AQ]:|[E-Z]\. [A-Z][\w'’-]+ [a-z]")
# 'I' is a numeral where there is a 'II': all of them where statements are numbered ('I. … II. …'), else those within a text, so
# that 'I. I and II only' is a choice.
NUMERALS = re.compile(r"(?<!\w)(?:I{2,3}|IV|i{2,3}|iv)(?!\w)")
NUMBERED = re.compile(r"(?<!\w)(?:II|ii)[.):]\s")
NUMERAL = re.compile(r"(?<![\w'’])[IVXivx](?![\w'’])")
NUMERAL_IN_TEXT = re.compile(rf"{NUMERAL.pattern}(?!\)?[.):] [A-Z(0-9]|[.)]*\Z)")
# The beginning of a line that lists a choice.
ITEM = re.compile(r"\(?([A-Z])(?:[).:]|$)")


@dataclass(frozen=True)
class Patterns:
    """What is read in answers to questions with as many choices; the group of a match is its letter."""

    tag: re.Pattern[str]
    quoted: re.Pattern[str]
    begins: re.Pattern[str]
    begins_beyond: re.Pattern[str]
    begins_list: re.Pattern[str]
    lone: re.Pattern[str]
    several: re.Pattern[str]
    negations: tuple[re.Pattern[str], ...]
    statements: tuple[re.Pattern[str], ...]
    mentions: tuple[re.Pattern[str], ...]
    brackets: re.Pattern[str]
    alone: re.Pattern[str]


@cache
def patterns(letters: str) -> Patterns:
    """Return the patterns for questions with these letters, the first 2 to 26 of the alphabet."""
    first, others, beyond = letters[:4], letters[4:], LETTERS[len(letters) :]
    upper, lower = f"[{letters}]", f"[{letters.lower()}]"
    terms = _letters(others.replace("I", ""), rf"(?!{_BEGINS_TERM})")
    pronoun = _letters("I" if "I" in others else "", rf"(?!{_PRONOUN})")
    choice = rf"(?:[{first}]|{terms}|{pronoun})"
    # Lower-case letters beyond d are words of French and Spanish, and variables: not before a word.
    small = _letters(others.lower(), rf"(?! (?!(?:{BECAUSE}|{IS})\b)\w|{_BEGINS_TERM})")
    # A letter that the question does not have, where nothing else can be meant.
    no_choice = _letters(beyond, rf"(?!{_BEGINS_TERM})(?=\)?(?:[.,:!)\n]|\Z| (?:{BECAUSE})\b))")
    letter = rf"\s?\(?\(?\s?([{first}{first.lower()}]|(?-i:{terms}|{pronoun}|{small})){AFTER}"
    stated = rf"\s?['\"“‘«]?\(?\(?\s?([{first}{first.lower()}]|(?-i:{terms}|{pronoun}|{small}|{no_choice})){AFTER}"
    # 'Choose N people'.
    chosen = rf"{stated}(?:(?<=[{first}{first.lower()}])|(?! (?!(?:{BECAUSE}|{IS})\b)[a-z]))"
    concluded = rf"\s?\(?\(?\s?((?-i:{choice})|{lower}(?=\))){AFTER}\)?"
    negated = rf"((?-i:{choice})|{lower}(?=\)))"
    # 'A or B', '(a), (b) and (c)', 'A、B', 'A or option B': several choices, not a choice. So is 'A or E' if there is no E.
    and_ = rf"(?:\s?[,;|/&、–-]\s?(?:(?:{BETWEEN})\s)?|\s(?:{BETWEEN})\s|\s?(?:和|或者?|与|與|及|还是|還是|跟)\s?)"
    or_ = rf"\)?(?i:(?:{OR})(?:(?:{ARTICLE}) ?)?(?:(?:{OPTION}) ?)?)\(?"
    strange = _letters(beyond.replace("I", ""))
    in_bracket = _letters(others.lower(), r"(?=\))")
    small_item = rf"(?:\(?[{first.lower()}]\)?|\(?{in_bracket}\))"
    # A letter that nothing but marks, the end of the line or another such letter follows.
    lone = rf"(?:{upper}(?![\w'’])|{lower}(?=\)))(?=[ \t{_MARK}]*+(?:\n|\Z|\(?(?:{upper}(?![\w'’])|{lower}\))))"
    end_of_letter = (
        rf"(?!\.\s?[A-Za-z]\.)(?=\s?$|\s?[).:;,|–—、{{more}}]|\n| - |\t| (?:(?i:{BECAUSE})|{EXPLANATION})\b{{slash}})"
    )
    third = r"[^\n]{0,400}?[\s(]C\1\s" if len(letters) > 2 else ""
    return Patterns(
        tag=re.compile(rf"</?\|?(?!{upper}>)[A-Za-z_]{{1,40}}\|?>"),
        quoted=re.compile(rf"(?:['\"“„‘«「『<]|\\[(\[])\s?([{letters}{letters.lower()}])[.)]?\s?(?:['\"”“’»」』>]|\\[)\]])"),
        # What may follow a letter at the beginning: the end of the text, or something that cannot follow an article.
        begins=re.compile(
            rf"\(?\s?([{first}]{end_of_letter.format(more='/=', slash='')}"
            rf"|{terms}{end_of_letter.format(more='', slash='| / ')}"
            rf"|{pronoun}(?!\.\s?[A-Za-z]\.)(?=\s?$|\s?[).:]|\n|,? because\b| (?:{EXPLANATION})\b)|{lower}(?=\)))"
        ),
        begins_beyond=re.compile(rf"\(?{_letters(beyond)}\)?[.:,]?(?=\n|\Z)"),
        # All choices, each on a line or all on one line; the last one may be cut off after its letter.
        begins_list=re.compile(rf"{LINES}|\(?A[).:](?<=(.))[^\n]{{0,400}}?[\s(]B\1\s{third}", re.IGNORECASE),
        lone=re.compile(rf"{BEFORE}\(?{lone}(?:[\s{_MARK}]++\(?{lone})*+"),
        several=re.compile(
            rf"{BEFORE}(?:\(?{choice}\)?(?:(?i:{and_})\(?{choice}\)?{AFTER})+"
            rf"|{small_item}(?:(?i:{and_}){small_item}{AFTER}(?! \w))+"
            rf"|\(?{choice}{or_}(?:{choice}|{strange}){AFTER}|\(?{strange}{or_}{choice}{AFTER})"
        ),
        negations=(
            _words(
                rf"(?:{BEFORE}(?:{NOT})|n['’]t) ?(?:(?:be|necessarily|{CHOOSE}|{IS}) ?)?{_LEAD}"
                rf" ?['\"“‘«]?\(?\(? ?{negated}{AFTER}"
            ),
            _words(rf"{BEFORE}(?:{WRONG})(?: ?{_NOUN})? ?(?:(?:{IS}) ?:?|:)? ?{_LEAD}{letter}"),
            _words(
                rf"{BEFORE}(?:{DOUBT}) ?(?:that |dass |que )?(?:(?:it|that|this)(?: is| was|['’]s) )?{_LEAD}"
                rf"(?:(?:{IS}|was|were) ?)?{stated}"
            ),
            _words(rf"{BEFORE}{negated}\)?\.? ?(?:(?:{OPTION}) ?)?(?:{IS_NOT})"),
            _words(rf"{BEFORE}{negated}\)? ?\?"),
        ),
        # 'The answer is C', 'I choose C', 'the right one is C', 'C is correct', 'not A but C'; 'It's C', 'So, (C).', 'C it is'.
        statements=(
            _words(
                rf"{BEFORE}{_NOUN}\)?(?:\s(?:{RIGHT}))?(?:\s(?:{OF_QUESTION})(?:\s[\"“][^\"”\n]{{1,300}}[\"”])?)?"
                rf"(?:\s?(?:(?:{IS})\s?:?|[:=→⇒–—-]{{1,3}}>?)|['’]s)\s?{_LEAD}:?{stated}"
            ),
            _words(rf"{BEFORE}(?:{CHOOSE})\s?:?\s?(?:(?:{ARTICLE})\s?)?(?:{_NOUN}\s?)?{chosen}"),
            _words(rf"{BEFORE}(?:{RIGHT})(?: ?(?:{ONE}))?(?:\s?{_NOUN})?\s?(?:(?:{IS})\s?:?|:)\s?{_LEAD}{stated}"),
            _words(
                rf"{BEFORE}((?-i:[{first}]|{_FIRST_IN_TERM}(?:{terms}|{pronoun})))[).]?\s?(?:{OPTION})?\s?"
                rf"(?:(?:{IS})\s(?:(?:{ARTICLE})\s?)?(?:{RIGHT}|{ANSWER})(?![A-Za-zÀ-ɏ])"
                r"|(?:是|为|為)?(?:正确|正確|对的|對的|答案))"
            ),
            _words(rf"{BEFORE}((?-i:{_letters(beyond)}))\)? (?:{IS}) (?:(?:{ARTICLE}) )?(?:(?:{RIGHT}) )?{_NOUN}"),
            _words(rf"{REMOVED}\)?,? ?(?:but|sondern|mais|sino|而是) ?{_LEAD}{stated}"),
            _words(rf"{_START}{IT}\s?:?\s?{_LEAD}{concluded}(?:{_END}|(?=,))"),
            _words(rf"{_START}(?:{THEREFORE})[,:]?\s?{_LEAD}{concluded}{_END}"),
            _words(rf"{BEFORE}((?-i:{choice}))\)? it is{_END}"),
        ),
        # 'Option a', 'answer C', 'C选项'; an 'a' after 'respuesta' is the preposition.
        mentions=(
            _words(rf"{BEFORE}(?:{OPTION}){letter}"),
            _words(
                rf"{BEFORE}(?:{ANSWER})\)?\s?\(?\s?"
                rf"((?-i:{choice}|[{first[1:].lower()}])|a(?=\))|{in_bracket}){AFTER}"
            ),
            _words(rf"{BEFORE}((?-i:{choice}))\s?(?:选项|選項)"),
        ),
        # 'P(E)' and 'f(x)' are no choices.
        brackets=re.compile(rf"(?:(?<![\w^])|(?=\(\s?[{first}{first.lower()}]))\(\s?([{letters}{letters.lower()}])\s?\)"),
        alone=re.compile(rf"\(?({upper})[).,:;!]*"),
    )


def _letters(letters: str, condition: str = "") -> str:
    """Return a pattern for one of these letters under a condition on what follows; it matches nothing if there are none."""
    return rf"[{letters}]{condition}" if letters else "(?!)"


def _words(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of words in any case, between letters in the case that they are written in."""
    return re.compile(pattern, re.IGNORECASE)

"""Parse the letter that a generated text names by fixed rules, never by guessing; a text without one is unparsed.

1. A statement: 'The answer is (C).', 'Answer: C', 'Option D', 'I choose B', 'C is correct', a boxed letter.
2. Else a single letter at the beginning: 'B', 'b)', '**B**', '(C) three', 'D: four', 'A\\nbecause …'.
3. Else the only letter in brackets anywhere, or a last line that is just a letter.

A rule applies only if all its matches agree: 'A or B' is unparsed. Lower-case letters count only if a bracket or a word like
'answer' shows that a choice is meant, since 'a' may be the article, and so may 'A' before a word.
"""

import re

# Markup to remove first; brackets are kept, as they show that a letter is a choice.
_COMMANDS = re.compile(r"\\(?:boxed|text|textbf|mathrm|mathbf)\b")
_QUOTED = re.compile(r"['\"“‘]\s?([A-Da-d])[.)]?\s?['\"”’]")
_MARKS = str.maketrans({"*": "", "_": "", "`": "", "$": "", "#": "", "{": "(", "}": ")", "[": "(", "]": ")"})

_LETTER = r"\s?\(?\(?\s?([A-Da-d])(?![A-Za-z0-9'’])"
_WORD = r"(?:answer|option|choice|response|letter|solution)"
_STATES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b{_WORD}(?: here| to (?:this|the) question)?\s?(?:is|would be|must be|should be|:|=|-|–|—)?\s?:?"
        rf"(?: (?:the )?{_WORD})?{_LETTER}",
        rf"\b(?:choose|choosing|chose|pick|select|go with|going with) (?:{_WORD} )?{_LETTER}",
        rf"\b(?:correct|right|best|true) (?:one|{_WORD}) is:?{_LETTER}",
    )
]
_IS_RIGHT = re.compile(
    r"(?<![A-Za-z0-9'’])([A-D])[).]?\s(?:is|would be|seems|must be) (?:the )?(?:correct|right|best|true|answer)\b"
)
# What may follow a letter at the beginning: the end of the text, or something that cannot follow an article.
_BEGINS = re.compile(
    r"\(?\s?(?:([A-D])(?:\s?$|\s?[).:;,|/=–—]|\n| - |\t| (?:because|since|as)\b)|([a-d])\))"
    r"(?! ?is (?:not|wrong|incorrect|false))"
)
_BRACKETS = re.compile(r"\(\s?([A-Da-d])\s?\)")
_ALONE = re.compile(r"\(?([A-D])[).,:;!]*")
# A second letter right after the first makes a list of choices, not a choice.
_SEVERAL = re.compile(r"(?<![A-Za-z0-9'’])\(?([A-Da-d])\)?\s?(?:,|/|&| or | and )\s?(?:and |or )?\(?[A-Da-d](?![A-Za-z0-9'’])")


def parse(generated: str) -> str | None:
    """The letter that a text names by the rules above, None if it is unparsed."""
    text = _QUOTED.sub(r"(\1)", _COMMANDS.sub("", generated)).translate(_MARKS)
    # Collapse white space, so that the patterns need not handle repeated spaces.
    text = re.sub(r"[ \t]*\n\s*", "\n", re.sub(r" +", " ", text)).strip()
    if _SEVERAL.search(text):
        return None
    stated = {letter.upper() for pattern in _STATES for letter in _stated(pattern, text)} | set(_IS_RIGHT.findall(text))
    if stated:
        return stated.pop() if len(stated) == 1 else None
    begins = _BEGINS.match(text)
    if begins:
        return (begins.group(1) or begins.group(2)).upper()
    bracketed = {letter.upper() for letter in _BRACKETS.findall(text)}
    if bracketed:
        return bracketed.pop() if len(bracketed) == 1 else None
    alone = _ALONE.fullmatch(text.splitlines()[-1]) if text else None
    return alone.group(1) if alone else None


def _stated(pattern: re.Pattern[str], text: str) -> list[str]:
    """The letters that a pattern matches, except an 'a' or 'A' before a word, which is an article."""
    article = re.compile(r" \w")
    return [
        match.group(1) for match in pattern.finditer(text) if not (match.group(1) in "aA" and article.match(text, match.end(1)))
    ]

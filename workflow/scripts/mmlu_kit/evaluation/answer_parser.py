"""The letter that a generated text names, parsed by written rules and never guessed; a text without one is unparsed.

1. A statement: 'The answer is (C).', 'Answer: C', 'Option D', 'I choose B', 'C is correct', a boxed letter.
2. Else a letter at its beginning that stands alone: 'B', 'b)', '**B**', '(C) three', 'D: four', 'A\\nbecause …'.
3. Else the only letter in brackets anywhere, or a last line that is a letter alone.

A rule takes its letter only if all its matches agree: 'A or B' is unparsed. Small letters count where a bracket, or a word
like 'answer', shows that a choice is meant, as 'a' alone may be the article. So may 'A' with a word after it.
"""

import re

# Markup, removed before a letter is looked for; brackets stay, as they show that a letter is a choice.
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
# After a letter at the beginning: the end, or something that follows no article.
_BEGINS = re.compile(
    r"\(?\s?(?:([A-D])(?:\s?$|\s?[).:;,|/=–—]|\n| - |\t| (?:because|since|as)\b)|([a-d])\))"
    r"(?! ?is (?:not|wrong|incorrect|false))"
)
_BRACKETS = re.compile(r"\(\s?([A-Da-d])\s?\)")
_ALONE = re.compile(r"\(?([A-D])[).,:;!]*")
# Another letter right after the first: a list of choices, not a choice.
_SEVERAL = re.compile(r"(?<![A-Za-z0-9'’])\(?([A-Da-d])\)?\s?(?:,|/|&| or | and )\s?(?:and |or )?\(?[A-Da-d](?![A-Za-z0-9'’])")


def parse(generated: str) -> str | None:
    """The letter that a text names by the rules above, None where it is unparsed."""
    text = _QUOTED.sub(r"(\1)", _COMMANDS.sub("", generated)).translate(_MARKS)
    # One space or line break where there are several, so that the patterns need no repetition of their own.
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
    """The letters that a pattern matches, without an 'a' or 'A' before a word, which is an article."""
    article = re.compile(r" \w")
    return [
        match.group(1) for match in pattern.finditer(text) if not (match.group(1) in "aA" and article.match(text, match.end(1)))
    ]

"""Parts of report.md that readers open and close, written as GitHub renders them; no other HTML passes into the page.

    <details>

    <summary>Markdown in one line</summary>

    any Markdown

    </details>

Each of the three lines stands alone between blank lines and outside lists, quotations and code. A line that has no counterpart
is text, as is any other HTML. Parts can contain parts.
"""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

OPENING, CLOSING = "<details>", "</details>"
_SUMMARY = re.compile(r"<summary>(.*\S.*)</summary>")
_LINE = "fold_line"


def allow(parser: MarkdownIt) -> None:
    """Let a Markdown parser read parts that open and close."""
    parser.block.ruler.before("paragraph", "folds", _line)
    parser.core.ruler.after("block", "folds", _match)


def depths(tokens: list[Token]) -> Iterator[int]:
    """Yield for each token how many parts are open around it."""
    depth = 0
    for token in tokens:
        depth -= token.type == "details_close"
        yield depth
        depth += token.type == "details_open"


def _line(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """Read one of the three lines, if it is alone, as a token that `_match` resolves."""
    text = state.src[state.bMarks[first] : state.eMarks[first]]
    if state.level or not (text in (OPENING, CLOSING) or _SUMMARY.fullmatch(text)):
        return False
    if (first and not state.isEmpty(first - 1)) or (first + 1 < last and not state.isEmpty(first + 1)):
        return False
    if not silent:
        token = state.push(_LINE, "", 0)
        token.content, token.map = text, [first, first + 1]
        state.line = first + 1
    return True


def _match(state: StateCore) -> None:
    """Replace the lines: by elements if an opening line, its summary and a closing line belong together, else by text."""
    tokens, parts, opened = state.tokens, set[int](), list[int]()
    for number, token in enumerate(tokens):
        if token.type != _LINE:
            continue
        if token.content == OPENING and _is_summary(tokens[number + 1 : number + 2]):
            opened.append(number)
        elif token.content == CLOSING and opened:
            parts |= {opened[-1], opened.pop() + 1, number}
    state.tokens = [
        piece
        for number, token in enumerate(tokens)
        for piece in ([token] if token.type != _LINE else _element(token) if number in parts else _text(token))
    ]


def _is_summary(following: list[Token]) -> bool:
    return any(token.type == _LINE and _SUMMARY.fullmatch(token.content) for token in following)


def _element(line: Token) -> list[Token]:
    if line.content == OPENING:
        return [Token("details_open", "details", 1, block=True)]
    if line.content == CLOSING:
        return [Token("details_close", "details", -1, block=True)]
    return _around("summary", line, _SUMMARY.sub(r"\1", line.content).strip())


def _text(line: Token) -> list[Token]:
    return _around("p", line, line.content)


def _around(tag: str, line: Token, content: str) -> list[Token]:
    """Return an element with inline Markdown in it."""
    name = {"p": "paragraph"}.get(tag, tag)
    inline = Token("inline", "", 0, children=[], content=content, map=line.map, level=1, block=True)
    return [Token(f"{name}_open", tag, 1, block=True), inline, Token(f"{name}_close", tag, -1, block=True)]

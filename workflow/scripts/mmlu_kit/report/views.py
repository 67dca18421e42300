"""The parts of report.md as the page's tabs show them: its summary, the report itself, and the files behind it."""

import base64
import html
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from mmlu_kit.claims.document import ClaimVerdict
from mmlu_kit.report import folds, outline

CONTENTS = "Table of Contents"
SUMMARY = "Summary"
FILES = ("File Reference", "How This Was Made")
FORMATS = {".png": "image/png", ".svg": "image/svg+xml"}


@dataclass(frozen=True)
class Views:
    """A report in parts, as HTML.

    `title` is its title as text and `heading` as a heading; `summary` and `files` are empty if the report has no such section.
    `contents` are the sections of `report` as (anchor, text). What precedes the first section begins the first view.
    """

    title: str
    heading: str
    summary: str
    report: str
    files: str
    contents: list[tuple[str, str]]


def views(markdown: str, figures: Mapping[str, bytes], names: Iterable[str] = ()) -> Views:
    """Return report.md in parts, without its table of contents.

    `names` are the page's own anchors, which its script looks for, so no heading gets one of them. An image that is not in
    `figures` is replaced by its text: it may come from a question, and the browser would fetch it.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    folds.allow(parser)
    parser.add_render_rule("image", _image(figures))
    parser.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = parser.parse(markdown)
    _name_cells(tokens)
    _mark_verdicts(tokens)
    _name_headings(tokens, names)
    parts: dict[str, list[Token]] = {"heading": [], "summary": [], "report": [], "files": []}
    before: list[Token] = []
    contents = []
    for title, section in _sections(tokens):
        if title is None:
            heading = section[:3] if section and section[0].tag == "h1" else []
            parts["heading"] += heading
            before += section[len(heading) :]
        elif title != CONTENTS:
            name = {SUMMARY: "summary"}.get(title, "files" if title in FILES else "report")
            parts[name] += section
            if name == "report":
                contents.append((str(section[0].attrs["id"]), title))
    parts["summary" if parts["summary"] else "report"][:0] = before
    rendered = {name: parser.renderer.render(part, parser.options, {}) for name, part in parts.items()}
    title = _plain(parts["heading"][1]) if parts["heading"] else "Report"
    return Views(title, rendered.pop("heading") or f"<h1>{title}</h1>\n", contents=contents, **rendered)


def _sections(tokens: list[Token]) -> Iterator[tuple[str | None, list[Token]]]:
    """Yield each section with its title; None for what precedes the first."""
    starts = [
        number
        for number, (token, depth) in enumerate(zip(tokens, folds.depths(tokens), strict=True))
        if token.type == "heading_open" and token.tag == "h2" and not token.level and not depth
    ]
    yield None, tokens[: min(starts, default=len(tokens))]
    for start, end in pairwise([*starts, len(tokens)]):
        yield _plain(tokens[start + 1]), tokens[start:end]


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children or [])


def _image(figures: Mapping[str, bytes]) -> Callable[..., str]:
    """Return the Markdown library's rule for images: the report's own are embedded, as vectors if they are there; others
    become text."""

    def image(_: Any, tokens: list[Token], number: int, options: Any, env: Any) -> str:
        token = tokens[number]
        source, text = str(token.attrs["src"]), html.escape(token.content)
        if source not in figures:
            return text
        vector = PurePath(source).with_suffix(".svg").as_posix()
        source = vector if vector in figures else source
        data = base64.b64encode(figures[source]).decode()
        return f'<img class="figure" alt="{text}" src="data:{FORMATS[PurePath(source).suffix]};base64,{data}">'

    return image


def _name_cells(tokens: list[Token]) -> None:
    """Mark header cells for screen readers: each table's first row heads its columns, each row's first cell its row.

    A cell without text heads nothing.
    """
    first, heads = False, False
    for token, following in pairwise(tokens):
        if token.type == "tr_open":
            first = True
        elif token.type in ("th_open", "td_open"):
            heads = bool(following.content) and (token.type == "th_open" or first)
            token.tag = "th" if heads else "td"
            if heads:
                token.attrSet("scope", "col" if token.type == "th_open" else "row")
        elif token.type in ("th_close", "td_close"):
            token.tag, first = "th" if heads else "td", False


def _mark_verdicts(tokens: list[Token]) -> None:
    """Give each verdict on a claim that is in bold its class, for a symbol and a colour."""
    for inline in tokens:
        for opening, text in pairwise(inline.children or []):
            if opening.type == "strong_open" and text.content.lower() in tuple(ClaimVerdict):
                opening.attrSet("class", f"verdict {text.content.lower().replace(' ', '-')}")


def _name_headings(tokens: list[Token], names: Iterable[str]) -> None:
    """Give each heading the anchor that GitHub would, but none of `names`."""
    used = set(names)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            plain = outline.anchor(_plain(inline))
            anchors = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(1)))
            anchor = next(candidate for candidate in anchors if candidate not in used)
            used.add(anchor)
            opening.attrSet("id", anchor)

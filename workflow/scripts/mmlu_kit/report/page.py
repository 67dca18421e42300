"""The page people read: the report as HTML and an explorer of all questions, in one file that needs nothing else.

Questions and what models wrote are other people's text. They reach the page in two ways only: escaped by the Markdown
library, which lets no raw HTML through, and as JSON in which nothing can end the script element that holds it.
"""

import base64
import html
import json
import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import itables
import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from mmlu_kit.report.explorer import ExplorerData

CONTENTS = "Table of Contents"
FORMATS = {".png": "image/png", ".svg": "image/svg+xml"}


def render(markdown: str, figures: Mapping[str, bytes], data: ExplorerData, templates: Path) -> str:
    """The whole page: `markdown` is report.md, `figures` are images by the path it names them with, `data`
    is what the explorer shows.

    The page forbids itself any network and any script but its own, which the browser knows by its hash. The table library
    comes as JSON too and is imported from memory, hence `blob:`.
    """
    report, contents, title = report_html(markdown, figures)
    script = (templates / "page.js").read_text(encoding="utf-8")
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("page.js holds what would end its own script element")
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    library = Path(itables.options.dt_bundle)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates), undefined=jinja2.StrictUndefined, autoescape=True, keep_trailing_newline=True
    )
    return environment.get_template("page.html.j2").render(
        title=title,
        policy=f"default-src 'none'; script-src 'sha256-{digest}' blob:; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        style=Markup((templates / "page.css").read_text(encoding="utf-8")),
        contents=contents,
        report=Markup(report),
        data=Markup(embedded(data.plain())),
        subjects=data.subjects,
        models=data.models,
        compared=[model.label for model in data.models if model.compared],
        library=Markup(embedded(library.read_text(encoding="utf-8"))),
        script=Markup(script),
    )


def embedded(value: Any) -> str:
    """JSON that can stand in an HTML script element: no <, > or &, so that no text in it is markup."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def report_html(markdown: str, figures: Mapping[str, bytes]) -> tuple[str, list[tuple[str, str]], str]:
    """report.md as HTML, (anchor, text) of its sections, and its title; the page has its own table of contents.

    An image that is none of `figures` becomes its text: it may be a question's, and would be fetched.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", _image(figures))
    parser.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = parser.parse(markdown)
    _name_cells(tokens)
    headings = _name_headings(tokens)
    title = next((text for tag, _, text in headings if tag == "h1"), "Report")
    contents = [(anchor, text) for tag, anchor, text in headings if tag == "h2" and text != CONTENTS]
    return parser.renderer.render(_without_contents(tokens), parser.options, {}), contents, title


def _image(figures: Mapping[str, bytes]) -> Callable[..., str]:
    """The Markdown library's rule for images: embedded where they are the report's own, else their text."""

    def image(_: Any, tokens: list[Token], number: int, options: Any, env: Any) -> str:
        token = tokens[number]
        source, text = str(token.attrs["src"]), html.escape(token.content)
        if source not in figures:
            return text
        data = base64.b64encode(figures[source]).decode()
        return f'<span class="wide figure"><img alt="{text}" src="data:{FORMATS[Path(source).suffix]};base64,{data}"></span>'

    return image


def _name_cells(tokens: list[Token]) -> None:
    """Say of each table's cells what they head: the first row its columns, each row's first cell its row."""
    first = False
    for token in tokens:
        if token.type == "tr_open":
            first = True
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        elif token.type == "td_open" and first:
            token.tag = "th"
            token.attrSet("scope", "row")
        elif token.type == "td_close" and first:
            token.tag, first = "th", False


def _name_headings(tokens: list[Token]) -> list[tuple[str, str, str]]:
    """Give each heading the anchor that GitHub gives it; (tag, anchor, text) of each."""
    headings: list[tuple[str, str, str]] = []
    seen: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or [])
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            seen[anchor] = seen.get(anchor, -1) + 1
            anchor += f"-{seen[anchor]}" if seen[anchor] else ""
            opening.attrSet("id", anchor)
            headings.append((opening.tag, anchor, text))
    return headings


def _without_contents(tokens: list[Token]) -> list[Token]:
    """The tokens without the section that is the report's table of contents."""
    kept, inside = [], False
    for number, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h1", "h2"):
            inside = tokens[number + 1].content == CONTENTS
        if not inside:
            kept.append(token)
    return kept

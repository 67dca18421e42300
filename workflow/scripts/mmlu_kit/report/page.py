"""report.html: the report and an explorer of all questions, in one self-contained page.

Questions and generated texts are untrusted. They reach the page in two ways only: escaped by the Markdown library, which lets
no raw HTML through, and as JSON that cannot end the script element around it.
"""

import base64
import html
import itertools
import json
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import itables
import jinja2
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from mmlu_kit.report import outline
from mmlu_kit.report.explorer import ExplorerData
from mmlu_kit.report.sentences.accuracy import best_answer

CONTENTS = "Table of Contents"
FORMATS = {".png": "image/png", ".svg": "image/svg+xml"}


def render(markdown: str, figures: Mapping[str, bytes], data: ExplorerData, templates: Path) -> str:
    """Return the whole page; `markdown` is report.md, `figures` are its images by path, `data` is the explorer's data.

    The page's content security policy forbids any network access and any script but its own, identified by hash. The table
    library is embedded as JSON too and imported from memory, hence `blob:`.
    """
    form = (templates / "page.html.j2").read_text(encoding="utf-8")
    report, contents, title = report_html(markdown, figures, re.findall(r' id="([^"]+)"', form))
    script = (templates / "page.js").read_text(encoding="utf-8")
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError("page.js contains text that would end its script element")
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
        generated=any(model.parsed is not None for model in data.models),
        probabilities=any(model.probabilities is not None for model in data.models),
        best=best_answer(model.parsed is not None for model in data.models),
        library=Markup(embedded(library.read_text(encoding="utf-8"))),
        script=Markup(script),
    )


def embedded(value: Any) -> str:
    """Return JSON that is safe in an HTML script element: without <, > and &, so that no text in it is markup."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")


def report_html(
    markdown: str, figures: Mapping[str, bytes], names: Iterable[str] = ()
) -> tuple[str, list[tuple[str, str]], str]:
    """Return report.md as HTML without its table of contents, its sections as (anchor, text), and its title.

    `names` are the page's own anchors, which its script looks for, so no heading gets one of them. An image that is not in
    `figures` is replaced by its text: it may come from a question, and the browser would fetch it.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", _image(figures))
    parser.add_render_rule("table_open", lambda *_: '<div class="wide"><table>\n')
    parser.add_render_rule("table_close", lambda *_: "</table></div>\n")
    tokens = parser.parse(markdown)
    _name_cells(tokens)
    headings = _name_headings(tokens, names)
    title = next((text for tag, _, text in headings if tag == "h1"), "Report")
    contents = [(anchor, text) for tag, anchor, text in headings if tag == "h2" and text != CONTENTS]
    return parser.renderer.render(_without_contents(tokens), parser.options, {}), contents, title


def _image(figures: Mapping[str, bytes]) -> Callable[..., str]:
    """Return the Markdown library's rule for images: the report's own are embedded, others become text."""

    def image(_: Any, tokens: list[Token], number: int, options: Any, env: Any) -> str:
        token = tokens[number]
        source, text = str(token.attrs["src"]), html.escape(token.content)
        if source not in figures:
            return text
        data = base64.b64encode(figures[source]).decode()
        return f'<span class="wide figure"><img alt="{text}" src="data:{FORMATS[Path(source).suffix]};base64,{data}"></span>'

    return image


def _name_cells(tokens: list[Token]) -> None:
    """Mark header cells for screen readers: each table's first row heads its columns, each row's first cell its row."""
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


def _name_headings(tokens: list[Token], names: Iterable[str]) -> list[tuple[str, str, str]]:
    """Give each heading the anchor that GitHub would, but none of `names`; return (tag, anchor, text) of each."""
    headings: list[tuple[str, str, str]] = []
    used = set(names)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or [])
            plain = outline.anchor(text)
            anchors = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(1)))
            anchor = next(candidate for candidate in anchors if candidate not in used)
            used.add(anchor)
            opening.attrSet("id", anchor)
            headings.append((opening.tag, anchor, text))
    return headings


def _without_contents(tokens: list[Token]) -> list[Token]:
    """Return the tokens without the report's table of contents."""
    kept, inside = [], False
    for number, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h1", "h2"):
            inside = tokens[number + 1].content == CONTENTS
        if not inside:
            kept.append(token)
    return kept

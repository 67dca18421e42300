"""The page people read: the report as HTML and an explorer of all questions, in one file that needs nothing else.

Questions and what models wrote are other people's text. They reach the page in two ways only: escaped by the Markdown
library, which lets no raw HTML through, and as JSON in which nothing can end the script element that holds it.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import itables
import jinja2
import numpy
import pandas
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import summaries
from mmlu_kit.settings import LETTERS
from mmlu_kit.user_errors import UserError

CONTENTS = "Table of Contents"
FORMATS = {".png": "image/png", ".svg": "image/svg+xml"}


def render(markdown: str, figures: Mapping[str, bytes], data: dict, templates: Path) -> str:
    """The whole page: `markdown` is report.md, `figures` are images by the path it names them with, `data` is `explorer`'s.

    The page forbids itself any network and any script but its own, which the browser knows by its hash. The table library
    comes as JSON too and is imported from memory, hence `blob:`.
    """
    report, contents, title = report_html(markdown, figures)
    templates = Path(templates)
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
        data=Markup(embedded(data)),
        subjects=data["subjects"],
        models=data["models"],
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


def explorer(merged: dict, table: pandas.DataFrame, questions: Iterable[Question]) -> dict[str, Any]:
    """What the explorer shows, in columns: `n` questions in the study's order, then each model's answers to them.

    `subjects [name]`; `subject [place in subjects] * n`, `index [int] * n`, `text [str] * n`, `choices [[str] * n] * 4`,
    `gold 'ABCD…'` (n letters); `models [{model, label, compared, predicted, parsed, generated, texts, probabilities}]`, where
    `predicted` and `parsed` are n letters, '-' where none could be read and ' ' where the question was not answered,
    `generated [place in texts] * n`, `texts [str]`, and `probabilities [int] * 4n`: of A, B, C, D among the whole vocabulary,
    in hundredths of a percent (None where not known). `compared` models are those of the study's groups: 'all models' means
    them.
    An answer whose question is not among `questions` is a UserError.
    """
    asked = {(question.subject, question.index): question for question in questions if question.split == "test"}
    subjects = [name for name in merged["study"]["subjects"] if (table["subject"] == name).any()]
    subjects += [name for name in dict.fromkeys(table["subject"]) if name not in subjects]
    place = {name: number for number, name in enumerate(subjects)}
    keys = sorted(set(zip(table["subject"], table["index"], strict=True)), key=lambda key: (place[key[0]], key[1]))
    hashes = dict(zip(zip(table["subject"], table["index"], strict=True), table["question_sha256"], strict=True))
    for subject, index in keys:
        if (subject, index) not in asked or asked[subject, index].sha256 != hashes[subject, index]:
            raise UserError(f"questions.csv: question {index} of {subject} is not that of the questions' file: run again")
    rows = [asked[key] for key in keys]
    compared = {model for group in merged["study"]["groups"] for model in group["models"]}
    return {
        "subjects": subjects,
        "subject": [place[row.subject] for row in rows],
        "index": [row.index for row in rows],
        "text": [row.question for row in rows],
        "choices": [[row.choices[number] for row in rows] for number in range(len(LETTERS))],
        "gold": "".join(row.answer for row in rows),
        "models": [
            {
                "model": model,
                "label": summaries.label(merged, model),
                "compared": model in compared,
                **_answers(answers, keys),
            }
            for model, answers in table.groupby("model", sort=False)
        ],
    }


def _answers(table: pandas.DataFrame, keys: list[tuple[str, int]]) -> dict[str, Any]:
    """One model's answers to the questions `keys`, as `explorer` has them."""
    place = {key: number for number, key in enumerate(keys)}
    predicted, parsed = [" "] * len(keys), [" "] * len(keys)
    generated, texts = [0] * len(keys), {"": 0}
    probabilities = [0] * (len(LETTERS) * len(keys))
    logprobs = table[[f"logprob_{letter}" for letter in LETTERS]].to_numpy(float)
    known = not numpy.isnan(logprobs).any()
    hundredths = numpy.rint(10_000 * numpy.exp(numpy.nan_to_num(logprobs))).astype(int).tolist()
    columns = [table[name] for name in ("subject", "index", "predicted", "parsed", "generated")]
    for subject, index, best, read, text, numbers in zip(*columns, hundredths, strict=True):
        number = place[subject, index]
        predicted[number], parsed[number] = (letter if letter in tuple(LETTERS) else "-" for letter in (best, read))
        generated[number] = texts.setdefault(text, len(texts))
        probabilities[len(LETTERS) * number : len(LETTERS) * (number + 1)] = numbers
    return {
        "predicted": "".join(predicted),
        "parsed": "".join(parsed),
        "generated": generated,
        "texts": list(texts),
        "probabilities": probabilities if known else None,
    }


def _image(figures: Mapping[str, bytes]):
    """The Markdown library's rule for images: embedded where they are the report's own, else their text."""

    def image(_, tokens: list[Token], number: int, options: Any, env: Any) -> str:
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
    found: list[tuple[str, str, str]] = []
    seen: dict[str, int] = {}
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or [])
            anchor = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            seen[anchor] = seen.get(anchor, -1) + 1
            anchor += f"-{seen[anchor]}" if seen[anchor] else ""
            opening.attrSet("id", anchor)
            found.append((opening.tag, anchor, text))
    return found


def _without_contents(tokens: list[Token]) -> list[Token]:
    """The tokens without the section that is the report's table of contents."""
    kept, inside = [], False
    for number, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag in ("h1", "h2"):
            inside = tokens[number + 1].content == CONTENTS
        if not inside:
            kept.append(token)
    return kept

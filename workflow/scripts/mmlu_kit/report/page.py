"""report.html: the report and an explorer of all questions, in one self-contained page.

Questions and generated texts are untrusted. They reach the page in two ways only: escaped by the Markdown library, which lets
no raw HTML through, and as JSON that cannot end the script element around it.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import itables
import jinja2
from markupsafe import Markup

from mmlu_kit.report.explorer import ExplorerData
from mmlu_kit.report.sentences.accuracy import best_answer
from mmlu_kit.report.views import views

# The first script runs before the browser reads the explorer's data; the second is one module.
EARLY = ("tabs.js", "library.js")
EXPLORER = ("answers.js", "question.js", "address.js", "page.js")


def render(markdown: str, figures: Mapping[str, bytes], data: ExplorerData, templates: Path) -> str:
    """Return the whole page; `markdown` is report.md, `figures` are its images by path, `data` is the explorer's data.

    The page's content security policy forbids any network access and any script but its own, identified by hash. The table
    library is embedded as JSON too and imported from memory, hence `blob:`.
    """
    form = (templates / "page.html.j2").read_text(encoding="utf-8")
    report = views(markdown, figures, re.findall(r' id="([^"]+)"', form))
    early, script = _script(templates, EARLY), _script(templates, EXPLORER)
    library = Path(itables.options.dt_bundle)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates), undefined=jinja2.StrictUndefined, autoescape=True, keep_trailing_newline=True
    )
    return environment.get_template("page.html.j2").render(
        title=report.title,
        policy=f"default-src 'none'; script-src {_hash(early)} {_hash(script)} blob:; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'",
        style=Markup((templates / "page.css").read_text(encoding="utf-8")),
        heading=Markup(report.heading),
        summary=Markup(report.summary),
        report=Markup(report.report),
        files=Markup(report.files),
        contents=report.contents,
        data=Markup(embedded(data.plain())),
        subjects=data.subjects,
        models=data.models,
        compared=[model.label for model in data.models if model.compared],
        generated=any(model.parsed is not None for model in data.models),
        probabilities=any(model.probabilities is not None for model in data.models),
        best=best_answer(model.parsed is not None for model in data.models),
        library=Markup(embedded(library.read_text(encoding="utf-8"))),
        early=Markup(early),
        script=Markup(script),
    )


def _script(templates: Path, names: Sequence[str]) -> str:
    """Return a script made of these files; it must not end the script element around it."""
    script = "\n".join((templates / name).read_text(encoding="utf-8") for name in names)
    if "</script" in script.lower() or "<!--" in script:
        raise ValueError(f"{' or '.join(names)} contains text that would end its script element")
    return script


def _hash(script: str) -> str:
    """Return the source by which a content security policy allows a script."""
    return f"'sha256-{base64.b64encode(sha256(script.encode()).digest()).decode()}'"


def embedded(value: Any) -> str:
    """Return JSON that is safe in an HTML script element: without <, > and &, so that no text in it is markup."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("&", r"\u0026").replace("<", r"\u003c").replace(">", r"\u003e")

"""results/index.html: a page that lists the studies of a folder, each with its report.

Folders of studies are read as they are found: one that is damaged, of another version or of something else is listed as such.
"""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from mmlu_kit import files
from mmlu_kit.formatting import percent
from mmlu_kit.provenance.documents import RunFile
from mmlu_kit.results.merged import Merged
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

PAGE = "index.html"
_OURS = '<meta name="generator" content="mmlu-kit">'
_REPORTS = ("report.html", "report.md")


@dataclass(frozen=True)
class ListedStudy:
    """A row of the page; a folder that is no readable study has a name and a problem alone."""

    name: str
    link: str | None
    title: str = ""
    questions: str = ""
    subjects: int = 0
    limit: int | None = None
    models: int = 0
    best: str = ""
    date: str = ""
    problem: str | None = None


def write(results: Path, templates: Path) -> None:
    """Write the page into the folder of all studies, if there are any. Raises UserError rather than replace another file."""
    studies = listed(results)
    path = results / PAGE
    if not studies:
        return
    if path.exists() and _OURS not in files.read_text(path):
        raise UserError(f"{path} is not a page of the kit: rename it")
    files.write_text(path, render(studies, templates))


def listed(results: Path) -> list[ListedStudy]:
    """Return the studies of a folder by name; hidden folders and files are none."""
    if not results.is_dir():
        return []
    folders = [folder for folder in sorted(results.iterdir()) if not folder.name.startswith(".") and folder.is_dir()]
    return [_read(folder) for folder in folders]


def render(studies: list[ListedStudy], templates: Path) -> str:
    """Return the page; `templates` is the folder of studies.html.j2 and page.css."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(templates),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (templates / "page.css").read_text(encoding="utf-8")
    return environment.get_template("studies.html.j2").render(
        generator=Markup(_OURS),
        style=Markup(style),
        studies=[study for study in studies if not study.problem],
        problems=[study for study in studies if study.problem],
    )


def _read(folder: Path) -> ListedStudy:
    name = printable(folder.name)
    try:
        report = next((report for report in _REPORTS if (folder / report).is_file()), None)
        link = f"{quote(folder.name, errors='surrogateescape')}/{report}" if report else None
        if not (folder / "merged.json").exists():
            return ListedStudy(name, link, problem="no results yet, or not a study: it has no merged.json")
        merged = Merged.read(folder / "merged.json")
        return _study(name, link, merged, _date(folder / "run.json"))
    except UserError as error:
        return ListedStudy(name, None, problem=printable(str(error)))
    except OSError as error:
        return ListedStudy(name, None, problem=f"cannot be read ({error.strerror})")


def _study(name: str, link: str | None, merged: Merged, date: str) -> ListedStudy:
    study = merged.study
    accuracies = {}
    for model in merged.order():
        counts = merged.counted(result for result in merged.results if result.model == model)
        if counts.questions:
            accuracies[model] = counts.correct / counts.questions
    best = max(accuracies, key=lambda model: accuracies[model], default=None)
    return ListedStudy(
        name=name,
        link=link,
        title=printable(study.title),
        questions=study.questions.name,
        subjects=len(study.subjects),
        limit=study.limit,
        models=len(merged.order()),
        best=f"{percent(accuracies[best])} ({best})" if best else "–",
        date=date,
    )


def _date(path: Path) -> str:
    """Return when a study's first evaluation began, or when its run was described; '–' if neither is known."""
    try:
        return (RunFile.read(path).started or "–")[:10]
    except UserError:
        return "–"

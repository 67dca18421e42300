"""Made-up pages, from results whose answers are given as text (tests/helpers/results.py)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy
import pandas
from mmlu_kit.files import sha256
from mmlu_kit.inputs.questions import Question
from mmlu_kit.report import page
from mmlu_kit.report.explorer import explorer
from mmlu_kit.report.views import views
from mmlu_kit.results.merged import Merged

from tests.helpers import results

LETTERS = "ABCD"
ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "workflow/report/page"


def study(answers: dict[str, dict[str, str]]) -> tuple[Merged, pandas.DataFrame, list[Question]]:
    """Return merged.json, questions.csv and the questions of a study; `answers` are by model and subject."""
    subjects = list(dict.fromkeys(subject for by_subject in answers.values() for subject in by_subject))
    merged, table = results.merged(results.study(list(answers), subjects), answers)
    places = table[["subject", "index"]].drop_duplicates().itertuples(index=False)
    return merged, table, [results.question(subject, int(index)) for subject, index in places]


def ask(table: pandas.DataFrame, texts: list[Question]) -> pandas.DataFrame:
    """Return the table with the questions' hashes."""
    hashes = {(question.subject, question.index): question.sha256 for question in texts}
    return table.assign(question_sha256=[hashes[key] for key in zip(table["subject"], table["index"], strict=True)])


def reworded(texts: list[Question], number: int, **changes: object) -> list[Question]:
    """Return the questions with one of them reworded."""
    return [replace(question, **changes) if place == number else question for place, question in enumerate(texts)]


def written(merged: Merged, table: pandas.DataFrame, texts: list[Question]) -> str:
    """Return report.html of a study, without figures."""
    return explored(merged, table, texts, results.report(merged, table, texts))


def explored(
    merged: Merged,
    table: pandas.DataFrame,
    texts: list[Question],
    markdown: str = "# Made\n",
    figures: Mapping[str, bytes] | None = None,
) -> str:
    """Return report.html with this report and the explorer of a study."""
    return page.render(markdown, figures or {}, explorer(merged, table, texts), TEMPLATES)


def report_html(markdown: str, names: Iterable[str] = ()) -> tuple[str, list[str], str]:
    """Return a report, without figures, as the HTML of all its parts, the anchors of its sections, and its title."""
    parts = views(markdown, {}, names)
    html = parts.summary + parts.report + parts.files
    return parts.heading + html, re.findall(r'<h2 id="([^"]+)"', html), parts.title


def whole_mmlu(models: int = 8, subjects: int = 57, questions: int = 14_042) -> str:
    """Return report.html of a study as large as MMLU: texts of MMLU's mean length, random answers."""
    chance = numpy.random.default_rng(1)
    names = [f"subject_{number:02}" for number in range(subjects)]
    texts = []
    for number in range(questions):
        subject, index = names[number % subjects], number // subjects
        choices = tuple(f"choice {letter} {number} " + "and more words " * 3 for letter in "abcd")
        texts.append(Question(subject, "test", index, f"{number} " + "words of a question " * 14, choices, LETTERS[number % 4]))
    examples = [
        Question(name, "dev", index, "words of an example " * 18, ("choice with some more words",) * 4, "A")
        for name in names
        for index in range(5)
    ]
    logprobs = numpy.log(chance.dirichlet([1] * 5, questions * models)[:, :4])
    predicted = numpy.array(list(LETTERS))[logprobs.argmax(axis=1)]
    table = pandas.DataFrame(
        {
            "model": numpy.repeat([f"model-{number}" for number in range(models)], questions),
            "subject": [question.subject for question in texts] * models,
            "index": [question.index for question in texts] * models,
            "question_sha256": [sha256(str(number)) for number in range(questions)] * models,
            "choices": 4,
            "examples": 5,
            "predicted": predicted,
            "parsed": predicted,
            "generated": " " + pandas.Series(predicted),
            **{f"logprob_{letter}": logprobs[:, place] for place, letter in enumerate(LETTERS)},
        }
    )
    models = sorted(set(table["model"]))
    merged, _ = results.merged(results.study(models, ["anatomy"]), {name: {"anatomy": "ABCD"} for name in models})
    merged = merged.model_copy(update={"study": merged.study.model_copy(update={"subjects": names})})
    return explored(merged, ask(table, texts), [*examples, *texts])

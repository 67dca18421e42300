"""Pages made up for tests, from results whose every answer is given as text (tests/results.py)."""

from dataclasses import replace
from pathlib import Path

import numpy
import pandas
from mmlu_kit.files import sha256
from mmlu_kit.inputs.questions import Question
from mmlu_kit.report import page

from tests.helpers import results

ROOT = Path(__file__).parents[2]
TEMPLATES = ROOT / "workflow/report/page"


def study(answers: dict[str, dict[str, str]]) -> tuple[dict, pandas.DataFrame, list[Question]]:
    """merged.json, the questions' table and the questions of a study; `answers` are given by model and subject."""
    subjects = list(dict.fromkeys(subject for by_subject in answers.values() for subject in by_subject))
    merged, table = results.merged(results.study(list(answers), subjects), answers)
    places = table[["subject", "index"]].drop_duplicates().itertuples(index=False)
    return merged, table, [results.question(subject, int(index)) for subject, index in places]


def ask(table: pandas.DataFrame, asked: list[Question]) -> pandas.DataFrame:
    """The table with the questions' own hashes."""
    hashes = {(question.subject, question.index): question.sha256 for question in asked}
    return table.assign(question_sha256=[hashes[key] for key in zip(table["subject"], table["index"], strict=True)])


def reworded(asked: list[Question], number: int, **changes: object) -> list[Question]:
    """The questions with one of them changed."""
    return [replace(question, **changes) if place == number else question for place, question in enumerate(asked)]


def written(merged: dict, table: pandas.DataFrame, asked: list[Question]) -> str:
    """report.html of a study, without figures."""
    markdown = results.report(merged, table, asked)
    return page.render(markdown, {}, page.explorer(merged, table, asked), TEMPLATES)


def whole_mmlu(models: int = 8, subjects: int = 57, questions: int = 14_042) -> str:
    """report.html of a study as large as all of MMLU: texts of MMLU's mean length, answers by chance."""
    chance = numpy.random.default_rng(1)
    names = [f"subject_{number:02}" for number in range(subjects)]
    asked = []
    for number in range(questions):
        subject, index = names[number % subjects], number // subjects
        choices = tuple(f"choice {letter} {number} " + "and more words " * 3 for letter in "abcd")
        asked.append(Question(subject, "test", index, f"{number} " + "words of a question " * 14, choices, "ABCD"[number % 4]))
    logprobs = numpy.log(chance.dirichlet([1] * 5, questions * models)[:, :4])
    predicted = numpy.array(list("ABCD"))[logprobs.argmax(axis=1)]
    table = pandas.DataFrame(
        {
            "model": numpy.repeat([f"model-{number}" for number in range(models)], questions),
            "subject": [question.subject for question in asked] * models,
            "index": [question.index for question in asked] * models,
            "question_sha256": [sha256(str(number)) for number in range(questions)] * models,
            "predicted": predicted,
            "parsed": predicted,
            "generated": " " + pandas.Series(predicted),
            **{f"logprob_{letter}": logprobs[:, place] for place, letter in enumerate("ABCD")},
        }
    )
    merged, _ = results.merged(
        results.study(sorted(set(table["model"])), ["anatomy"]),
        {name: {"anatomy": "ABCD"} for name in sorted(set(table["model"]))},
    )
    merged["study"]["subjects"] = names
    return page.render("# Large\n\n## Part\n", {}, page.explorer(merged, ask(table, asked), asked), TEMPLATES)

"""Answers made up for tests of the analysis: merged results and tables of whole models, from a text or from columns."""

import numpy
import pandas
from mmlu_kit.inputs import questions
from mmlu_kit.subjects import SUBJECTS

from tests.helpers import results

TEN = list(SUBJECTS[:10])
RIGHT = results.GOLD


def texts(subjects, number=100):
    """Made-up questions with results.py's right letters."""
    return [
        questions.Question(s, "test", i, f"Question {i} of {s}?", ("w", "x", "y", "z"), RIGHT[i])
        for s in subjects
        for i in range(number)
    ]


def made(answers, **changes):
    """merged.json, questions.csv and questions of a study; `answers` are by model and subject."""
    models = list(answers)
    subjects = list(dict.fromkeys(subject for by_subject in answers.values() for subject in by_subject))
    asked = results.study(models, subjects, **changes)
    merged, table = results.merged(asked, answers)
    asked_for = texts(subjects)
    digests = {(question.subject, question.index): question.sha256 for question in asked_for}
    table["question_sha256"] = [digests[place] for place in zip(table["subject"], table["index"], strict=True)]
    return merged, table, asked_for


def wide(subjects, gold, answers):
    """merged.json and questions.csv of answers that have no log-probabilities, where a letter that cannot be read is 'A'."""
    setting = {"device": "cpu", "dtype": "float32", "quantization": "none"}
    group = {"name": "small", "title": "Small", "models": list(answers)}
    merged = {
        "study": {"name": "wide", "subjects": list(dict.fromkeys(subjects["subject"])), "groups": [group]},
        "models": {model: {"requested": setting, "effective": setting} for model in answers},
    }
    tables = []
    for model, said in answers.items():
        best = said.where(said.isin(list("ABCD")), "A")
        table = subjects.assign(
            model=model, gold=gold, predicted=best, correct=best == gold, parsed=said.where(best == said, "")
        )
        table["correct_generated"] = said == gold
        for letter in "ABCD":
            table[f"logprob_{letter}"] = numpy.where(best == letter, -0.1, -3.4)
        tables.append(table)
    return merged, pandas.concat(tables, ignore_index=True)

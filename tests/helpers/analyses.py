"""Made-up studies for tests of the analysis, from strings of letters by subject or from columns of letters."""

import numpy
import pandas
from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import merging
from mmlu_kit.results.merged import Merged
from mmlu_kit.subjects import SUBJECTS

from tests.helpers import results

LETTERS = "ABCD"
TEN = list(SUBJECTS[:10])
RIGHT = results.GOLD
StudyInputs = tuple[Merged, pandas.DataFrame, list[Question]]


def questions_on(subjects: list[str], number: int = 100) -> list[Question]:
    """Return made-up questions on some subjects."""
    return [results.question(subject, index) for subject in subjects for index in range(number)]


def study_of(answers: dict[str, dict[str, str]], **changes: object) -> StudyInputs:
    """merged.json, questions.csv and questions of a study; `answers` are by model and subject, `changes` are the study's."""
    subjects = list(dict.fromkeys(subject for by_subject in answers.values() for subject in by_subject))
    merged, table = results.merged(results.study(list(answers), subjects, **changes), answers)
    return merged, table, questions_on(subjects)


def study_of_columns(
    questions: pandas.DataFrame, gold: pandas.Series, letters: dict[str, pandas.Series]
) -> tuple[Merged, pandas.DataFrame]:
    """merged.json and questions.csv of each model's letters to `questions` (subject, index, question_sha256).

    If a letter is None, the best letter is 'A'.
    """
    subjects = list(dict.fromkeys(questions["subject"]))
    merged, _ = results.merged(results.study(list(letters), subjects), {model: {subjects[0]: "A"} for model in letters})
    tables = []
    for model, generated in letters.items():
        best = generated.where(generated.isin(list(LETTERS)), "A")
        table = questions.assign(model=model, gold=gold, choices=4, predicted=best, correct=best == gold)
        table["generated"] = generated.fillna("")
        table["parsed"] = generated.where(best == generated, None)
        table["correct_generated"] = generated == gold
        for letter, column in zip(LETTERS, merging.logprob_columns(4), strict=True):
            table[column] = numpy.where(best == letter, -0.1, -3.4)
        table["letter_mass"] = numpy.exp(-0.1) + 3 * numpy.exp(-3.4)
        tables.append(table)
    return merged, pandas.concat(tables, ignore_index=True)

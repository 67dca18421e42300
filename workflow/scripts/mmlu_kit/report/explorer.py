"""The data of the page's explorer: every question with every model's answer, column by column."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy
import pandas

from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS, Split
from mmlu_kit.user_errors import UserError

UNPARSED, NOT_ANSWERED = "-", " "


@dataclass(frozen=True)
class ModelAnswers:
    """One model's answers to n questions.

    `predicted` and `parsed` are n letters: '-' if unparsed, ' ' if the question was not answered. `generated` are n indices
    into `texts`. `probabilities` are the letters' probabilities in the whole vocabulary, question by question, in hundredths of
    a percent; None if not known. `compared` tells whether the model is in one of the study's groups, which 'all models' refers
    to.
    """

    model: str
    label: str
    compared: bool
    predicted: str
    parsed: str
    generated: list[int]
    texts: list[str]
    probabilities: list[int] | None


@dataclass(frozen=True)
class ExplorerData:
    """n questions in the study's order, and each model's answers.

    `subject` are n indices into `subjects`; `choices` has a list of n texts for each letter; `gold` are n letters.
    """

    subjects: list[str]
    subject: list[int]
    index: list[int]
    text: list[str]
    choices: list[list[str]]
    gold: str
    models: list[ModelAnswers]

    def plain(self) -> dict[str, Any]:
        """Return the data as JSON values for the page's script."""
        return asdict(self)


def explorer(merged: Merged, table: pandas.DataFrame, questions: Iterable[Question]) -> ExplorerData:
    """Return the explorer's data from questions.csv. Raises UserError if an answer belongs to none of `questions`."""
    by_place = {(question.subject, question.index): question for question in questions if question.split == Split.TEST}
    subjects = [name for name in merged.study.subjects if (table["subject"] == name).any()]
    subjects += [name for name in dict.fromkeys(table["subject"]) if name not in subjects]
    place = {name: number for number, name in enumerate(subjects)}
    keys = sorted(set(zip(table["subject"], table["index"], strict=True)), key=lambda key: (place[key[0]], key[1]))
    hashes = dict(zip(zip(table["subject"], table["index"], strict=True), table["question_sha256"], strict=True))
    for subject, index in keys:
        if (subject, index) not in by_place or by_place[subject, index].sha256 != hashes[subject, index]:
            raise UserError(
                f"questions.csv: question {index} of {subject} differs from the one in the study's question file: run again"
            )
    rows = [by_place[key] for key in keys]
    compared = {model for group in merged.study.groups for model in group.models}
    return ExplorerData(
        subjects=subjects,
        subject=[place[row.subject] for row in rows],
        index=[row.index for row in rows],
        text=[row.question for row in rows],
        choices=[[row.choices[number] for row in rows] for number in range(len(LETTERS))],
        gold="".join(row.answer for row in rows),
        models=[
            _answers(str(model), summaries.label(merged, str(model)), model in compared, answers, keys)
            for model, answers in table.groupby("model", sort=False)
        ],
    )


def _answers(model: str, label: str, compared: bool, table: pandas.DataFrame, keys: list[tuple[str, int]]) -> ModelAnswers:
    """Return one model's answers to the questions with these subjects and indices."""
    place = {key: number for number, key in enumerate(keys)}
    predicted, parsed = [NOT_ANSWERED] * len(keys), [NOT_ANSWERED] * len(keys)
    generated, texts = [0] * len(keys), {"": 0}
    probabilities = [0] * (len(LETTERS) * len(keys))
    logprobs = table[[f"logprob_{letter}" for letter in LETTERS]].to_numpy(float)
    known = not numpy.isnan(logprobs).any()
    hundredths = numpy.rint(10_000 * numpy.exp(numpy.nan_to_num(logprobs))).astype(int).tolist()
    columns = [table[name] for name in ("subject", "index", "predicted", "parsed", "generated")]
    for subject, index, best, letter, text, numbers in zip(*columns, hundredths, strict=True):
        number = place[subject, index]
        predicted[number], parsed[number] = (answer if answer in tuple(LETTERS) else UNPARSED for answer in (best, letter))
        generated[number] = texts.setdefault(text, len(texts))
        probabilities[len(LETTERS) * number : len(LETTERS) * (number + 1)] = numbers
    return ModelAnswers(
        model=model,
        label=label,
        compared=compared,
        predicted="".join(predicted),
        parsed="".join(parsed),
        generated=generated,
        texts=list(texts),
        probabilities=probabilities if known else None,
    )

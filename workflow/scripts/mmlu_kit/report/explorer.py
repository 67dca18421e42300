"""The data of the page's explorer: every question with every model's answer, column by column."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy
import pandas

from mmlu_kit.analysis.one_model import generates
from mmlu_kit.inputs.questions import Question
from mmlu_kit.report import sent_prompts
from mmlu_kit.report.sent_prompts import Prompts
from mmlu_kit.report.sentences.answers import in_every_order
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS, Split
from mmlu_kit.user_errors import UserError

UNPARSED, NOT_ANSWERED = "-", " "


@dataclass(frozen=True)
class ModelAnswers:
    """One model's answers to n questions.

    `predicted` and `parsed` are n letters: '-' if unparsed, ' ' if the question was not answered. `generated` are n indices
    into `texts`. `parsed` and `generated` are None if nothing is generated (cloze). `compared` tells whether the model is in
    one of the study's groups, which 'all models' refers to.

    `probabilities` are the letters' probabilities in the whole vocabulary, as many for each question as it has choices, in
    hundredths of a percent; `in_every_order` tells whether they are means over several orders, of shares among the letters.
    `logprobs` are in their place for a cloze preset: the log-probabilities of the choices' texts, in hundredths. Both are None
    if not known.

    `prompt` is the place of the model's prompts in the page's list, and `examples` are the few-shot examples before the
    questions: one number, or n if they differ. Both are None for imported answers.
    """

    model: str
    label: str
    compared: bool
    predicted: str
    parsed: str | None
    generated: list[int] | None
    texts: list[str]
    probabilities: list[int] | None
    in_every_order: bool
    logprobs: list[int] | None
    prompt: int | None
    examples: int | list[int] | None


@dataclass(frozen=True)
class ExplorerData:
    """n questions in the study's order, and each model's answers, the models in the report's order.

    `subject` are n indices into `subjects`; `choices` are the texts of each question's choices; `gold` are n letters.
    """

    subjects: list[str]
    subject: list[int]
    index: list[int]
    text: list[str]
    choices: list[list[str]]
    gold: str
    models: list[ModelAnswers]
    prompts: list[Prompts]

    def plain(self) -> dict[str, Any]:
        """Return the data as JSON values for the page's script."""
        return asdict(self)


def explorer(merged: Merged, table: pandas.DataFrame, questions: Iterable[Question]) -> ExplorerData:
    """Return the explorer's data from questions.csv. Raises UserError if an answer belongs to none of `questions`."""
    questions = list(questions)
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
    tables = dict(iter(table.groupby("model", sort=False)))
    models = [model for model in merged.order() if model in tables]
    prompts, prompt = sent_prompts.of_models({model: merged.models[model].requested for model in models}, table, questions)
    return ExplorerData(
        subjects=subjects,
        subject=[place[row.subject] for row in rows],
        index=[row.index for row in rows],
        text=[row.question for row in rows],
        choices=[list(row.choices) for row in rows],
        gold="".join(row.answer for row in rows),
        models=[_answers(merged, model, model in compared, tables[model], rows, prompt.get(model)) for model in models],
        prompts=prompts,
    )


def _answers(
    merged: Merged, model: str, compared: bool, table: pandas.DataFrame, rows: Sequence[Question], prompt: int | None
) -> ModelAnswers:
    """Return one model's answers to these questions."""
    place = {(row.subject, row.index): number for number, row in enumerate(rows)}
    predicted, parsed = [NOT_ANSWERED] * len(rows), [NOT_ANSWERED] * len(rows)
    generated, texts = [0] * len(rows), {"": 0}
    numbers = [[0] * len(row.choices) for row in rows]
    logprobs = table[[name for name in table.columns if name.startswith("logprob_")]].to_numpy(float)
    present = numpy.arange(logprobs.shape[1]) < table["choices"].to_numpy(int)[:, None]
    known, cloze = not numpy.isnan(logprobs[present]).any(), not generates(table)
    values = 100 * logprobs if cloze else 10_000 * numpy.exp(logprobs)
    hundredths = numpy.rint(numpy.nan_to_num(values)).astype(int).tolist()
    columns = [table[name] for name in ("subject", "index", "predicted", "parsed", "generated")]
    for subject, index, best, letter, text, choices in zip(*columns, hundredths, strict=True):
        number = place[subject, index]
        predicted[number], parsed[number] = (answer if answer in tuple(LETTERS) else UNPARSED for answer in (best, letter))
        generated[number] = texts.setdefault(text, len(texts))
        numbers[number] = choices[: len(numbers[number])]
    flat = list(itertools.chain.from_iterable(numbers)) if known else None
    return ModelAnswers(
        model=model,
        label=summaries.label(merged, model),
        compared=compared,
        predicted="".join(predicted),
        parsed=None if cloze else "".join(parsed),
        generated=None if cloze else generated,
        texts=[] if cloze else list(texts),
        probabilities=None if cloze else flat,
        in_every_order=in_every_order(merged, model),
        logprobs=flat if cloze else None,
        prompt=prompt,
        examples=None if prompt is None else _examples(table, place, len(rows)),
    )


def _examples(table: pandas.DataFrame, place: dict[tuple[str, int], int], rows: int) -> int | list[int]:
    """Return the few-shot examples before each of these questions, as one number if they are as many before each."""
    numbers = [0] * rows
    for subject, index, examples in zip(table["subject"], table["index"], table["examples"].astype(int), strict=True):
        numbers[place[subject, index]] = examples
    different = set(table["examples"])
    return int(different.pop()) if len(different) == 1 else numbers

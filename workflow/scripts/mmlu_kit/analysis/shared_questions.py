"""The questions that every model answered, on which models are compared."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy
import pandas
from numpy.typing import NDArray

from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import repeats
from mmlu_kit.settings import LETTERS
from mmlu_kit.user_errors import UserError

_KEYS = ["subject", "index", "question_sha256", "choices", "gold"]


@dataclass(frozen=True)
class SharedQuestions:
    """Questions that every model answered, in the table's order.

    `questions` has the columns subject, index, question_sha256, choices and gold; `answers` has each model's rows of
    questions.csv in the same order.
    """

    questions: pandas.DataFrame
    answers: Mapping[str, pandas.DataFrame]

    def __len__(self) -> int:
        return len(self.questions)

    def once(self) -> Self:
        """Return these questions without later copies of the same question."""
        return self._where(repeats.first_copies(self.questions))

    def of(self, models: Collection[str]) -> Self:
        """Return these questions with the answers of these models only."""
        return replace(self, answers={model: rows for model, rows in self.answers.items() if model in models})

    def texts(self, questions: Iterable[Question], places: Iterable[int]) -> list[Question]:
        """Return the questions at these places. Raises UserError if `questions` are not those that were answered."""
        by_hash = {question.sha256: question for question in questions}
        texts = []
        for place in places:
            subject, index, sha256, _, _ = self.questions.iloc[place]
            if sha256 not in by_hash:
                raise UserError(
                    f"{subject}/test/{index}: this question in --questions is not the one that was answered: run again"
                )
            texts.append(by_hash[sha256])
        return texts

    @property
    def models(self) -> list[str]:
        """The models' names, in the report's order."""
        return list(self.answers)

    @property
    def correct(self) -> NDArray[numpy.bool_]:
        """Whether each answer is right: questions × models."""
        return numpy.column_stack([rows["correct"].to_numpy(bool) for rows in self.answers.values()])

    @property
    def lettered(self) -> NDArray[numpy.bool_]:
        """Whether each answer is a choice: questions × models. An imported answer may have none."""
        return numpy.column_stack([has_letter(rows) for rows in self.answers.values()])

    def with_letters(self) -> Self:
        """Return the questions to which every model's answer has a letter."""
        return self._where(numpy.asarray(self.lettered.all(axis=1)))

    def _where(self, chosen: NDArray[numpy.bool_]) -> Self:
        return type(self)(
            questions=self.questions[chosen].reset_index(drop=True),
            answers={model: rows[chosen].reset_index(drop=True) for model, rows in self.answers.items()},
        )


def has_letter(rows: pandas.DataFrame) -> NDArray[numpy.bool_]:
    """Return whether each answer is one of the choices; `rows` are rows of questions.csv."""
    return rows["predicted"].isin(list(LETTERS)).to_numpy(bool)


def shared_questions(answers: Mapping[str, pandas.DataFrame]) -> SharedQuestions:
    """Return the questions that all models answered; `answers` are their rows of questions.csv, matched by subject, index,
    question and right letter."""
    questions = pandas.DataFrame(columns=_KEYS)
    for number, rows in enumerate(answers.values()):
        questions = questions.merge(rows[_KEYS], on=_KEYS) if number else rows[_KEYS]
    return SharedQuestions(
        questions=questions.reset_index(drop=True),
        answers={model: questions.merge(rows, on=_KEYS) for model, rows in answers.items()},
    )

"""Questions that occur more than once in a study, which count once wherever several subjects or questions are summed up.

Two questions are the same if text, choices and right letter are, as in `Question.sha256`. The copy that counts is the first in
the order of the study's subjects, for every model alike: another subject's copy has other few-shot examples and may be answered
differently. Of a model without a result for that subject, the first copy that it answered counts. The accuracy on one subject
is over all of that subject's questions, each once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.results.merged import RepeatedAnswer

if TYPE_CHECKING:
    import numpy
    import pandas
    from numpy.typing import NDArray


def repeated_questions(evaluations: Iterable[Evaluation]) -> set[str]:
    """Return the hashes of the questions that occur more than once in these evaluations' subjects."""
    places = {(record.subject, record.index, record.question_sha256) for one in evaluations for record in one.records}
    return {sha256 for sha256, count in Counter(sha256 for _, _, sha256 in places).items() if count > 1}


def repeated_answers(records: Iterable[Record], repeated: set[str]) -> list[RepeatedAnswer]:
    """Return the answers of one model and subject to questions that occur more than once, in the records' order."""
    return [
        RepeatedAnswer(
            question_sha256=record.question_sha256,
            choices=record.choices,
            correct=record.correct,
            correct_generated=record.correct_generated,
            parsed=None if record.generated is None else record.parsed is not None,
        )
        for record in records
        if record.question_sha256 in repeated
    ]


def counted(rows: "pandas.DataFrame", subjects: Sequence[str]) -> "pandas.DataFrame":
    """Return those rows of questions.csv on these subjects that count, ordered as `subjects`: each question once per model
    and subject."""
    number = {subject: number for number, subject in enumerate(subjects)}
    chosen = rows[rows["subject"].isin(subjects)].sort_values("subject", key=lambda names: names.map(number), kind="stable")
    return chosen.drop_duplicates(["model", "subject", "question_sha256"])


def first_copies(rows: "pandas.DataFrame") -> "NDArray[numpy.bool_]":
    """Return whether each row of one model, as `counted` orders them, is the first copy of its question in any subject."""
    return ~rows.duplicated("question_sha256").to_numpy(bool)


def once(rows: "pandas.DataFrame") -> "pandas.DataFrame":
    """Return the rows of one model, as `counted` orders them, without later copies of a question in other subjects."""
    return rows[first_copies(rows)]

"""Answers of another run to the same questions, imported from a CSV file.

Its columns are `subject, test_index, model, prediction` and, optionally, `gold`. A prediction is kept as written, and
answer_forms.py reads its letter. One that names no choice is unreadable, which is not a wrong letter: it is counted by itself.
"""

import csv
import gzip
import io
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import answer_forms
from mmlu_kit.results.answer_forms import Numbers
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

COLUMNS = ("subject", "test_index", "model", "prediction")
MOST_BYTES = 200_000_000  # of text: enough for two hundred models on MMLU's 14,042 questions
LONGEST = 1000  # characters kept of a prediction
FEWEST_READABLE = 0.1  # with a smaller share of readable answers, a column is refused: it is not in a form that is known


@dataclass(frozen=True)
class Prediction:
    """One answer as written in the file; `gold` is None if the file has no such column or no value there."""

    text: str
    gold: str | None


Predictions = Mapping[tuple[str, int], Prediction]  # by subject and index


def read(path: Path, model: str | None) -> Predictions:
    """Read the predictions of one model, or of the file's only model if `model` is None.

    Raises UserError naming the file and line if the file is damaged.
    """
    models: dict[str, None] = {}
    predictions: dict[tuple[str, int], Prediction] = {}
    for where, row in _rows(path):
        models[row["model"]] = None
        if row["model"] == (next(iter(models)) if model is None else model):
            key = (row["subject"], _index(row["test_index"], where))
            if key in predictions:
                raise UserError(f"{where}: a second prediction of {row['model']} for {key[0]} {key[1]}")
            gold = row.get("gold", "").strip()
            predictions[key] = Prediction(row["prediction"].strip(), None if answer_forms.is_missing(gold) else gold)
    if model is None and len(models) > 1:
        raise UserError(f"{path} has several models, {_listed(models)}: name one as the model's predictions_model in config")
    if not predictions:
        raise UserError(f"{path} has no model '{model}'; it has {_listed(models) or 'no row'}")
    return predictions


def records(predictions: Predictions, questions: Sequence[Question], where: str) -> list[Record]:
    """Return the records of those test questions, of one or several subjects, that have a prediction, in their order.

    Raises UserError, beginning with `where`, for a subject without any prediction, an answer to no question, another right
    letter, or answers of which nearly none can be read.
    """
    keys = {(question.subject, question.index) for question in questions}
    subjects = dict.fromkeys(question.subject for question in questions)
    answered_subjects = {subject for subject, _ in predictions}
    missing = [subject for subject in subjects if subject not in answered_subjects]
    if missing:
        others = f" and {len(missing) - 1} more subjects" if len(missing) > 1 else ""
        raise UserError(f"{where}: no prediction for {missing[0]}{others}: leave out the subject, or add its predictions")
    surplus = sorted(key for key in predictions if key[0] in subjects and key not in keys)
    if surplus:
        subject, index = surplus[0]
        raise UserError(f"{where}: {subject} has no question {index}: these are predictions for other questions")
    answers = [
        (predictions[key], question) for question in questions if (key := (question.subject, question.index)) in predictions
    ]
    golds = [prediction.gold for prediction in predictions.values() if prediction.gold]
    numbered = Numbers.CHOICES if all(map(answer_forms.is_number, golds)) else Numbers.NEITHER
    for prediction, question in answers:
        gold = prediction.gold
        if gold is not None and answer_forms.letter(gold, question, numbered) != question.answer:
            raise UserError(
                f"{where}: the gold letter for {question.name} is {quoted(gold)}, but '{question.answer}' in this study: "
                "these are predictions for other questions"
            )
    texts = [prediction.text for prediction in predictions.values()]
    numbers = answer_forms.meaning_of_numbers(texts, [(prediction.text, question) for prediction, question in answers], where)
    answered = [_record(prediction, question, numbers) for prediction, question in answers]
    _check_readable(answered, where)
    return answered


def how_read(answered: Sequence[Record], questions: Sequence[Question]) -> str:
    """Return by which rules the answers to these questions were read, how many could not be, and how many questions have none,
    for the terminal."""
    asked = {(question.subject, question.index): question for question in questions}
    rules = answer_forms.count_rules(
        [(_as_written(record), record.predicted, asked.pop((record.subject, record.index))) for record in answered]
    )
    unreadable = [record for record in answered if record.predicted is None]
    text = f"{len(answered) - len(unreadable):,} of {len(answered):,} answers read, {answer_forms.in_words(rules)}"
    if unreadable:
        text += f"; {len(unreadable):,} could not be read, such as {quoted(_as_written(unreadable[0]))}"
    if asked:
        first = next(iter(asked.values())).name
        text += f"; no prediction for {len(asked):,} of {len(questions):,} questions, such as {first}: they are left out"
    return text


def quoted(text: str) -> str:
    """Return the beginning of a text in quotes, in one line."""
    plain = " ".join(text.split())
    return f"'{printable(plain[:40])}{'…' * (len(plain) > 40)}'"


def _record(prediction: Prediction, question: Question, numbers: Numbers) -> Record:
    letter = answer_forms.letter(prediction.text, question, numbers)
    return Record(
        subject=question.subject,
        index=question.index,
        question_sha256=question.sha256,
        choices=len(question.choices),
        gold=question.answer,
        predicted=letter,
        correct=letter == question.answer,
        generated=prediction.text[:LONGEST],
        parsed=letter,
        correct_generated=letter == question.answer,
    )


def _as_written(record: Record) -> str:
    """Return the text of an imported answer, which is never null."""
    return record.generated or ""


def _check_readable(answered: Sequence[Record], where: str) -> None:
    unreadable = [record for record in answered if record.predicted is None]
    readable = len(answered) - len(unreadable)
    if readable < FEWEST_READABLE * len(answered):
        first, most = unreadable[0], max(record.choices for record in answered)
        forms = f"{answer_forms.letters_in_words(most)}, the choice's own text, or a number from 0 to {most - 1} in every row"
        raise UserError(
            f"{where}: {readable or 'none'} of {len(answered)} predictions can be read; the one for {first.subject} "
            f"{first.index}, {quoted(_as_written(first))}, cannot: write {forms}"
        )


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each row with its position: 'p.csv: line 2'."""
    reader = csv.DictReader(io.StringIO(_text(path), newline=""), strict=True)
    limit = csv.field_size_limit(MOST_BYTES)  # of the whole process; a prediction may be a long chain of thought
    try:
        lacking = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if lacking:
            raise UserError(f"{path}: its header lacks {', '.join(lacking)}; it needs {', '.join(COLUMNS)}")
        twice = [name for name in (*COLUMNS, "gold") if list(reader.fieldnames or ()).count(name) > 1]
        if twice:
            raise UserError(f"{path}: its header has {twice[0]} twice: keep one of these columns")
        for row in reader:
            where = f"{path}: line {reader.line_num}"
            if None in row or None in row.values():
                raise UserError(f"{where}: its number of columns differs from the header's")
            yield where, row
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file ({error})") from None
    finally:
        csv.field_size_limit(limit)


def _text(path: Path) -> str:
    """Read a CSV file, gzip-compressed or not. Raises UserError if it has more than MOST_BYTES of text."""
    try:
        with files.open_regular(path) as stream:
            text = gzip.GzipFile(fileobj=stream) if path.suffix == ".gz" else stream
            data = files.read_at_most(text, MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UserError(f"{path} has more than {MOST_BYTES // 10**6} MB of text: keep only the models to import")
        return data.decode("utf-8-sig")
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path} is not a complete gzip file ({error})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}): convert it to UTF-8") from None


def _index(text: str, where: str) -> int:
    if not (text.strip().isascii() and text.strip().isdigit() and len(text) < 10):
        raise UserError(f"{where}: test_index is '{text[:20]}'; it must be the question's number, counted from 0")
    return int(text)


def _listed(names: Collection[str]) -> str:
    names = list(names)
    return ", ".join(name[:40] for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")

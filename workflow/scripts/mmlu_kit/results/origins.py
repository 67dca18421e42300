"""What a study's evaluations were made from: the subjects' questions, and the files of the models or of imported answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mmlu_kit import files
from mmlu_kit.evaluation import model_files
from mmlu_kit.evaluation.model_files import Model
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.inputs import questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Split
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError


class Subject(NamedTuple):
    """A subject's test questions and their hashes, in order, and all its questions, with the few-shot examples."""

    path: Path
    questions: Sequence[Question]
    hashes: Sequence[str]
    with_examples: Sequence[Question]


@dataclass(frozen=True)
class Origins:
    """The subjects and models that are known here, by name."""

    subjects: Mapping[str, Subject]
    models: Mapping[str, Model]


def read(study: Study, resources: Path, predictions: Mapping[str, Path]) -> Origins:
    """Return what is in `resources` of a study's subjects and models, and the files of `predictions`, by imported model."""
    folder = resources / "subjects" / study.subjects_folder
    paths = {name: resources / "models" / study.manifest(name) for name in study.run}
    models = {name: model_files.manifest(path) for name, path in paths.items() if path.is_file()}
    imported = {name: Model(path, None, None, None, {path.name: files.file_sha256(path)}) for name, path in predictions.items()}
    return Origins(
        subjects={name: subject(path) for name in study.subjects if (path := folder / f"{name}.jsonl").is_file()},
        models=models | imported,
    )


def subject(path: Path) -> Subject:
    """Return the subject in a file that fetch_questions.py wrote."""
    with_examples = questions.read_jsonl(path)
    tests = questions.split(with_examples, Split.TEST)
    return Subject(path, tests, [question.sha256 for question in tests], with_examples)


def check(path: Path, evaluation: Evaluation, origins: Origins, advice: str) -> None:
    """Raise UserError, which ends with `advice`, if the evaluation at `path` was made from other questions or model files."""
    if evaluation.subject in origins.subjects:
        _check_questions(path, evaluation, origins.subjects[evaluation.subject], advice)
    if evaluation.model in origins.models:
        model_files.check(path, evaluation, origins.models[evaluation.model], advice)


def check_letters(path: Path, subjects: Sequence[str], runs: Iterable[tuple[Sequence[str], int]], origins: Origins) -> None:
    """Raise UserError if a run at `path`, its best letters and how many are right, does not answer the subjects' questions."""
    if not all(subject in origins.subjects for subject in subjects):
        return
    golds = [question.answer for subject in subjects for question in origins.subjects[subject].questions]
    for number, (letters, correct) in enumerate(runs):
        if len(letters) != len(golds):
            raise UserError(
                f"{path}: run {number} has {len(letters)} answers to {len(golds)} questions; delete it and run again"
            )
        right = sum(letter == gold for letter, gold in zip(letters, golds, strict=True))
        if right != correct:
            raise UserError(f"{path}: run {number} has {correct} right answers, and {right} are; delete it and run again")


def _check_questions(path: Path, evaluation: Evaluation, subject: Subject, advice: str) -> None:
    number, expected = len(evaluation.records), len(subject.questions)
    places = [record.index for record in evaluation.records] if evaluation.requested is None else range(expected)
    if number != len(places) or max(places) >= expected:
        raise UserError(f"{path} has {number} records, but {subject.path} has {expected} questions; {advice}")
    for record, place in zip(evaluation.records, places, strict=True):
        question, sha256 = subject.questions[place], subject.hashes[place]
        if (record.index, record.question_sha256) != (question.index, sha256):
            raise UserError(f"{path}: question {record.index} is not question {question.index} of {subject.path}; {advice}")
        if record.gold != question.answer:
            golds = f"'{record.gold}', but '{question.answer}' in {subject.path}"
            raise UserError(f"{path}: the right answer to question {record.index} is {golds}; {advice}")

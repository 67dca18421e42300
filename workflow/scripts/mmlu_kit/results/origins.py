"""What a study's evaluations were made from: the subjects' questions, and the files of the models or of imported answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mmlu_kit import files
from mmlu_kit.evaluation import answers, model_files
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


class RunAnswers(NamedTuple):
    """What a run of several says of its answers: the best ones, and how many are right; what it does not say is None."""

    letters: Sequence[str]
    correct: int
    guessed: float | None = None
    choices: Sequence[int] | None = None


def check_answers(path: Path, subjects: Sequence[str], runs: Iterable[RunAnswers], origins: Origins) -> None:
    """Raise UserError if a run in the file at `path` does not answer the subjects' questions, or counts its answers wrong."""
    if not all(subject in origins.subjects for subject in subjects):
        return
    asked = [question for subject in subjects for question in origins.subjects[subject].questions]
    for number, run in enumerate(runs):
        problem = _contradiction(run, asked)
        if problem:
            raise UserError(f"{path}: run {number} has {problem}; delete it and run again")


def _contradiction(run: RunAnswers, asked: Sequence[Question]) -> str | None:
    """Describe what a run has that contradicts the questions, None if nothing does."""
    if len(run.letters) != len(asked):
        return f"{len(run.letters)} answers to {len(asked)} questions"
    choices = [len(question.choices) for question in asked]
    for question, expected, number in zip(asked, choices, run.choices or choices, strict=True):
        if number != expected:
            return f"{number} choices of {question.name}, which has {expected}"
    for letter, question in zip(run.letters, asked, strict=True):
        if letter not in tuple(question.letters):
            return f"the answer {letter} to {question.name}, which has {len(question.choices)} choices"
    right = sum(letter == question.answer for letter, question in zip(run.letters, asked, strict=True))
    if right != run.correct:
        return f"{run.correct} right answers, and {right} are"
    guessed = answers.guessed(choices)
    if run.guessed not in (None, guessed):
        return f"{run.guessed} guessed answers, and {guessed} are"
    return None


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
        if record.choices != len(question.choices):
            choices = f"{record.choices} choices, but {len(question.choices)} in {subject.path}"
            raise UserError(f"{path}: question {record.index} has {choices}; {advice}")
        for letter, text, continuation in zip(question.letters, question.choices, record.cloze or [], strict=False):
            for name, length in (("characters", len(text)), ("bytes", len(text.encode()))):
                if getattr(continuation, name) != length:
                    lengths = f"{getattr(continuation, name)} {name}, but {length} in {subject.path}"
                    raise UserError(f"{path}: choice {letter} of question {record.index} has {lengths}; {advice}")

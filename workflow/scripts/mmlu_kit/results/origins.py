"""What a study's evaluations were made from: the subjects' questions, and the files of the models or of imported answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Split
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError


class Subject(NamedTuple):
    """A subject's test questions, and their hashes, in order."""

    path: Path
    questions: Sequence[Question]
    hashes: Sequence[str]


class Model(NamedTuple):
    """The files of a model and its parameters, or the file with its imported answers; `path` is what says so."""

    path: Path
    repository: str | None
    commit: str | None
    parameters: int | None
    files: Mapping[str, str]


class HasModel(Protocol):
    """A result that names the model by which it was made."""

    @property
    def repository(self) -> str | None: ...
    @property
    def commit(self) -> str | None: ...
    @property
    def parameters(self) -> int | None: ...
    @property
    def model_files(self) -> Mapping[str, str]: ...


@dataclass(frozen=True)
class Origins:
    """The subjects and models that are known here, by name."""

    subjects: Mapping[str, Subject]
    models: Mapping[str, Model]


def read(study: Study, resources: Path, predictions: Mapping[str, Path]) -> Origins:
    """Return what is in `resources` of a study's subjects and models, and the files of `predictions`, by imported model."""
    folder = resources / "subjects" / study.subjects_folder
    models = {name: manifest(path) for name in study.run if (path := resources / "models" / study.manifest(name)).is_file()}
    csv = {name: Model(path, None, None, None, {path.name: checkpoints.digest(path)}) for name, path in predictions.items()}
    return Origins(
        subjects={name: subject(path) for name in study.subjects if (path := folder / f"{name}.jsonl").is_file()},
        models=models | csv,
    )


def subject(path: Path) -> Subject:
    """Return the subject in a file that fetch_questions.py wrote."""
    tests = questions.split(questions.read_jsonl(path), Split.TEST)
    return Subject(path, tests, [question.sha256 for question in tests])


def manifest(path: Path) -> Model:
    """Return the model of a manifest."""
    read = Manifest.read(path)
    return Model(path, read.repository, read.commit, read.parameters, read.hashes)


def check(path: Path, evaluation: Evaluation, origins: Origins, advice: str) -> None:
    """Raise UserError, which ends with `advice`, if the evaluation at `path` was made from other questions or model files."""
    if evaluation.subject in origins.subjects:
        _check_questions(path, evaluation, origins.subjects[evaluation.subject], advice)
    if evaluation.model in origins.models:
        check_model(path, evaluation, origins.models[evaluation.model], advice)


def check_model(path: Path, result: HasModel, model: Model, advice: str) -> None:
    """Raise UserError, which ends with `advice`, if the result at `path` was made by another model than `model`."""
    for key in ("repository", "commit", "parameters"):
        if getattr(result, key) != getattr(model, key):
            values = f"{getattr(result, key)}, but {getattr(model, key)}"
            raise UserError(f"{path} was made by another model: its {key} is {values} in {model.path}; {advice}")
    names = sorted({*result.model_files, *model.files})
    differing = [name for name in names if result.model_files.get(name) != model.files.get(name)]
    if differing:
        raise UserError(f"{path} was made by another model: {differing[0]} is not the one that {model.path} names; {advice}")


def _check_questions(path: Path, evaluation: Evaluation, subject: Subject, advice: str) -> None:
    number, expected = len(evaluation.records), len(subject.questions)
    if number != expected:
        raise UserError(f"{path} has {number} records, but {subject.path} has {expected} questions; {advice}")
    for record, question, sha256 in zip(evaluation.records, subject.questions, subject.hashes, strict=True):
        if (record.index, record.question_sha256) != (question.index, sha256):
            raise UserError(f"{path}: question {record.index} is not question {question.index} of {subject.path}; {advice}")
        if record.gold != question.answer:
            golds = f"'{record.gold}', but '{question.answer}' in {subject.path}"
            raise UserError(f"{path}: the right answer to question {record.index} is {golds}; {advice}")

"""The files of the model by which a result was made, compared with those of the model's manifest."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.user_errors import UserError


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


def manifest(path: Path) -> Model:
    """Return the model of a manifest."""
    read = Manifest.read(path)
    return Model(path, read.repository, read.commit, read.parameters, read.hashes)


def check(path: Path, result: HasModel, model: Model, advice: str) -> None:
    """Raise UserError, which ends with `advice`, if the result at `path` was made by another model than `model`."""
    for key in ("repository", "commit", "parameters"):
        if getattr(result, key) != getattr(model, key):
            values = f"{getattr(result, key)}, but {getattr(model, key)}"
            raise UserError(f"{path} was made by another model: its {key} is {values} in {model.path}; {advice}")
    names = sorted({*result.model_files, *model.files})
    differing = [name for name in names if result.model_files.get(name) != model.files.get(name)]
    if differing:
        raise UserError(f"{path} was made by another model: {differing[0]} is not the one that {model.path} names; {advice}")

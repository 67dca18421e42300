"""Manifests of models, which are folders in Hugging Face form or GGUF files, made without loading the model.

A manifest is the small file that the prepare stage writes for every model: its folder or file, its commit, the size and
SHA-256 of each file that is read, and what the weights' headers and config.json say of the model.
"""

from pathlib import Path
from typing import Literal

from pydantic import Field

from mmlu_kit.data import Bytes, Count, Document, Text, version
from mmlu_kit.inputs import adapters, file_entries, gguf_files, model_configs, model_folders
from mmlu_kit.inputs.adapters import Adapter, AdapterIdentity
from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_MAX_MANIFEST_BYTES = 10_000_000


class Manifest(Document):
    """resources/models/<model>@<commit>.json: a model's folder and the files in it."""

    schema_: Literal["mmlu-kit/model/3"] = version("mmlu-kit/model/3")
    folder: str = Field(description="The model's folder, absolute or relative to the project's.")
    gguf: Text | None = Field(None, description="The GGUF file in the folder that is the model; null for safetensors weights.")
    repository: str | None = Field(description="The model's repository on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    files: dict[str, FileEntry] = Field(description="Every file that is read, by its name.")
    parameters: Count = Field(
        description="Parameters in the weight files. A packed weight counts as the parameters that it stands for; scales and "
        "zero points are not counted. In a quantization format that the kit does not know, each stored integer counts as one."
    )
    checkpoint_bytes: Bytes = Field(description="Total size of the weight files.")
    quantization: SavedQuantization | None = Field(
        default=None, description="How the weights were quantized before they were saved; null if they were not."
    )
    adapter: Adapter | None = Field(None, description="The adapter that is applied to the model; null without one.")

    @property
    def path(self) -> Path:
        """What the model and its tokenizer are loaded from: the folder, or the GGUF file in it."""
        return Path(self.folder, self.gguf) if self.gguf else Path(self.folder)

    @property
    def entries(self) -> dict[str, FileEntry]:
        """Every file of the model and, below adapter/, of its adapter."""
        others = self.adapter.files if self.adapter else {}
        return {**self.files, **{f"adapter/{name}": entry for name, entry in others.items()}}

    @property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of every file, of the adapter too."""
        return {name: entry.sha256 for name, entry in self.entries.items()}

    @property
    def adapter_identity(self) -> AdapterIdentity | None:
        """Which adapter is applied, None without one."""
        return self.adapter.identity if self.adapter else None

    @property
    def base(self) -> adapters.Base:
        """The model without its adapter."""
        return adapters.Base(self.repository or self.path.resolve().name, self.commit)


def describe(path: Path, repository: str | None = None, commit: str | None = None) -> Manifest:
    """Return the manifest of a model folder or GGUF file; one that cannot be loaded safely raises UserError with the reason."""
    manifest, weights = _outline(Path(path), repository, commit)
    folder = Path(manifest.folder)
    others = [] if manifest.gguf else model_folders.described(model_folders.names_in(folder))
    names = [*others, *(weight.relative_to(folder).as_posix() for weight in weights)]
    return manifest.model_copy(update={"files": file_entries.describe(folder, names)})


def outline(path: Path) -> Manifest:
    """Return the manifest of a model without its files, whose hashes take time; raises UserError as `describe` does."""
    return _outline(Path(path), None, None)[0]


def _outline(folder: Path, repository: str | None, commit: str | None) -> tuple[Manifest, list[Path]]:
    """Return the manifest of a folder or GGUF file without its files, and its weight files."""
    if gguf_files.is_gguf(folder):
        return _outline_of_gguf(folder, repository, commit), [folder]
    contents = model_folders.read(folder)
    weights = list(contents.tensors)
    manifest = Manifest(
        folder=str(folder),
        repository=repository,
        commit=commit,
        files={},
        parameters=sum(contents.parameters(str(folder)).values()),
        checkpoint_bytes=sum(path.stat().st_size for path in weights),
        quantization=model_configs.saved_quantization(str(folder), contents.config),
    )
    return manifest, weights


def _outline_of_gguf(path: Path, repository: str | None, commit: str | None) -> Manifest:
    """Return a GGUF file's manifest without its files; what lies beside it plays no part."""
    contents = gguf_files.read(path)
    return Manifest(
        folder=str(path.parent),
        gguf=path.name,
        repository=repository,
        commit=commit,
        files={},
        parameters=contents.parameters,
        checkpoint_bytes=path.stat().st_size,
        quantization=contents.saved,
    )


def check_model(path: Path, adapter: Path | None = None) -> None:
    """Check that the model that `path` names is complete; `path` is a manifest, or the folder or GGUF file itself.

    `verified_manifest` also checks the hashes of its files. Raises UserError with the reason if it is not.
    """
    path = Path(path)
    manifest = None if _is_model(path) else _read(path)
    model, _ = _outline(manifest.path if manifest else path, None, None)
    if source := adapter or (manifest and manifest.adapter and Path(manifest.adapter.folder)):
        adapters.outline(source, adapters.Base(model.path.name, None))


def verified_manifest(path: Path, adapter: Path | None = None) -> Manifest:
    """The manifest of the model that `path` names (see `check_model`); a changed file raises UserError naming it.

    `adapter` is the folder of an adapter that is applied to a model without one. Reads and hashes every file, which takes about
    0.7 s per GB.
    """
    path = Path(path)
    if _is_model(path):
        current = describe(path)
    else:
        manifest = _read(path)
        current = describe(manifest.path, manifest.repository, manifest.commit)
        file_entries.check_unchanged(Path(manifest.folder), manifest.files, current.files, path)
        if recorded := manifest.adapter:
            current = adapted(current, Path(recorded.folder), recorded.repository, recorded.commit)
            assert current.adapter
            file_entries.check_unchanged(Path(recorded.folder), recorded.files, current.adapter.files, path)
    if adapter and current.adapter:
        raise UserError(f"{path}: the model already has an adapter ({current.adapter.name}): leave --adapter out")
    return adapted(current, adapter) if adapter else current


def adapted(manifest: Manifest, folder: Path, repository: str | None = None, commit: str | None = None) -> Manifest:
    """The manifest of a model with an adapter; one that cannot be applied safely raises UserError with the reason."""
    return manifest.model_copy(update={"adapter": adapters.describe(Path(folder), manifest.base, repository, commit)})


def _is_model(path: Path) -> bool:
    """Whether a path is that of a model itself, not of a manifest."""
    return path.is_dir() or gguf_files.is_gguf(path)


def _read(path: Path) -> Manifest:
    if path.suffix == ".safetensors":
        raise UserError(f"{printable(path)}: this is a weight file, not a model folder: use the folder that it is in")
    if not path.is_file():
        raise UserError(f"{path}: there is no such model folder or manifest; fetch_model.py writes manifests")
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise UserError(f"{printable(path)} is too large for a model's manifest: name a model folder or a manifest")
    return Manifest.read(path)

"""Model folders in Hugging Face form and their manifests, checked without loading the model.

A manifest is the small file that the prepare stage writes for every model: its folder, its commit, the size and SHA-256 of
each file, and the number of parameters that the safetensors headers declare.
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Literal

from pydantic import Field

from mmlu_kit import files
from mmlu_kit.data import Bytes, Count, Data, Document, Sha256, version
from mmlu_kit.user_errors import UserError

# Configuration, tokenizer and chat template in every format that transformers reads; weights only as safetensors.
PATTERNS = ["*.json", "*.safetensors", "merges.txt", "vocab.txt", "tokenizer.model", "*.jinja"]
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_PARAMETER_TYPES = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")


class FileEntry(Data):
    """A file's size and hash."""

    bytes: Bytes
    sha256: Sha256


class Manifest(Document):
    """resources/models/<model>@<commit>.json: a model's folder and the files in it."""

    schema_: Literal["mmlu-kit/model/1"] = version("mmlu-kit/model/1")
    folder: str = Field(description="The model's folder, absolute or relative to the project's.")
    repository: str | None = Field(description="The model's repository on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    files: dict[str, FileEntry] = Field(description="Every file that is read, by its name.")
    parameters: Count = Field(description="Floating-point parameters that the checkpoint's headers declare.")
    checkpoint_bytes: Bytes = Field(description="Total size of the weight files.")

    @property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of every file."""
        return {name: entry.sha256 for name, entry in self.files.items()}


def describe(folder: Path, repository: str | None = None, commit: str | None = None) -> Manifest:
    """Return the manifest of a model folder; a folder that cannot be loaded safely raises UserError with the reason."""
    folder = Path(folder)
    weights = check(folder)
    names = sorted({path for pattern in PATTERNS for path in folder.glob(pattern)})
    return Manifest(
        folder=str(folder),
        repository=repository,
        commit=commit,
        files={path.name: FileEntry(bytes=path.stat().st_size, sha256=digest(path)) for path in names},
        parameters=sum(parameters(path) for path in weights),
        checkpoint_bytes=sum(path.stat().st_size for path in weights),
    )


def check(folder: Path) -> list[Path]:
    """Check that a model folder is complete and return its weight files in order; a missing file raises UserError."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: correct the path")
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: config.json is missing, so this is not a Hugging Face model folder")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")):
        raise UserError(f"{folder}: the tokenizer is missing (tokenizer.json)")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        names = sorted(set(files.read_json(index).get("weight_map", {}).values()))
        for name in names:
            if "/" in name or not (folder / name).is_file():
                raise UserError(f"{folder}: {name}, listed in {index.name}, is missing: fetch the model again")
        return [folder / name for name in names]
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        raise UserError(
            f"{folder}: the weights exist only as a pickle ({pickles[0]}), and loading a pickle can run code: "
            "convert them to safetensors, or choose a commit that has safetensors"
        )
    raise UserError(f"{folder}: model.safetensors is missing: save or copy the weights there")


def parameters(path: Path) -> int:
    """The number of floating-point parameters that a safetensors file declares in its header."""
    return sum(math.prod(shape) for dtype, shape in header(path).values() if dtype in _PARAMETER_TYPES)


def weight_counts(folder: Path) -> tuple[int, int]:
    """The numbers of a model's parameters in linear layers, which quantization compresses, and outside them."""
    linear = others = 0
    for path in check(folder):
        for name, (_, shape) in header(path).items():
            # Embeddings and the output layer keep their number format.
            if len(shape) == 2 and "embed" not in name and "lm_head" not in name:
                linear += math.prod(shape)
            else:
                others += math.prod(shape)
    return linear, others


def header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The number format and shape of each tensor in a safetensors file; a damaged file raises UserError."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        # The format's own limit; a larger number means another kind of file, or a truncated one.
        if not 2 <= length <= min(100_000_000, path.stat().st_size - 8):
            raise UserError(f"{path} is not a safetensors file, or is truncated: fetch or copy it again")
        try:
            tensors = {name: tensor for name, tensor in json.loads(stream.read(length)).items() if name != "__metadata__"}
            end = max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
            shapes = {name: (tensor["dtype"], tuple(map(int, tensor["shape"]))) for name, tensor in tensors.items()}
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise UserError(f"{path} is not a safetensors file (its header is damaged): fetch or copy it again") from None
    if path.stat().st_size != 8 + length + end:
        expected, size = 8 + length + end, path.stat().st_size
        raise UserError(f"{path} has {size} bytes instead of the {expected} that it declares: fetch or copy it again")
    return shapes


def digest(path: Path) -> str:
    """The SHA-256 of a file's content, as 64 hex digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def model_folder(path: Path) -> Path:
    """The model folder that `path` names; `path` is a manifest or the folder itself.

    Checks that its files are complete; `verified_manifest` also checks their hashes.
    """
    path = Path(path)
    folder = path if path.is_dir() else Path(_read(path).folder)
    check(folder)
    return folder


def verified_manifest(path: Path) -> Manifest:
    """The manifest of the model that `path` names (see `model_folder`); a changed file raises UserError naming it.

    Reads and hashes every file, which takes about 0.7 s per GB.
    """
    path = Path(path)
    if path.is_dir():
        return describe(path)
    manifest = _read(path)
    folder = Path(manifest.folder)
    current = describe(folder, manifest.repository, manifest.commit)
    for name in sorted({*manifest.files, *current.files}):
        if current.files.get(name) != manifest.files.get(name):
            raise UserError(
                f"{folder}: {name} was changed after {path} was written: restore the file, or, if the change is intended, "
                f"delete {path} and run again"
            )
    return current


def _read(path: Path) -> Manifest:
    if not path.is_file():
        raise UserError(f"{path}: there is no such model folder or manifest; fetch_model.py writes manifests")
    return Manifest.read(path)

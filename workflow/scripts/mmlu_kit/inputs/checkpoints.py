"""Model folders in Hugging Face form, and the manifests that name them: what they hold, checked without loading it.

A manifest is the small file that the prepare stage writes for every model: where its folder lies, which commit it is, the
size and SHA-256 of each file, and how many parameters the safetensors headers declare.
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

# Configuration, tokenizer and chat template in every form that transformers reads; weights as safetensors only.
PATTERNS = ["*.json", "*.safetensors", "merges.txt", "vocab.txt", "tokenizer.model", "*.jinja"]
PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_PARAMETER_TYPES = ("F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2")


class FileEntry(Data):
    """A file's size and hash."""

    bytes: Bytes
    sha256: Sha256


class Manifest(Document):
    """resources/models/<model>@<commit>.json: where a model's folder lies and what is in it."""

    schema_: Literal["mmlu-kit/model/1"] = version("mmlu-kit/model/1")
    folder: str = Field(description="The model's folder, absolute or relative to the project's.")
    repository: str | None = Field(description="Where it came from on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    files: dict[str, FileEntry] = Field(description="Every file that is read, by its name.")
    parameters: Count = Field(description="Floating-point parameters in the checkpoint's headers.")
    checkpoint_bytes: Bytes = Field(description="Size of the weight files.")

    @property
    def hashes(self) -> dict[str, str]:
        """The SHA-256 of every file."""
        return {name: entry.sha256 for name, entry in self.files.items()}


def describe(folder: Path, repository: str | None = None, commit: str | None = None) -> Manifest:
    """The manifest of a model folder; a folder that cannot be loaded safely raises UserError that says why."""
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
    """The weight files of a model folder, in order; a missing file raises UserError."""
    folder = Path(folder)
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder with a model")
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder}: config.json is missing, so this is not a Hugging Face model folder")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")):
        raise UserError(f"{folder}: the tokenizer is missing (tokenizer.json)")
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        wanted = sorted(set(files.read_json(index).get("weight_map", {}).values()))
        for name in wanted:
            if "/" in name or not (folder / name).is_file():
                raise UserError(f"{folder}: {name} is missing, which {index.name} lists: fetch the model again")
        return [folder / name for name in wanted]
    if (folder / "model.safetensors").is_file():
        return [folder / "model.safetensors"]
    pickles = sorted(path.name for pattern in PICKLES for path in folder.glob(pattern))
    if pickles:
        raise UserError(
            f"{folder}: weights only as pickle ({pickles[0]}), and loading a pickle runs code: "
            "convert them to safetensors, or choose a commit that has them"
        )
    raise UserError(f"{folder}: model.safetensors is missing, so there are no weights")


def parameters(path: Path) -> int:
    """How many floating-point parameters a safetensors file declares, read from its header alone."""
    return sum(math.prod(shape) for dtype, shape in header(path).values() if dtype in _PARAMETER_TYPES)


def weight_counts(folder: Path) -> tuple[int, int]:
    """How many parameters of a model folder are in linear layers, which quantization compresses, and how many are not."""
    layers = others = 0
    for path in check(folder):
        for name, (_, shape) in header(path).items():
            # Embeddings and the output layer keep their number format.
            if len(shape) == 2 and "embed" not in name and "lm_head" not in name:
                layers += math.prod(shape)
            else:
                others += math.prod(shape)
    return layers, others


def header(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The number format and shape of each tensor in a safetensors file; a damaged one raises UserError."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        # The format's own limit; a larger number means that this is another kind of file, or half of one.
        if not 2 <= length <= min(100_000_000, path.stat().st_size - 8):
            raise UserError(f"{path} is not a whole safetensors file: fetch or copy it again")
        try:
            tensors = {name: tensor for name, tensor in json.loads(stream.read(length)).items() if name != "__metadata__"}
            end = max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
            shapes = {name: (tensor["dtype"], tuple(map(int, tensor["shape"]))) for name, tensor in tensors.items()}
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            raise UserError(f"{path} is not a safetensors file (its header is damaged): fetch or copy it again") from None
    if path.stat().st_size != 8 + length + end:
        raise UserError(f"{path} is not whole: {8 + length + end} bytes are announced and {path.stat().st_size} are there")
    return shapes


def digest(path: Path) -> str:
    """The SHA-256 of a file's content, as 64 hex digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def located(path: Path) -> Path:
    """The folder of the model that `path` names, a manifest of the prepare stage or the folder itself.

    Its files are checked for presence and size; `opened` also compares them with the manifest.
    """
    path = Path(path)
    folder = path if path.is_dir() else Path(_read(path).folder)
    check(folder)
    return folder


def opened(path: Path) -> Manifest:
    """The manifest of the model that `path` names (see `located`); a changed file raises UserError naming it.

    Every file is read and hashed: some 0.7 s for each GB.
    """
    path = Path(path)
    if path.is_dir():
        return describe(path)
    manifest = _read(path)
    folder = Path(manifest.folder)
    present = describe(folder, manifest.repository, manifest.commit)
    for name in sorted({*manifest.files, *present.files}):
        if present.files.get(name) != manifest.files.get(name):
            raise UserError(
                f"{folder}: {name} is not as it was when {path} was made: restore the file, or, if it was changed on "
                f"purpose, delete {path} and run again"
            )
    return present


def _read(path: Path) -> Manifest:
    if not path.is_file():
        raise UserError(f"{path}: there is no such model folder or manifest; fetch_model.py makes one")
    return Manifest.read(path)

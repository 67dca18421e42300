"""Single small files of a repository of the hub, and the headers of its weights and GGUF files, read without the cache."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

import httpx2
import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from mmlu_kit import files
from mmlu_kit.inputs import gguf_headers, gguf_rotary, hub, parameter_counts, safetensors_headers
from mmlu_kit.inputs.repositories import Listing, Repository
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_USUAL_HEADER_BYTES = 100_000
_USUAL_GGUF_HEADER_BYTES = 8_000_000


def save(repository: Repository, listing: Listing, name: str, folder: Path) -> Path:
    """Fetch one file of a repository into a folder and return its path; each failure raises UserError."""
    size = listing.sizes[name]
    data = _piece(repository, name, size + 1)
    if len(data) != size:
        problem = f"{printable(name)} does not have the {size:,} bytes that the hub announced"
        raise UserError(f"{repository.where}: {problem}: run again, or correct HF_ENDPOINT")
    files.write_bytes(folder / name, data)
    return folder / name


def parameters(repository: Repository, names: Iterable[str]) -> int | None:
    """The number of parameters in unquantized safetensors files by their headers; None if these cannot be read."""
    total = 0
    for name in names:
        try:
            data = _piece(repository, name, _USUAL_HEADER_BYTES)
            length = min(int.from_bytes(data[:8], "little"), safetensors_headers.MAX_HEADER_BYTES)
            if 8 + length > len(data):
                data = _piece(repository, name, 8 + length)
            tensors = safetensors_headers.parse(data[8 : 8 + length], 8 + length)
        except (UserError, ValueError, RecursionError):
            return None
        total += sum(parameter_counts.parameters(Path(name), tensors, None).values())
    return total or None


def outline_of_gguf(repository: Repository, listing: Listing, name: str, folder: Path) -> Path:
    """Fetch what a GGUF file says of its model and return its path: a file of its size, whose weights are left out.

    Each failure raises UserError.
    """
    size = listing.sizes[name]
    header, data = None, b""
    for most in (_USUAL_GGUF_HEADER_BYTES, gguf_headers.MAX_HEADER_BYTES):
        if header is None:
            data = _piece(repository, name, min(size, most))
            try:
                header = gguf_headers.of_beginning(data, size)
            except ValueError as error:
                raise UserError(f"{repository.where}: {printable(name)}: {error}: use another file") from None
    path = folder / PurePosixPath(name).name
    with path.open("wb") as stream:
        stream.write(data)
        for tensor in (header.tensors.get(tensor) for tensor in gguf_rotary.TENSORS) if header else ():
            if tensor and tensor.bytes <= gguf_rotary.MOST_BYTES:
                stream.seek(tensor.begin)
                stream.write(_piece(repository, name, tensor.bytes, tensor.begin))
        stream.truncate(size)
    return path


def _piece(repository: Repository, name: str, number: int, begin: int = 0) -> bytes:
    """The `number` bytes of a file from `begin`; no more are received."""
    url = huggingface_hub.hf_hub_url(repository.name, name, repo_type=repository.kind, revision=repository.commit)
    headers = {**build_hf_headers(), "Range": f"bytes={begin}-{begin + number - 1}"}
    session = huggingface_hub.get_session()
    with (
        hub.in_one_line(repository.where, "run again"),
        hub.understood(repository.where),
        session.stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response,
    ):
        if response.is_error:
            response.read()
        hf_raise_for_status(response)
        if begin and response.status_code != httpx2.codes.PARTIAL_CONTENT:
            raise UserError(f"{repository.where}: the hub sends no parts of files: correct HF_ENDPOINT")
        data = bytearray()
        for piece in response.iter_bytes():
            data += piece
            if len(data) >= number:
                break
    return bytes(data[:number])

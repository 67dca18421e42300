"""Single small files of a repository of the hub, and the headers of its weights, read without the cache."""

from collections.abc import Iterable
from pathlib import Path

import huggingface_hub
from huggingface_hub import constants
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status

from mmlu_kit import files
from mmlu_kit.inputs import hub, parameter_counts, safetensors_headers
from mmlu_kit.inputs.repositories import Listing, Repository
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_USUAL_HEADER_BYTES = 100_000


def save(repository: Repository, listing: Listing, name: str, folder: Path) -> Path:
    """Fetch one file of a repository into a folder and return its path; each failure raises UserError."""
    size = listing.sizes[name]
    data = _beginning(repository, name, size + 1)
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
            data = _beginning(repository, name, _USUAL_HEADER_BYTES)
            length = min(int.from_bytes(data[:8], "little"), safetensors_headers.MAX_HEADER_BYTES)
            if 8 + length > len(data):
                data = _beginning(repository, name, 8 + length)
            tensors = safetensors_headers.parse(data[8 : 8 + length], 8 + length)
        except (UserError, ValueError, RecursionError):
            return None
        total += sum(parameter_counts.parameters(Path(name), tensors, None).values())
    return total or None


def _beginning(repository: Repository, name: str, number: int) -> bytes:
    """The first `number` bytes of a file; no more are received, also from a hub that knows no ranges."""
    url = huggingface_hub.hf_hub_url(repository.name, name, repo_type=repository.kind, revision=repository.commit)
    headers = {**build_hf_headers(), "Range": f"bytes=0-{number - 1}"}
    session = huggingface_hub.get_session()
    with (
        hub.in_one_line(repository.where, "run again"),
        hub.understood(repository.where),
        session.stream("GET", url, headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT) as response,
    ):
        if response.is_error:
            response.read()
        hf_raise_for_status(response)
        data = bytearray()
        for piece in response.iter_bytes():
            data += piece
            if len(data) >= number:
                break
    return bytes(data[:number])

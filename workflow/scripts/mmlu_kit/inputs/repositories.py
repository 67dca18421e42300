"""What repositories of the hub hold at a commit, and what of it is in the cache; nothing is fetched."""

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

import huggingface_hub
from huggingface_hub import constants, errors

from mmlu_kit.inputs import gguf_files, hub, hub_client, listings, model_configs, model_folders, regular_files, weight_files
from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_REQUEST_S = 5  # for each of a connection and a piece of an answer
_ALL_REQUESTS_S = 6.0
_SHARD = re.compile(r"-[0-9]+-of-[0-9]+\.safetensors\Z")

Kind = Literal["model", "dataset"]


class Repository(NamedTuple):
    """A repository of the hub at a commit; of a model perhaps one GGUF file of it."""

    kind: Kind
    name: str
    commit: str
    file: str | None = None

    @property
    def where(self) -> str:
        """The repository in messages."""
        return f"{self.kind} {self.name} at {self.commit[:12]}"


class Listing(NamedTuple):
    """What a repository holds: the size of each file in bytes by name, and what the hub says of its model.

    `gated` is None if the hub was not asked; `parameters` is None where it does not tell, or counts packed weights. `problem`
    says why the repository cannot be fetched.
    """

    sizes: Mapping[str, int]
    gated: bool | None = None
    parameters: int | None = None
    quantization: SavedQuantization | None = None
    problem: str | None = None


def has_token() -> bool:
    """Whether a token is seen that the hub's client would send."""
    return huggingface_hub.get_token() is not None


def cache() -> Path:
    """The folder of the hub's cache."""
    return Path(constants.HF_HUB_CACHE)


def cached_listing(repository: Repository) -> Listing | None:
    """The repository's list of files in the cache, None if it is not there."""
    kind, name, commit, _ = repository
    files = hub.kept_list(name, commit, kind)
    return None if files is None else Listing({path: file.size for path, file in files.items()})


def cached(repository: Repository, names: Iterable[str]) -> dict[str, Path]:
    """The paths in the cache of those files of a repository that are there."""
    kind, repository_name, commit, _ = repository
    paths = {
        name: huggingface_hub.try_to_load_from_cache(repository_name, name, revision=commit, repo_type=kind) for name in names
    }
    return {name: Path(path) for name, path in paths.items() if isinstance(path, str)}


def ask(repositories: Collection[Repository]) -> dict[Repository, Listing | UserError]:
    """Ask the hub, once and at the same time, what repositories hold; a UserError says why it does not answer.

    It takes six seconds at most.
    """
    answers: dict[Repository, Listing | UserError] = {
        repository: UserError(f"{repository.where}: the hub does not answer: connect to the network, or try again later")
        for repository in repositories
    }

    def put(repository: Repository) -> None:
        try:
            answers[repository] = _listing(repository)
        except UserError as error:
            answers[repository] = error

    # Looking up a name has no time limit, so the threads may be left behind.
    threads = [threading.Thread(target=put, args=(repository,), daemon=True) for repository in repositories]
    end = time.monotonic() + _ALL_REQUESTS_S
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return dict(answers)


def files_read(where: str, names: Collection[str], config: Path | None, index: Path | None) -> list[str]:
    """The files of a model's repository that are fetched; a repository that cannot be used raises UserError.

    `config` and `index` are config.json and the list of shards, None where they were not fetched yet. Then the usual names of
    weights are taken.
    """
    model_folders.check_names(where, names)
    top = [name for name in names if "/" not in name]
    shards = [name for name in top if _SHARD.search(name)]

    def read_json(name: str) -> Any:
        if index is not None and name == index.name:
            return regular_files.read_json(index)
        return {"metadata": {}, "weight_map": {shard: shard for shard in shards}}

    content = model_configs.read_object(config) if config else {}
    return [*model_folders.described(names), *weight_files.choose(where, top, content, names.__contains__, read_json)]


def _listing(repository: Repository) -> Listing:
    """Ask the hub what a repository holds; each failure raises UserError."""
    with hub.in_one_line(repository.where):
        return listing(repository, ask_info(repository.kind, repository.name, repository.commit, repository.where))


def ask_info(kind: Kind, name: str, revision: str | None, where: str) -> Any:
    """Ask the hub, once, what it knows of a repository at a commit, a branch or a tag, by default at its main branch.

    A failure of the hub is the client's exception, for `hub.in_one_line`; an answer that is not understood raises UserError.
    """
    hub_client.check(where)
    api = huggingface_hub.HfApi()
    ask: Callable[..., Any] = api.model_info if kind == "model" else api.dataset_info
    try:
        with hub.understood(where):
            return ask(name, revision=revision, files_metadata=True, timeout=_REQUEST_S)
    except errors.HFValidationError as error:
        raise UserError(f"{where}: '{printable(name)}' is not the name of a repository, owner/name: correct it") from error


def listing(repository: Repository, info: Any) -> Listing:
    """What the hub's answer to `ask_info` tells of a repository; an answer that no hub gives raises UserError."""
    if len(info.siblings or []) > listings.MOST_FILES:
        raise listings.too_many(repository.where)
    sizes: dict[str, int] = {}
    for file in info.siblings or []:
        if file.size is not None:
            listings.check_file(repository.where, file.rfilename, file.size)
            sizes[file.rfilename] = file.size
    quantization = _quantization(getattr(info, "config", None))
    if repository.file:
        # The hub has read the header of one of the repository's files.
        summary = getattr(info, "gguf", None)
        total = summary.get("total") if isinstance(summary, dict) else None
        quantization = SavedQuantization(method=gguf_files.METHOD, bits=None)
    else:
        total = getattr(getattr(info, "safetensors", None), "total", None)
    parameters = total if isinstance(total, int) and total > 0 and (repository.file or quantization is None) else None
    problem = None
    if info.gated:
        try:
            with hub.in_one_line(repository.where):
                huggingface_hub.HfApi().auth_check(repository.name, repo_type=repository.kind)
        except UserError as error:
            problem = str(error)
    if parameters is not None and parameters > listings.MOST_BYTES:
        parameters = None  # no hub has such a model
    return Listing(sizes, bool(info.gated), parameters, quantization, problem)


def _quantization(config: Any) -> SavedQuantization | None:
    """The quantization that the hub's summary of a config.json names."""
    with suppress(UserError):
        return model_configs.saved_quantization("", config) if isinstance(config, dict) else None
    return None

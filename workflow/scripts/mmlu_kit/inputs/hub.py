"""The Hugging Face hub: repositories are fetched at a pinned commit into the hub's own cache, which keeps finished files.

If a token is needed, huggingface_hub finds it itself: from HF_TOKEN or `hf auth login`.
"""

import fnmatch
import glob
import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import huggingface_hub
from huggingface_hub import _tree_cache, constants, errors
from huggingface_hub.file_download import repo_folder_name

from mmlu_kit.inputs import (
    adapters,
    gguf_files,
    hub_client,
    listings,
    model_configs,
    model_folders,
    regular_files,
    weight_files,
)
from mmlu_kit.inputs.listings import Listed
from mmlu_kit.user_errors import UserError

_LOGIN = "what answered is not the hub, but perhaps a network's login page: log in there, or correct HF_ENDPOINT"
_AGAIN = "finished files are kept; run again"


def fetch_model(repository: str, commit: str) -> Path:
    """Fetch what is read of a model, and nothing else, and return its folder.

    The repository's list of files and its configuration decide which files are the weights. A model that could not be used
    raises UserError before its weights are fetched.
    """
    where = f"model {repository} at {commit[:12]}"
    hub_client.check(where)
    listed, failure = _list(repository, commit)
    names: Collection[str] = listed
    if failure is not None:
        names = _cached_names(repository, commit, failure)
    with _from_incomplete_list(where, failure):
        model_folders.check_names(where, names)
    folder = _fetch(repository, commit, "model", model_folders.described(names), listed)
    config = model_folders.check_description(folder)
    with _from_incomplete_list(where, failure):
        weights = weight_files.choose(
            where,
            [name for name in names if "/" not in name],
            config,
            names.__contains__,
            lambda name: regular_files.read_json(_fetch(repository, commit, "model", [name], listed) / name),
        )
    return _fetch(repository, commit, "model", weights, listed)


def fetch_adapter(repository: str, commit: str) -> Path:
    """Fetch the two files that are read of an adapter and return its folder; one that cannot be used raises UserError."""
    where = f"model {repository} at {commit[:12]}"
    hub_client.check(where)
    listed, failure = _list(repository, commit)
    names = listed if failure is None else _cached_names(repository, commit, failure, adapters.CONFIG)
    with _from_incomplete_list(where, failure):
        adapters.check_names(where, names)
    folder = _fetch(repository, commit, "model", [adapters.CONFIG], listed)
    adapters.check_config(where, model_configs.read_object(folder / adapters.CONFIG))
    return _fetch(repository, commit, "model", adapters.FILES, listed)


def fetch_gguf(repository: str, commit: str, name: str) -> Path:
    """Fetch one GGUF file of a repository, and nothing else, and return its path; raises UserError if it is not there."""
    where = f"model {repository} at {commit[:12]}"
    hub_client.check(where)
    gguf_files.check_name(where, name)
    listed, failure = _list(repository, commit)
    names = listed if failure is None else _cached_names(repository, commit, failure, name)
    with _from_incomplete_list(where, failure):
        gguf_files.check_listed(where, names, name)
    return _fetch(repository, commit, "model", [name], listed) / name


def fetch_questions(repository: str, commit: str, patterns: Mapping[str, str]) -> list[list[Path]]:
    """Fetch the files of a data set that match some patterns, by what they hold, and return the sorted paths of each.

    Files in the cache are not fetched again. A failure, a wrong hash, or a pattern that no file matches raises UserError.
    """
    where = f"dataset {repository} at {commit[:12]}"
    hub_client.check(where)
    listed = kept_list(repository, commit, "dataset")
    if listed is None or not all(fnmatch.filter(listed, pattern) for pattern in patterns.values()):
        listed, failure = _list(repository, commit, "dataset")
        if failure is not None:  # what is in the cache is enough if nothing is missing there
            folder = _download(repository, commit, list(patterns.values()), "dataset")
            cached = [path for path in folder.rglob("*") if path.is_file()]
            paths = _matching(folder, cached, patterns.values())
            if not all(paths):
                raise _not_in_cache(where)
            listings.check_hashes(folder, cached, where, {})
            return paths
    for content, pattern in patterns.items():
        if not fnmatch.filter(listed, pattern):
            raise UserError(f"{where} has no {content}: no file is named {pattern}")
    names = {name for pattern in patterns.values() for name in fnmatch.filter(listed, pattern)}
    folder = _fetch(repository, commit, "dataset", sorted(names), listed)
    return _matching(folder, [folder / name for name in names], patterns.values())


def _matching(folder: Path, paths: Iterable[Path], patterns: Iterable[str]) -> list[list[Path]]:
    """The sorted paths in a folder that match each pattern."""
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return [[names[name] for name in sorted(fnmatch.filter(names, pattern))] for pattern in patterns]


def _list(repository: str, commit: str, kind: str = "model") -> tuple[dict[str, Listed], Exception | None]:
    """The files of a repository by the hub's list or, if the hub cannot be reached, by the list in the cache.

    Without either, the list is empty and the hub's failure is returned.
    """
    where = f"{kind} {repository} at {commit[:12]}"
    failure: Exception
    try:
        api = huggingface_hub.HfApi()
        with understood(where):
            listed = listings.sent(where, api.list_repo_tree(repository, revision=commit, recursive=True, repo_type=kind))
        # The client fetches by its list in the cache.
        entries = {name: file.entry() for name, file in listed.items()}
        _tree_cache.write_tree_cache(str(_cache_folder(repository, kind)), commit, entries)
        return listed, None
    except (errors.HFValidationError, json.JSONDecodeError, httpx2.HTTPError, OSError) as error:
        failure = error
    kept = kept_list(repository, commit, kind)
    return (kept, None) if kept is not None else ({}, failure)


def kept_list(repository: str, commit: str, kind: str) -> dict[str, Listed] | None:
    """The files of a repository by the list in the cache, None if there is no good one."""
    with suppress(UserError, AttributeError, TypeError, errors.HFValidationError):
        entries = _tree_cache.read_tree_cache(str(_cache_folder(repository, kind)), commit)
        return None if entries is None else listings.kept("", entries)
    return None


def _cache_folder(repository: str, kind: str) -> Path:
    return Path(constants.HF_HUB_CACHE).expanduser().resolve() / repo_folder_name(repo_id=repository, repo_type=kind)


def _cached_names(repository: str, commit: str, failure: Exception, first: str = "config.json") -> Collection[str]:
    """The names of a model's files in the cache, some of which may be missing; raises UserError with the reason if none are."""
    # The client looks in its cache and, if the model is not there, names the reason. It need not try to connect once more.
    offline = isinstance(failure, httpx2.ConnectError | httpx2.ConnectTimeout)
    folder = _download(repository, commit, [glob.escape(first)], "model", offline)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@contextmanager
def understood(where: str) -> Iterator[None]:
    """Raise UserError for an answer that is no list of files, and for one that the client refuses."""
    try:
        yield
    except hub_client.BadAnswer as error:
        raise UserError(f"{where}: {error}") from error
    except (errors.HFValidationError, json.JSONDecodeError):
        raise
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError, AssertionError) as error:
        raise UserError(f"{where}: the hub's answer is not understood ({type(error).__name__}): {_LOGIN}") from error


@contextmanager
def _from_incomplete_list(where: str, failure: Exception | None) -> Iterator[None]:
    """Name the failure of the hub instead of a file that may be missing only in the cache."""
    try:
        yield
    except UserError:
        if failure is None:
            raise
        with in_one_line(where):
            raise failure from None


def _fetch(repository: str, commit: str, kind: str, names: Collection[str], listed: Mapping[str, Listed]) -> Path:
    """Fetch files of a repository by name, check them and return its folder."""
    where = f"{kind} {repository} at {commit[:12]}"
    listings.check_apart(where, names)
    sizes = {name: listed[name].size for name in names if name in listed}
    cached = _cache_folder(repository, kind) / "snapshots" / commit
    _check_space(where, sum(size for name, size in sizes.items() if not (cached / name).exists()))
    hub_client.expect(max(sizes.values(), default=0))
    folder = _download(repository, commit, [glob.escape(name) for name in names], kind)
    listings.check_hashes(folder, [folder / name for name in names], where, listed)
    return folder


def _check_space(where: str, missing: int) -> None:
    """Raise UserError if files of `missing` bytes do not fit on the disk of the cache."""
    folder = Path(constants.HF_HUB_CACHE).expanduser().resolve()
    free = shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
    if missing > free:
        needed = f"{missing / 1e9:,.1f} GB are to be fetched, and the disk of {folder} has {free / 1e9:,.1f} GB free"
        raise UserError(f"{where}: {needed}: free some space, or set HF_HUB_CACHE to a folder on another disk")


def _download(repository: str, commit: str, patterns: list[str], kind: str, offline: bool = False) -> Path:
    """Fetch files without checking their hashes; with `offline` only those in the cache."""
    where = f"{kind} {repository} at {commit[:12]}"
    try:
        with in_one_line(where), understood(where):
            folder = huggingface_hub.snapshot_download(
                repository, repo_type=kind, revision=commit, allow_patterns=patterns, local_files_only=offline
            )
            return Path(folder)
    except errors.HFValidationError as error:
        raise UserError(f"{where}: '{repository}' is not the name of a repository, owner/name: correct it") from error


@contextmanager
def in_one_line(where: str, again: str = _AGAIN) -> Iterator[None]:
    """Raise UserError, with what to do, for each failure of the hub's client; `again` says how to try once more."""
    try:
        yield
    except errors.GatedRepoError as error:
        advice = "accept its licence on its page on the hub, then run `hf auth login` or set HF_TOKEN"
        raise UserError(f"{where} is gated: {advice} ({_status(error)})") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{where}: the hub has no such commit, branch or tag: correct it") from error
    except errors.RepositoryNotFoundError as error:
        private = "or it is private and needs `hf auth login` or HF_TOKEN"
        raise UserError(f"{where}: the hub has no such repository, {private} ({_status(error)})") from error
    except errors.HfHubHTTPError as error:
        raise UserError(f"{where}: {_answer(error, again)}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        # When the hub fails, the client looks in its cache, and a miss there hides the hub's answer.
        if isinstance(error.__cause__, errors.HfHubHTTPError):
            raise UserError(f"{where}: {_answer(error.__cause__, again)}") from error
        if isinstance(error.__cause__, errors.FileMetadataError):
            raise UserError(f"{where}: {_LOGIN}") from error
        raise _not_in_cache(where) from error
    except (httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        raise UserError(f"{where}: the connection broke ({type(error).__name__}); {again}") from error
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: {_LOGIN}") from error
    except OSError as error:
        if error.errno is not None:  # an error of the disk, which names its file
            raise
        raise UserError(f"{where}: a file arrived incomplete; {again}") from error


def _not_in_cache(where: str) -> UserError:
    advice = "unset HF_HUB_OFFLINE, which forbids it" if constants.HF_HUB_OFFLINE else "connect to the network"
    return UserError(f"{where} is not complete in the cache and the hub cannot be reached: {advice}; {_AGAIN}")


def _answer(error: errors.HfHubHTTPError, again: str) -> str:
    """What an answer of the hub means, and what to do."""
    status = _status(error)
    refused = {
        "HTTP 401": "the hub does not accept the token: log in again with `hf auth login`, or correct HF_TOKEN",
        "HTTP 403": "the hub gives no access: use a token (`hf auth login` or HF_TOKEN) that may read this repository",
    }
    return f"{refused[status]} ({status})" if status in refused else f"the hub answered {status}; {again}"


def _status(error: errors.HfHubHTTPError) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__

"""The Hugging Face hub: repositories are fetched at a pinned commit into the hub's own cache, which keeps finished files.

If a token is needed, huggingface_hub finds it itself: from HF_TOKEN or `hf auth login`.
"""

import glob
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import huggingface_hub
from huggingface_hub import constants, errors
from huggingface_hub.utils import sha

from mmlu_kit.inputs import checkpoints, regular_files, weight_files
from mmlu_kit.settings import Split
from mmlu_kit.user_errors import UserError, one_line

# What the client reads when it starts; proxies are named in upper or lower case.
_PROXIES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
_AGAIN = "finished files are kept; run again"


def fetch_model(repository: str, commit: str) -> Path:
    """Fetch what is read of a model, and nothing else, and return its folder.

    The repository's list of files and its configuration decide which files are the weights. A model that could not be used
    raises UserError before its weights are fetched.
    """
    where = f"model {repository} at {commit[:12]}"
    check_client(where)
    names, failure = _names(repository, commit)
    with _from_incomplete_list(where, failure):
        checkpoints.check_names(where, names)
    folder = _fetch_files(repository, commit, checkpoints.described(names))
    config = checkpoints.check_description(folder)
    with _from_incomplete_list(where, failure):
        weights = weight_files.choose(
            where,
            [name for name in names if "/" not in name],
            config,
            names.__contains__,
            lambda name: regular_files.read_json(_fetch_files(repository, commit, [name]) / name),
        )
    return _fetch_files(repository, commit, weights)


def tables(subject: str, split: Split) -> str:
    """The pattern of the names of a subject's tables of one split, in the layout of cais/mmlu."""
    return f"{subject}/{split}-*.parquet"


def fetch_questions(repository: str, commit: str, patterns: list[str]) -> Path:
    """Fetch the files of a data set that match `patterns` and return their folder.

    Files in the cache are not fetched again. A failure or a wrong hash raises UserError.
    """
    where = f"dataset {repository} at {commit[:12]}"
    check_client(where)
    folder = _download(repository, commit, patterns, "dataset")
    # Without the hub and without its list of files, the client returns what is in the cache.
    if not all(any(folder.glob(pattern)) for pattern in patterns) and _listed(repository, commit, "dataset") is None:
        raise _not_in_cache(where)
    _check_hashes(folder, folder.rglob("*"), where)
    return folder


def check_client(where: str) -> None:
    """Raise UserError if variables of the environment keep the hub's client from sending anything."""
    if constants.HF_HUB_OFFLINE:
        return
    try:
        endpoint = httpx2.URL(constants.ENDPOINT)
        if endpoint.scheme not in ("http", "https") or not endpoint.host:
            raise UserError(f"{where}: HF_ENDPOINT={constants.ENDPOINT!r} is no address of a hub: correct or unset it")
        huggingface_hub.get_session()
    except (httpx2.InvalidURL, ValueError, OSError) as error:
        variables = _CERTIFICATES if isinstance(error, OSError) else _PROXIES
        names = [name for name in os.environ if name.upper() in variables]
        advice = f"correct or unset {' or '.join(names or variables)}"
        raise UserError(f"{where}: the hub's client cannot start ({one_line(error)}): {advice}") from error


def _names(repository: str, commit: str) -> tuple[Collection[str], Exception | None]:
    """The names of the files in a model's repository.

    If the hub cannot be reached, the names come from the list of files in the cache. Without that list they are those of the
    cached files, some of which may be missing; then the hub's failure is returned too.
    """
    try:
        tree = huggingface_hub.HfApi().list_repo_tree(repository, revision=commit, recursive=True)
        return {entry.path for entry in tree if isinstance(entry, huggingface_hub.hf_api.RepoFile)}, None
    except (errors.HFValidationError, json.JSONDecodeError, httpx2.HTTPError, OSError) as error:
        failure = error
    names = _listed(repository, commit, "model")
    if names is not None:
        return names, None
    # The client looks in its cache and, if the model is not there, names the reason. It need not try to connect once more.
    offline = isinstance(failure, httpx2.ConnectError | httpx2.ConnectTimeout)
    folder = _download(repository, commit, ["config.json"], "model", offline)
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}, failure


def _listed(repository: str, commit: str, kind: str) -> Collection[str] | None:
    """The names of the files in a repository by the list in the cache, None if it is not there."""
    with suppress(errors.HFValidationError, errors.CachedRepoTreeNotFoundError):
        return {entry.path for entry in huggingface_hub.get_cached_repo_tree(repository, repo_type=kind, revision=commit)}
    return None


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


def _fetch_files(repository: str, commit: str, names: Collection[str]) -> Path:
    """Fetch files of a model by name and return the model's folder."""
    folder = _download(repository, commit, [glob.escape(name) for name in names], "model")
    _check_hashes(folder, [folder / name for name in names], f"model {repository} at {commit[:12]}")
    return folder


def _check_hashes(folder: Path, paths: Iterable[Path], where: str) -> None:
    """Raise UserError if a cached file does not have the hash that the hub announced."""
    for path in sorted(paths):
        if path.is_file() and not _hash_matches(path):
            # The client takes every existing file for complete, so remove this one.
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            name = path.relative_to(folder).as_posix()
            raise UserError(f"{where}: {name} does not have the hash that the hub announced: run again")


def _hash_matches(path: Path) -> bool:
    """Whether a cached file has the hash that the hub announced, which is its name in the cache.

    The client compares only sizes. Large files are named by their SHA-256, others by git's SHA-1. A file system without
    symbolic links has no such names, so there is nothing to compare.
    """
    expected = path.resolve().name
    if re.fullmatch("[0-9a-f]{64}", expected):
        return checkpoints.digest(path) == expected
    if re.fullmatch("[0-9a-f]{40}", expected):
        return sha.git_hash(path.read_bytes()) == expected
    return True


def _download(repository: str, commit: str, patterns: list[str], kind: str, offline: bool = False) -> Path:
    """Fetch files without checking their hashes; with `offline` only those in the cache."""
    where = f"{kind} {repository} at {commit[:12]}"
    try:
        with in_one_line(where):
            folder = huggingface_hub.snapshot_download(
                repository, repo_type=kind, revision=commit, allow_patterns=patterns, local_files_only=offline
            )
            return Path(folder)
    except errors.HFValidationError as error:
        raise UserError(f"{where}: '{repository}' is not the name of a repository, owner/name: correct it") from error


@contextmanager
def in_one_line(where: str) -> Iterator[None]:
    """Raise UserError, with what to do, for each failure of the hub's client."""
    try:
        yield
    except errors.GatedRepoError as error:
        advice = "accept its licence on its page on the hub, then run `hf auth login` or set HF_TOKEN"
        raise UserError(f"{where} is gated: {advice} ({_status(error)})") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{where}: the hub has no such commit; correct it in config.yaml") from error
    except errors.RepositoryNotFoundError as error:
        private = "or it is private and needs `hf auth login` or HF_TOKEN"
        raise UserError(f"{where}: the hub has no such repository, {private} ({_status(error)})") from error
    except errors.HfHubHTTPError as error:
        raise UserError(f"{where}: {_answer(error)}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        # When the hub fails, the client looks in its cache, and a miss there hides the hub's answer.
        if isinstance(error.__cause__, errors.HfHubHTTPError):
            raise UserError(f"{where}: {_answer(error.__cause__)}") from error
        raise _not_in_cache(where) from error
    except (httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        raise UserError(f"{where}: the connection broke ({type(error).__name__}); {_AGAIN}") from error
    except json.JSONDecodeError as error:
        advice = "log in there, or correct HF_ENDPOINT"
        raise UserError(f"{where}: what answered is not the hub, but perhaps a network's login page: {advice}") from error
    except OSError as error:
        if error.errno is not None:  # an error of the disk, which names its file
            raise
        raise UserError(f"{where}: a file arrived incomplete; {_AGAIN}") from error


def _not_in_cache(where: str) -> UserError:
    advice = "unset HF_HUB_OFFLINE, which forbids it" if constants.HF_HUB_OFFLINE else "connect to the network"
    return UserError(f"{where} is not complete in the cache and the hub cannot be reached: {advice}; {_AGAIN}")


def _answer(error: errors.HfHubHTTPError) -> str:
    """What an answer of the hub means, and what to do."""
    status = _status(error)
    refused = {
        "HTTP 401": "the hub does not accept the token: log in again with `hf auth login`, or correct HF_TOKEN",
        "HTTP 403": "the hub gives no access: use a token (`hf auth login` or HF_TOKEN) that may read this repository",
    }
    return f"{refused[status]} ({status})" if status in refused else f"the hub answered {status}; {_AGAIN}"


def _status(error: errors.HfHubHTTPError) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__

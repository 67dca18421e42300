"""The Hugging Face hub: repositories are fetched at a pinned commit into the hub's own cache, which keeps finished files.

If a token is needed, huggingface_hub finds it itself: from HF_TOKEN or `hf auth login`.
"""

import re
from pathlib import Path

import httpx2
import huggingface_hub
from huggingface_hub import errors
from huggingface_hub.utils import sha

from mmlu_kit.inputs import checkpoints
from mmlu_kit.user_errors import UserError


def fetch(repository: str, commit: str, patterns: list[str], kind: str) -> Path:
    """Fetch the files of `repository` at `commit` that match `patterns` and return their folder.

    `kind` is 'model' or 'dataset'. Files in the cache are not fetched again. A failure or a wrong hash raises UserError.
    """
    folder = _download(repository, commit, patterns, kind)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _hash_matches(path):
            # The client takes every existing file for complete, so remove this one.
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            name = path.relative_to(folder).as_posix()
            raise UserError(
                f"{kind} {repository} at {commit[:12]}: {name} does not have the hash that the hub announced: run again"
            )
    return folder


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


def _download(repository: str, commit: str, patterns: list[str], kind: str) -> Path:
    """`fetch` without the check of hashes."""
    where = f"{kind} {repository} at {commit[:12]}"
    again = "finished files are kept; run again"
    try:
        return Path(huggingface_hub.snapshot_download(repository, repo_type=kind, revision=commit, allow_patterns=patterns))
    except errors.GatedRepoError as error:
        advice = "accept its licence on its page on the hub, then run `hf auth login` or set HF_TOKEN"
        raise UserError(f"{where} is gated: {advice} ({_status(error)})") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{where}: the hub has no such commit; correct it in config.yaml") from error
    except errors.RepositoryNotFoundError as error:
        private = "or it is private and needs `hf auth login` or HF_TOKEN"
        raise UserError(f"{where}: the hub has no such repository, {private} ({_status(error)})") from error
    except errors.HfHubHTTPError as error:
        raise UserError(f"{where}: the hub answered {_status(error)}; {again}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        # When the hub fails, the client looks in its cache, and a miss there hides the hub's answer.
        if isinstance(error.__cause__, errors.HfHubHTTPError):
            raise UserError(f"{where}: the hub answered {_status(error.__cause__)}; {again}") from error
        raise UserError(
            f"{where} is not in the cache and the hub cannot be reached: connect to the network; {again}"
        ) from error
    except (httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        raise UserError(f"{where}: the connection broke ({type(error).__name__}); {again}") from error
    except OSError as error:
        if error.errno is not None:  # an error of the disk, which names its file
            raise
        raise UserError(f"{where}: a file arrived incomplete; {again}") from error


def _status(error: errors.HfHubHTTPError) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__

"""The Hugging Face hub: repositories fetched at a pinned commit into the hub's own cache, which keeps finished files.

The token, where one is needed, is found by huggingface_hub itself: HF_TOKEN or `hf auth login`.
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
    """The local folder with the files of `repository` at `commit` that match `patterns`; `kind` is 'model' or 'dataset'.

    Files in the cache are not fetched again. A failure, or a file with a wrong hash, raises UserError.
    """
    folder = _download(repository, commit, patterns, kind)
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not _as_announced(path):
            # Removed, as the client takes every file that is there for whole.
            path.resolve().unlink()
            path.unlink(missing_ok=True)
            name = path.relative_to(folder).as_posix()
            raise UserError(
                f"{kind} {repository} at {commit[:12]}: {name} does not have the hash that the hub announced: run again"
            )
    return folder


def _as_announced(path: Path) -> bool:
    """Whether a file of the cache has the hash under which the cache keeps it, which is the one that the hub announced.

    The client itself compares sizes only. Large files are named by their SHA-256, others by git's SHA-1; on a file system
    without links there is no such name, and nothing to compare.
    """
    announced = path.resolve().name
    if re.fullmatch("[0-9a-f]{64}", announced):
        return checkpoints.digest(path) == announced
    if re.fullmatch("[0-9a-f]{40}", announced):
        return sha.git_hash(path.read_bytes()) == announced
    return True


def _download(repository: str, commit: str, patterns: list[str], kind: str) -> Path:
    """`fetch` without the check of hashes."""
    where = f"{kind} {repository} at {commit[:12]}"
    again = "what was fetched is kept; run again"
    try:
        return Path(huggingface_hub.snapshot_download(repository, repo_type=kind, revision=commit, allow_patterns=patterns))
    except errors.GatedRepoError as error:
        todo = "accept its licence at its page on the hub, then `hf auth login` or set HF_TOKEN"
        raise UserError(f"{where} is gated: {todo} ({_status(error)})") from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{where}: the hub has no such commit; correct it in config.yaml") from error
    except errors.RepositoryNotFoundError as error:
        private = "or it is private and needs `hf auth login` or HF_TOKEN"
        raise UserError(f"{where}: the hub has no such repository, {private} ({_status(error)})") from error
    except errors.HfHubHTTPError as error:
        raise UserError(f"{where}: the hub answered {_status(error)}; {again}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        # The client looks into its cache when the hub fails, and what it does not find there hides the hub's answer.
        if isinstance(error.__cause__, errors.HfHubHTTPError):
            raise UserError(f"{where}: the hub answered {_status(error.__cause__)}; {again}") from error
        raise UserError(
            f"{where} is not in the cache and the hub cannot be reached: connect to the network; {again}"
        ) from error
    except (httpx2.HTTPError, ConnectionError, TimeoutError) as error:
        raise UserError(f"{where}: the connection broke ({type(error).__name__}); {again}") from error
    except OSError as error:
        if error.errno is not None:  # the disk's own error, which names its file
            raise
        raise UserError(f"{where}: a file did not arrive whole; {again}") from error


def _status(error: errors.HfHubHTTPError) -> str:
    response = getattr(error, "response", None)
    return f"HTTP {response.status_code}" if response is not None else type(error).__name__

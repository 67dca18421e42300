"""Saved chats: JSON that is checked against its schema before anything of it is used. Never pickle: loading one runs code."""

import io
import json
import pickletools
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from mmlu_kit import files
from mmlu_kit.chat import views
from mmlu_kit.user_errors import UserError

SCHEMA = "mmlu-kit/chat/1"
SCHEMA_FILE = Path(__file__).parents[3] / "schemas" / "conversation.schema.yaml"
# Far more than any model's context, and little enough to be read whole.
MOST_BYTES = 16 * 2**20


def model_identity(name: str, manifest: dict) -> dict:
    """Which model a chat was had with: `name, repository, commit, files_sha256`, from its manifest."""
    digest = files.sha256(json.dumps(manifest["files"], sort_keys=True))
    return {"name": name, "repository": manifest["repository"], "commit": manifest["commit"], "files_sha256": digest}


def template_digest(tokenizer: Any) -> str:
    """The SHA-256 of a tokenizer's chat template, of all of them where it has several by name."""
    template = tokenizer.chat_template
    return files.sha256(template if isinstance(template, str) else json.dumps(template, sort_keys=True))


def save(path: Path, messages: Sequence[views.Message], strategy: views.Strategy, model: dict, template_sha256: str) -> None:
    """Write a chat to `path`, whole or not at all; `model` is as `model_identity` gives it.

    Where another kind of file stands there, that is a UserError, and the file stays.
    """
    path = Path(path)
    if path.exists():
        try:
            load(path)
        except UserError:
            raise UserError(f"{path} is there already and is no saved chat: choose another name") from None
    files.write_json(
        path,
        {
            "schema": SCHEMA,
            "saved": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "model": model,
            "template_sha256": template_sha256,
            "strategy": str(strategy),
            "messages": list(messages),
        },
    )


def load(path: Path) -> dict:
    """The chat that `save` wrote to `path`, as conversation.schema.yaml describes it; anything else is a UserError."""
    path = Path(path)
    data = _read(path)
    if looks_like_pickle(data):
        raise UserError(
            f"{path} is a pickle, whatever its name: it is never loaded, as loading a pickle runs the code in it; "
            "saved chats are JSON, made with /save"
        )
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # no UTF-8, no JSON, a number of a million digits, a thousand brackets
        raise UserError(f"{path} is not a saved chat, or a damaged one (no valid JSON): choose another file") from None
    if not isinstance(found, dict) or not str(found.get("schema")).startswith("mmlu-kit/chat/"):
        raise UserError(f"{path} is not a saved chat: its schema is not {SCHEMA}")
    if found["schema"] != SCHEMA:
        raise UserError(
            f"{path} was saved by another version of the kit ({str(found['schema'])[:40]!r}; this one reads {SCHEMA})"
        )
    error = jsonschema.exceptions.best_match(_validator().iter_errors(found))
    if error:
        where = ".".join(str(part) for part in error.absolute_path) or "its keys"
        raise UserError(f"{path} is a damaged chat: {where}: {error.message[:200]}")
    try:
        views.split(found["messages"])
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except ValueError as error:  # roles out of order, or half of a character
        raise UserError(f"{path} is a damaged chat: {error}") from None
    return found


def looks_like_pickle(data: bytes) -> bool:
    """Whether bytes begin as a pickle of any protocol does, or as the zip archive in which torch.save keeps one.

    Python's disassembler lists its operations and runs none of them. The first two protocols have no mark of their own:
    bytes are taken for one if they are operations to the end, or begin with some that could follow each other.
    """
    if data.startswith((b"PK\x03\x04", *(b"\x80" + bytes([protocol]) for protocol in range(2, 6)))):
        return True
    listing = io.StringIO()
    try:
        pickletools.dis(data[:65536], out=listing)
    except ValueError:
        return listing.getvalue().count("\n") >= 3
    return True


def _read(path: Path) -> bytes:
    """The bytes of a file of a reasonable size."""
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):
            raise UserError(f"{path} is not a file")
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): correct the path") from None
    if len(data) > MOST_BYTES:
        raise UserError(f"{path} is larger than any chat ({MOST_BYTES:,} bytes at most): it is not loaded")
    return data


def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(yaml.safe_load(SCHEMA_FILE.read_text(encoding="utf-8")))

"""Saved chats: JSON that is checked before anything of it is used. Never pickle: loading one runs code."""

import io
import json
import pickletools
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError

from mmlu_kit import files
from mmlu_kit.chat import views
from mmlu_kit.chat.views import Message, Strategy
from mmlu_kit.data import Data, Document, Sha256, version
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain

# Far more than any model's context, and little enough to be read whole.
MOST_BYTES = 16 * 2**20


def _ordered(messages: list[Message]) -> list[Message]:
    views.split(messages)
    for number, message in enumerate(messages):
        if "ended" in message and message["role"] != "assistant":
            raise ValueError(f"message {number} is not a reply, so it has no 'ended'")
    return messages


class ModelIdentity(Data):
    """Which model a chat was had with."""

    name: str = Field(description="The model's name in config, or its folder's.")
    repository: str | None = Field(description="Where it came from on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    files_sha256: Sha256 = Field(description="One hash over the sizes and hashes of all files of the model.")


class SavedChat(Document):
    """What chat.py writes with /save, and all that it takes with /load. It is data only; nothing in it is ever run."""

    schema_: Literal["mmlu-kit/chat/1"] = version("mmlu-kit/chat/1")
    saved: Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")] = Field(
        description="When it was saved, UTC."
    )
    model: ModelIdentity
    template_sha256: Sha256 = Field(description="The hash of the model's chat template.")
    strategy: Annotated[str, Field(pattern=r"^(none|full|last_turns\([0-9]{1,9}\)|token_budget\([1-9][0-9]{0,8}\))$")] = Field(
        description="How much of the chat the model is shown."
    )
    messages: Annotated[list[Message], AfterValidator(_ordered)] = Field(
        description="The whole log, oldest first. Only the first may be the system's, and the user speaks first."
    )


def model_identity(name: str, manifest: Manifest) -> ModelIdentity:
    """The identity of a manifest's model."""
    entries = {file: entry.plain() for file, entry in manifest.files.items()}
    return ModelIdentity(
        name=name,
        repository=manifest.repository,
        commit=manifest.commit,
        files_sha256=files.sha256(json.dumps(entries, sort_keys=True)),
    )


def template_hash(tokenizer: Any) -> str:
    """The hash of a tokenizer's chat template, of all of them where it has several by name."""
    template = tokenizer.chat_template
    return files.sha256(template if isinstance(template, str) else json.dumps(template, sort_keys=True))


def save(path: Path, messages: Sequence[Message], strategy: Strategy, model: ModelIdentity, template_sha256: str) -> None:
    """Write a chat to `path`, whole or not at all; any other kind of file there raises UserError and stays."""
    path = Path(path)
    if path.exists():
        try:
            load(path)
        except UserError:
            raise UserError(f"{path} is there already and is no saved chat: choose another name") from None
    SavedChat(
        saved=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        model=model,
        template_sha256=template_sha256,
        strategy=str(strategy),
        messages=list(messages),
    ).write(path)


def load(path: Path) -> SavedChat:
    """The chat that `save` wrote to `path`; any other file raises UserError."""
    path = Path(path)
    data = _read(path)
    if looks_like_pickle(data):
        raise UserError(
            f"{path} is a pickle, whatever its name: it is never loaded, as loading a pickle runs the code in it; "
            "saved chats are JSON, made with /save"
        )
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # no UTF-8, no JSON, a number of a million digits, a thousand brackets
        raise UserError(f"{path} is not a saved chat, or a damaged one (no valid JSON): choose another file") from None
    schema = str(value.get("schema")) if isinstance(value, dict) else ""
    if not schema.startswith("mmlu-kit/chat/"):
        raise UserError(f"{path} is not a saved chat: its schema is not {SavedChat.form()}")
    if schema != SavedChat.form():
        raise UserError(f"{path} was saved by another version of the kit ({schema[:40]!r}; this one reads {SavedChat.form()})")
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # JSON can hold half of a character, which nothing can show
        return SavedChat.model_validate(value, strict=True)
    except ValidationError as error:
        problem = explain(error, value)
    except UnicodeEncodeError as error:
        problem = str(error)
    raise UserError(f"{path} is a damaged chat: {problem}")


def looks_like_pickle(data: bytes) -> bool:
    """Whether bytes begin as a pickle of any protocol does, or as the zip archive in which torch.save keeps one.

    Python's disassembler lists its operations and runs none of them. The first two protocols have no mark of their own:
    bytes count as one if they are operations to the end, or begin with several that could follow each other.
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
    """The bytes of a regular file of at most MOST_BYTES."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path} is not a file")
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): correct the path") from None
    if len(data) > MOST_BYTES:
        raise UserError(f"{path} is larger than any chat ({MOST_BYTES:,} bytes at most): it is not loaded")
    return data

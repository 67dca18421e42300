"""Saved chats: JSON that is checked before it is used. Pickles are never loaded, since loading one can run code."""

import io
import json
import pickletools
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field, ValidationError

from mmlu_kit import files
from mmlu_kit.chat import views
from mmlu_kit.chat.views import Message, Strategy
from mmlu_kit.data import Data, Document, Sha256, version
from mmlu_kit.evaluation import prompts
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain

# Far more than any model's context, and small enough to read at once.
MAX_BYTES = 16 * 2**20


def _ordered(messages: list[Message]) -> list[Message]:
    views.split(messages)
    for number, message in enumerate(messages):
        for key in ("ended", "sampling", "system"):
            if key in message and message["role"] != "assistant":
                raise ValueError(f"message {number} is not a reply, so it cannot have '{key}'")
    return messages


class ModelIdentity(Data):
    """The model of a chat."""

    name: str = Field(description="The model's name in config, or its folder's name.")
    repository: str | None = Field(description="The model's repository on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    files_sha256: Sha256 = Field(description="One hash over the sizes and hashes of all files of the model.")


class SavedChat(Document):
    """A chat as written by /save and read by /load. It is only data; nothing in it is ever run.

    Version 1 is read too: all its replies are greedy, under one system message.
    """

    schema_: Literal["mmlu-kit/chat/1", "mmlu-kit/chat/2"] = version("mmlu-kit/chat/2")
    saved: Annotated[str, Field(pattern="^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")] = Field(
        description="When it was saved, UTC."
    )
    model: ModelIdentity
    template_sha256: Sha256 = Field(description="The hash of the model's chat template, and of its arguments if any.")
    strategy: Annotated[str, Field(pattern=r"^(none|full|last_turns\([0-9]{1,9}\)|token_budget\([1-9][0-9]{0,8}\))$")] = Field(
        description="How much of the chat the model sees."
    )
    messages: Annotated[list[Message], AfterValidator(_ordered)] = Field(
        description="The whole log, oldest message first. Only the first may be a system message; then the user begins."
    )


_READABLE = get_args(SavedChat.model_fields["schema_"].annotation)


def model_identity(name: str, manifest: Manifest) -> ModelIdentity:
    """Identify a manifest's model."""
    entries = {file: entry.plain() for file, entry in manifest.entries.items()}
    return ModelIdentity(
        name=name,
        repository=manifest.repository,
        commit=manifest.commit,
        files_sha256=files.sha256(json.dumps(entries, sort_keys=True)),
    )


def template_hash(template: ChatTemplate) -> str:
    """The hash of a chat template's text; with template arguments, of the JSON list of both, keys sorted."""
    return prompts.prompt_sha256(template.text, template.arguments)


def save(path: Path, messages: Sequence[Message], strategy: Strategy, model: ModelIdentity, template_sha256: str) -> None:
    """Write a chat to `path` atomically; an existing file that is not a saved chat raises UserError and is kept."""
    path = Path(path)
    if path.exists():
        try:
            load(path)
        except UserError:
            raise UserError(f"{path} already exists and is not a saved chat: choose another name") from None
    SavedChat(
        saved=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        model=model,
        template_sha256=template_sha256,
        strategy=str(strategy),
        messages=list(messages),
    ).write(path)


def load(path: Path) -> SavedChat:
    """Read the chat that `save` wrote to `path`; any other file raises UserError."""
    path = Path(path)
    data = files.read_bytes(path, MAX_BYTES)
    if looks_like_pickle(data):
        raise UserError(
            f"{path} is a pickle and is not loaded, since loading a pickle can run code: "
            "choose a chat that was saved with /save, which writes JSON"
        )
    try:
        value = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError):  # not UTF-8, not JSON, a number of a million digits, a thousand brackets
        raise UserError(f"{path} is not a saved chat, or is damaged (not valid JSON): choose another file") from None
    schema = str(value.get("schema")) if isinstance(value, dict) else ""
    if not schema.startswith("mmlu-kit/chat/"):
        raise UserError(f"{path} is not a saved chat: its schema is not {SavedChat.form()}")
    if schema not in _READABLE:
        versions = f"{schema[:40]!r}; this one reads {' and '.join(_READABLE)}"
        raise UserError(f"{path} was saved by another version of the kit ({versions}): choose another file")
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # JSON can hold lone surrogates, which cannot be printed
        return SavedChat.model_validate(value, strict=True)
    except ValidationError as error:
        problem = explain(error, value)
    except UnicodeEncodeError as error:
        problem = str(error)
    raise UserError(f"{path} is a damaged chat: {problem}: choose another file")


def looks_like_pickle(data: bytes) -> bool:
    """Whether bytes begin like a pickle of any protocol, or like the zip archive in which torch.save stores one.

    Python's disassembler lists a pickle's operations without running them. The first two protocols have no signature, so bytes
    count as a pickle if they consist of valid operations, or begin with at least three.
    """
    if data.startswith((b"PK\x03\x04", *(b"\x80" + bytes([protocol]) for protocol in range(2, 6)))):
        return True
    try:
        pickletools.dis(data[:65536], out=_Beginning())
    except ValueError:
        return False
    except _ThreeOperations:
        pass
    return True


class _ThreeOperations(Exception):
    """The listing of a pickle has three lines, of as many operations."""


class _Beginning(io.StringIO):
    """A listing that ends with its third line: the whole would take minutes, as of a file of brackets."""

    def write(self, text: str) -> int:
        length = super().write(text)
        if self.getvalue().count("\n") >= 3:
            raise _ThreeOperations
        return length

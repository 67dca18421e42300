"""The messages of a conversation, and the forms in which chat templates take them."""

from collections.abc import Sequence
from typing import Any, Literal

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

Role = Literal["system", "user", "assistant"]
Contents = Literal["text", "parts"]
System = Literal["turn", "first user turn"]


class Message(TypedDict):
    """A message of a conversation."""

    role: Role
    content: str


def arranged(messages: Sequence[Message], contents: Contents, system: System) -> list[dict[str, Any]]:
    """Return a conversation as a template takes it.

    With `contents` 'parts' each content is a list with one part of type text. With `system` 'first user turn' the user's first
    message begins with the system message and a blank line; the first two messages must be these.
    """
    if system == "first user turn":
        first, user, *rest = messages
        messages = [Message(role="user", content=f"{first['content']}\n\n{user['content']}"), *rest]
    if contents == "text":
        return [dict(message) for message in messages]
    return [{"role": message["role"], "content": [{"type": "text", "text": message["content"]}]} for message in messages]

"""Conversations rendered in a model's chat template, in which no message can forge the template's tokens."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import jinja2
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from mmlu_kit.user_errors import UserError

# Llama 3.2's chat template writes today's date into every prompt unless a date is given; a fixed date keeps prompts the same
# from day to day. This is the template's own default if it cannot read the clock.
DATE_STRING = "26 Jul 2024"
Role = Literal["system", "user", "assistant"]
# A piece of a prompt: its text, and whether it is a token written by the chat template.
Piece = tuple[str, bool]


class Message(TypedDict):
    """A message of a conversation, as chat templates take it."""

    role: Role
    content: str


def conversation(messages: Sequence[Message], tokenizer: Any) -> list[Piece]:
    """Return the prompt for the next reply as pieces of text, each with a flag for tokens written by the template.

    `tokenizer` is a Hugging Face tokenizer. The joined pieces are the whole prompt. Raises UserError if the model has no chat
    template or the template refuses the conversation.
    """
    # Rendering dummy contents shows which tokens delimit turns, including those that the tokenizer does not call special.
    skeleton = _rendered([Message(role=message["role"], content="x") for message in messages], tokenizer)
    marks = alternatives([*special_tokens(tokenizer), *(token for token in _added_tokens(tokenizer) if token in skeleton)])
    # If a content contains the text of such a token, a character that occurs in no content breaks it before rendering and is
    # removed afterwards. Contents are rendered and not inserted later, since templates may strip white space or reasoning.
    contents = "".join(message["content"] for message in messages)
    breaker = next(chr(code) for code in range(0xE000, 0xF900) if chr(code) not in contents)
    mark_start = re.compile(f"(?=(?:{marks}))(.)", re.DOTALL)
    safe = [Message(role=each["role"], content=mark_start.sub(rf"\1{breaker}", each["content"])) for each in messages]
    parts = re.split(f"({marks})", _rendered(safe, tokenizer))
    return [(part.replace(breaker, ""), number % 2 == 1) for number, part in enumerate(parts) if part]


def special_tokens(tokenizer: Any) -> list[str]:
    """The texts of all special tokens; the tokenizer's own list has only those with a role such as end of text."""
    flagged = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return [token for token in dict.fromkeys([*tokenizer.all_special_tokens, *flagged]) if token]


def alternatives(tokens: Iterable[str]) -> str:
    """A regular expression for any of these texts, the longest first; without texts it never matches."""
    return "|".join(re.escape(token) for token in sorted(set(tokens), key=lambda token: (-len(token), token))) or "(?!)"


def _added_tokens(tokenizer: Any) -> list[str]:
    # Some vocabularies have added tokens for runs of white space, which delimit nothing.
    return [token.content for token in tokenizer.added_tokens_decoder.values() if token.content.strip()]


def _rendered(messages: Sequence[Message], tokenizer: Any) -> str:
    if not tokenizer.chat_template:
        raise UserError("this model's tokenizer has no chat template, so it cannot chat: use an instruct model")
    try:
        return tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=True, date_string=DATE_STRING
        )
    except jinja2.TemplateError as error:
        raise UserError(f"this model's chat template does not take this conversation: {error}") from error

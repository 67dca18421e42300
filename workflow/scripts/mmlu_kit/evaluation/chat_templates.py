"""A conversation in a model's own chat template, in which no message can forge the template's tokens."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import jinja2
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from mmlu_kit.user_errors import UserError

# Llama 3.2's chat template writes today's date into every prompt unless one is given: a fixed date keeps prompts equal
# from day to day. This is the date the template itself falls back to where it cannot ask for the time.
DATE_STRING = "26 Jul 2024"
Role = Literal["system", "user", "assistant"]
# A piece of a prompt: its text, and whether it is a token that the chat template wrote.
Piece = tuple[str, bool]


class Message(TypedDict):
    """A message of a conversation, in the form that chat templates take."""

    role: Role
    content: str


def conversation(messages: Sequence[Message], tokenizer: Any) -> list[Piece]:
    """The prompt for the next reply as pieces of text, each with whether it is a token that the template wrote.

    `tokenizer` is a Hugging Face tokenizer. Joined, the pieces are the whole prompt. A model
    without a chat template, or one whose template refuses the conversation, raises UserError.
    """
    # What the template writes by itself shows which tokens make turns, those too that the tokenizer does not call special.
    own = _rendered([Message(role=message["role"], content="x") for message in messages], tokenizer)
    marks = alternatives([*special_tokens(tokenizer), *(token for token in _added_tokens(tokenizer) if token in own)])
    # Such a token's text is broken by a character that nobody used before the template sees it, and mended after. The
    # template gets the contents themselves, as some of them cut white space or a reply's thoughts away.
    said = "".join(message["content"] for message in messages)
    breaker = next(chr(code) for code in range(0xE000, 0xF900) if chr(code) not in said)
    broken = re.compile(f"(?=(?:{marks}))(.)", re.DOTALL)
    safe = [Message(role=each["role"], content=broken.sub(rf"\1{breaker}", each["content"])) for each in messages]
    parts = re.split(f"({marks})", _rendered(safe, tokenizer))
    return [(part.replace(breaker, ""), number % 2 == 1) for number, part in enumerate(parts) if part]


def special_tokens(tokenizer: Any) -> list[str]:
    """The texts of all tokens that the tokenizer calls special; its own list has only those that have a purpose."""
    flagged = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return [token for token in dict.fromkeys([*tokenizer.all_special_tokens, *flagged]) if token]


def alternatives(tokens: Iterable[str]) -> str:
    """A regular expression that finds any of these texts, the longest first; nothing at all where there are none."""
    return "|".join(re.escape(token) for token in sorted(set(tokens), key=lambda token: (-len(token), token))) or "(?!)"


def _added_tokens(tokenizer: Any) -> list[str]:
    # Runs of white space are tokens of their own in some vocabularies, and mean nothing.
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

"""How a chat template takes a conversation: found with contents that occur nowhere else, so that nothing said can be lost.

Real contents prove nothing, since the letters that answer few-shot examples occur everywhere.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mmlu_kit.evaluation import thoughts
from mmlu_kit.evaluation.manner import Conversation
from mmlu_kit.evaluation.messages import Contents, Message, Role, System, arranged
from mmlu_kit.evaluation.rendering import ADVICE, Refusal, Renderer
from mmlu_kit.user_errors import UserError

# The first one in which nothing is lost is used.
FORMS: tuple[tuple[Contents, System], ...] = (
    ("text", "turn"),
    ("parts", "turn"),
    ("text", "first user turn"),
    ("parts", "first user turn"),
)
# Python's text for an object without one of its own holds an address, which differs from run to run.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+>")


@dataclass(frozen=True)
class TemplateForm:
    """How a template takes conversations with certain roles.

    `marks` matches the tokens with which it delimits turns, `text` is a prompt with all that it writes around contents, and
    `end` is the token that it writes after an assistant's reply, None if there is none.
    """

    conversation: Conversation
    marks: re.Pattern[str]
    text: str
    end: str | None


def template_form(renderer: Renderer, roles: Sequence[Role]) -> TemplateForm:
    """Return the form for conversations whose messages have these roles; Refusal if something is lost in each form."""
    sentinels = [_sentinel(number) for number in range(len(roles))]
    messages = [Message(role=role, content=content) for role, content in zip(roles, sentinels, strict=True)]
    contents, system, prompt = _first_complete(renderer, messages)
    tokens = special_tokens(renderer.tokenizer)
    # Vocabularies have added tokens that delimit turns without being called special, and some for runs of white space.
    added = [token.content for token in renderer.tokenizer.added_tokens_decoder.values() if token.content.strip()]
    reply = Message(role="assistant", content=_sentinel(len(roles)))
    try:
        whole = renderer.render(arranged([*messages, reply], contents, system), add_generation_prompt=False)
    except Refusal:
        whole = ""
    before, sentinel, after = whole.partition(reply["content"])
    tail, tail_of_reply = _after_all(sentinels, prompt), _after_all(sentinels, before)
    end = re.match(rf"\s*({alternatives([*tokens, *added])})", after)
    return TemplateForm(
        conversation=Conversation(
            contents=contents,
            system=system,
            before_answer=tail_of_reply.removeprefix(tail) if sentinel and tail_of_reply.startswith(tail) else "",
            open_thought=thoughts.is_open(tail),
        ),
        marks=re.compile(alternatives([*tokens, *(token for token in added if token in prompt)])),
        text=prompt,
        end=end[1] if end else None,
    )


def special_tokens(tokenizer: Any) -> list[str]:
    """The texts of all special tokens; the tokenizer's own list has only those with a role such as end of text."""
    flagged = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    return [token for token in dict.fromkeys([*tokenizer.all_special_tokens, *flagged]) if token]


def alternatives(tokens: Iterable[str]) -> str:
    """A regular expression for any of these texts, the longest first; without texts it never matches."""
    return "|".join(re.escape(token) for token in sorted(set(tokens), key=lambda token: (-len(token), token))) or "(?!)"


def _first_complete(renderer: Renderer, messages: Sequence[Message]) -> tuple[Contents, System, str]:
    """The first form in which the template loses nothing, and its prompt."""
    refusal, loses = None, False
    can_fold = [message["role"] for message in messages[:2]] == ["system", "user"]
    for contents, system in FORMS:
        if system == "turn" or can_fold:
            try:
                prompt = renderer.render(arranged(messages, contents, system))
            except Refusal as error:
                refusal = refusal or error
                continue
            if _ADDRESS.search(prompt):
                raise UserError(f"{renderer.name} writes an address in memory, which differs from run to run: {ADVICE}")
            if _complete(messages, prompt):
                return contents, system, prompt
            loses = True
    if refusal and not loses:
        raise refusal
    raise Refusal(f"{renderer.name} does not write each message of this conversation once, in order: {ADVICE}")


def _complete(messages: Sequence[Message], prompt: str) -> bool:
    """Whether a prompt has each content once, in order but for the system message, and no list of parts written out."""
    contents = [message["content"] for message in messages]
    places = [prompt.find(message["content"]) for message in messages if message["role"] != "system"]
    written_out = re.search(rf"""['"]text['"]\s*:\s*['"]({alternatives(contents)})""", prompt)
    return all(prompt.count(content) == 1 for content in contents) and places == sorted(places) and not written_out


def _sentinel(number: int) -> str:
    """A word that no template writes, strips or rewrites; none is part of another."""
    digits = "bcdfghjklm"
    return "zq" + "".join(digits[int(digit)] for digit in f"{number:06}") + "qz"


def _after_all(contents: Sequence[str], text: str) -> str:
    """The part of a text after the last of the contents in it."""
    return text[max((text.rfind(content) + len(content) for content in contents if content in text), default=0) :]

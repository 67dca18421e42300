"""Views: the part of a chat that the model sees. The chat's log of messages is never changed.

A turn is a user's message and everything up to the next one. A view consists of the system message, if there is one, and the
newest turns, each complete.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from mmlu_kit.evaluation import messages as conversations
from mmlu_kit.user_errors import UserError

FORMS = ("none", "full", "last_turns(N)", "token_budget(T)")
MAX_TEMPERATURE = 2
SEEDS = 2**32
Cut = Literal["length", "interrupted"]


class Sampling(TypedDict):
    """How the tokens of a reply are drawn: each from the model's probabilities at a temperature, all with one seed."""

    temperature: Annotated[float, Field(gt=0, le=MAX_TEMPERATURE)]
    seed: Annotated[int, Field(ge=0, lt=SEEDS)]


class Message(conversations.Message):
    """A message of a chat's log: the system's (only the first), a user's or the assistant's.

    Only replies have the other keys. `ended` says why a reply is incomplete; it is absent if the model itself ended the reply.
    `sampling` is absent if the reply is greedy. `system` is the system message at the time of the reply (null for none); it is
    absent if it is still the log's.
    """

    ended: NotRequired[Cut]
    sampling: NotRequired[Sampling]
    system: NotRequired[str | None]


@dataclass(frozen=True)
class Strategy:
    """How much of a chat the model sees.

    `none` is the newest turn, `full` all turns, `last_turns` the newest turn and `amount` turns before it, and `token_budget`
    as many of the newest turns as fit in `amount` tokens.
    """

    kind: str
    amount: int | None = None

    def __str__(self) -> str:
        return self.kind if self.amount is None else f"{self.kind}({self.amount})"


@dataclass(frozen=True)
class View:
    """The messages that the model sees, their length as a prompt in tokens, and the number of turns left out."""

    messages: tuple[Message, ...]
    tokens: int
    left_out: int


class PromptTooLong(UserError):
    """The system message and the newest user message alone take `tokens` tokens as a prompt, more than the limit `room`."""

    def __init__(self, tokens: int, room: int, with_system: bool) -> None:
        subject = "the system message and the newest message take" if with_system else "the newest message takes"
        super().__init__(
            f"{subject} {tokens:,} tokens, but the prompt may have {room:,}: shorten the message, or allow more tokens"
        )
        self.tokens, self.room = tokens, room


def parse(text: str) -> Strategy:
    """Parse a strategy in one of FORMS; any other text raises UserError."""
    match = re.fullmatch(r"(none|full)|(last_turns|token_budget)[\s(]+([0-9]{1,9})\s*\)?", text.strip())
    if not match or (match[2] == "token_budget" and int(match[3]) == 0):
        raise UserError(f"'{text.strip()}' is not a strategy; strategies: {', '.join(FORMS)}")
    return Strategy(match[1]) if match[1] else Strategy(match[2], int(match[3]))


def split(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """Split messages into the system message (in a list, empty without one) and the turns.

    Roles out of order raise ValueError.
    """
    system = [message for message in messages[:1] if message["role"] == "system"]
    turns: list[list[Message]] = []
    for message in messages[len(system) :]:
        if message["role"] == "user":
            turns.append([])
        elif message["role"] != "assistant" or not turns:
            raise ValueError(f"a message by '{message['role']}' is out of order")
        turns[-1].append(message)
    return system, turns


def with_system(messages: Sequence[Message], text: str | None) -> list[Message]:
    """Return a log with another system message, or with none; earlier replies keep a record of the one that they had."""
    system, _ = split(messages)
    before = system[0]["content"] if system else None
    log: list[Message] = [Message(role="system", content=text)] if text else []
    for message in messages[len(system) :]:
        reply = message.copy()
        if message["role"] == "assistant":
            reply["system"] = message.get("system", before)
            if reply["system"] == text:
                del reply["system"]
        log.append(reply)
    return log


def in_words(sampling: Sampling) -> str:
    """A reply's sampling as a person reads it: 'temperature 0.7, seed 1'."""
    return f"temperature {sampling['temperature']:g}, seed {sampling['seed']}"


def view(messages: Sequence[Message], strategy: Strategy, count: Callable[[Sequence[Message]], int], limit: int | None) -> View:
    """Return the view of a chat with at least one turn; if not even the newest turn fits, raises PromptTooLong.

    `count` returns the tokens of messages as a prompt, template included; adding a turn must never lower it. `limit` is the
    longest prompt in tokens under any strategy, or None.
    """
    system, turns = split(messages)
    max_turns = len(turns)
    if strategy.kind in ("none", "last_turns"):
        max_turns = min(max_turns, 1 + (strategy.amount or 0))
    budget = strategy.amount if strategy.kind == "token_budget" else None
    room = min((tokens for tokens in (limit, budget) if tokens is not None), default=None)
    tokens: dict[int, int] = {}

    def newest(number: int) -> tuple[Message, ...]:
        return (*system, *(message for turn in turns[len(turns) - number :] for message in turn))

    def fits(number: int) -> bool:
        tokens[number] = count(newest(number))
        return room is None or tokens[number] <= room

    if not fits(1):
        assert room is not None
        raise PromptTooLong(tokens[1], room, bool(system))
    number = _largest(max_turns, fits)
    return View(newest(number), tokens[number], len(turns) - number)


def _largest(limit: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 1 to `limit` that fits; 1 must fit, and no number above one that does not.

    Doubles first, then bisects: no attempt is much larger than the result, so that with a short window a long chat is not
    tokenized completely at every turn.
    """
    good, bad = 1, limit + 1
    while bad - good > 1:
        attempt = min(2 * good, bad - 1) if bad == limit + 1 else (good + bad) // 2
        if fits(attempt):
            good = attempt
        else:
            bad = attempt
    return good

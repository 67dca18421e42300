"""Views: which part of a chat the model is shown. The chat's log of messages itself is never changed.

A turn is a user's message with what follows it up to the next user's message. A view begins with the system message, if
there is one, then shows the newest turns, each whole.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired

from mmlu_kit.evaluation import chat_templates
from mmlu_kit.user_errors import UserError

FORMS = ("none", "full", "last_turns(N)", "token_budget(T)")
Cut = Literal["length", "interrupted"]


class Message(chat_templates.Message):
    """A message of a chat's log: the system's (only the first), a user's or the assistant's.

    `ended` says why a reply is not whole; it is absent where the model itself ended it.
    """

    ended: NotRequired[Cut]


@dataclass(frozen=True)
class Strategy:
    """How much of a chat is shown: `none` the newest turn, `full` all, `last_turns` the newest and `amount` turns before
    it, `token_budget` as many of the newest turns as take at most `amount` tokens."""

    kind: str
    amount: int | None = None

    def __str__(self) -> str:
        return self.kind if self.amount is None else f"{self.kind}({self.amount})"


@dataclass(frozen=True)
class View:
    """What the model is shown, how many tokens that is as a prompt, and how many turns are left out."""

    messages: tuple[Message, ...]
    tokens: int
    left_out: int


class PromptTooLong(UserError):
    """The system message and the newest user message alone take `tokens` as a prompt, more than the `room` for them."""

    def __init__(self, tokens: int, room: int, with_system: bool) -> None:
        what = "the system message and the newest message take" if with_system else "the newest message takes"
        super().__init__(
            f"{what} {tokens:,} tokens, and {room:,} are free for the prompt: shorten the message, or allow more tokens"
        )
        self.tokens, self.room = tokens, room


def parse(text: str) -> Strategy:
    """The strategy that `text` names in one of FORMS; any other text raises UserError."""
    match = re.fullmatch(r"(none|full)|(last_turns|token_budget)[\s(]+(\d{1,9})\s*\)?", text.strip())
    if not match or (match[2] == "token_budget" and int(match[3]) == 0):
        raise UserError(f"'{text.strip()}' is not a strategy; there are {', '.join(FORMS)}")
    return Strategy(match[1]) if match[1] else Strategy(match[2], int(match[3]))


def split(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """The system message, in a list if there is one, and the turns; ValueError where roles are out of order."""
    system = [message for message in messages[:1] if message["role"] == "system"]
    turns: list[list[Message]] = []
    for message in messages[len(system) :]:
        if message["role"] == "user":
            turns.append([])
        elif message["role"] != "assistant" or not turns:
            raise ValueError(f"a message by '{message['role']}' where a turn should begin or go on")
        turns[-1].append(message)
    return system, turns


def view(messages: Sequence[Message], strategy: Strategy, count: Callable[[Sequence[Message]], int], limit: int | None) -> View:
    """What `strategy` shows of a chat with at least one turn; PromptTooLong where not even the newest turn fits.

    `count` gives the tokens of messages as a prompt, template included; adding a turn never lowers it. `limit` is the
    longest prompt in tokens, whatever the strategy, or None.
    """
    system, turns = split(messages)
    most = len(turns)
    if strategy.kind in ("none", "last_turns"):
        most = min(most, 1 + (strategy.amount or 0))
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
    number = _largest(most, fits)
    return View(newest(number), tokens[number], len(turns) - number)


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 1 to `most` that fits; 1 does, and no number above one that does not.

    By doubling, then halving: no attempt is much larger than the result, so that a long chat with a short window is not
    counted whole at every turn.
    """
    good, bad = 1, most + 1
    while bad - good > 1:
        attempt = min(2 * good, bad - 1) if bad == most + 1 else (good + bad) // 2
        if fits(attempt):
            good = attempt
        else:
            bad = attempt
    return good

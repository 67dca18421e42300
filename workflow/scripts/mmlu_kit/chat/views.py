"""Views: which part of a chat the model is shown. The log of messages itself is never changed.

A turn is a user's message with what follows it up to the next user's message. A view begins with the system message, if
there is one, then shows the newest turns, each whole.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mmlu_kit.user_errors import UserError

# {role, content}; role is 'system' (first message only), 'user' or 'assistant'.
Message = dict[str, str]

FORMS = ("none", "full", "last_turns(N)", "token_budget(T)")


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
    """The system message and the newest user message alone, `tokens` as a prompt, are more than the `room` for them."""

    def __init__(self, tokens: int, room: int, with_system: bool):
        what = "the system message and the newest message take" if with_system else "the newest message takes"
        super().__init__(f"{what} {tokens:,} tokens, and {room:,} are free for the prompt: say it shorter, or allow more")
        self.tokens, self.room = tokens, room


def parse(text: str) -> Strategy:
    """The strategy that `text` names, in one of FORMS; anything else is a UserError."""
    match = re.fullmatch(r"(none|full)|(last_turns|token_budget)[\s(]+(\d{1,9})\s*\)?", text.strip())
    if not match or (match[2] == "token_budget" and int(match[3]) == 0):
        raise UserError(f"'{text.strip()}' is not a strategy; there are {', '.join(FORMS)}")
    return Strategy(match[1]) if match[1] else Strategy(match[2], int(match[3]))


def split(messages: Sequence[Message]) -> tuple[list[Message], list[list[Message]]]:
    """The system message, in a list if there is one, and the turns."""
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
    """What `strategy` shows of a chat that has a user's message; PromptTooLong where not even the newest turn fits.

    `count` gives the tokens of messages as a prompt, template included; a turn more never takes fewer. `limit` is the
    most tokens that a prompt may have, whatever the strategy, or None.
    """
    system, turns = split(messages)
    most = len(turns)
    if strategy.kind in ("none", "last_turns"):
        most = min(most, 1 + (strategy.amount or 0))
    rooms = [limit, strategy.amount if strategy.kind == "token_budget" else None]
    room = min((room for room in rooms if room is not None), default=None)
    tokens: dict[int, int] = {}

    def shown(number: int) -> tuple[Message, ...]:
        return (*system, *(message for turn in turns[len(turns) - number :] for message in turn))

    def fits(number: int) -> bool:
        tokens[number] = count(shown(number))
        return room is None or tokens[number] <= room

    if not fits(1):
        raise PromptTooLong(tokens[1], room, bool(system))
    number = _largest(most, fits)
    return View(shown(number), tokens[number], len(turns) - number)


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number from 1 to `most` that fits, where 1 does and none above one that does not.

    By doubling, then halving: what is tried is never much larger than what is found, so that a long chat whose window is
    short is not counted whole at every turn.
    """
    good, bad = 1, most + 1
    while bad - good > 1:
        tried = min(2 * good, bad - 1) if bad == most + 1 else (good + bad) // 2
        if fits(tried):
            good = tried
        else:
            bad = tried
    return good

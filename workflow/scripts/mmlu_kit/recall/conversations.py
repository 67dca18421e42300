"""Conversations of the recall experiment: the user tells a fact, small talk follows, and at the end the user asks for the fact.

The assistant's replies in them are fixed; the model writes only the reply to the last message, the probe. There are four kinds:
- `told`: the fact is told `distance` turns before the probe (1 is the turn just before it);
- `corrected`: a wrong value, then called stale, is told first and corrected `distance` turns before the probe;
- `never`: the fact is never told, in a conversation as long as the others;
- `rule`: as `told`, and the system message asks that every reply end with a certain word.
"""

import itertools
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pydantic import Field

from mmlu_kit.chat.views import Message
from mmlu_kit.data import Data
from mmlu_kit.recall import yaml_files
from mmlu_kit.recall.documents import Kind

KINDS: tuple[Kind, ...] = get_args(Kind)


class Fact(Data):
    """A fact that a user may tell: sentences with a `{value}` placeholder, the question for it, and its possible values.

    `claims` are openings of replies that state a value.
    """

    name: str = Field(alias="fact")
    tell: str
    correct: str
    ask: str
    claims: tuple[str, ...]
    values: tuple[str, ...]


class Material(Data):
    """The content of workflow/recall/conversations.yaml; fillers are pairs (user, assistant)."""

    system: str
    facts: tuple[Fact, ...]
    noted: str
    fillers: tuple[tuple[str, str], ...]
    independent: tuple[str, ...]
    rule: str
    rule_words: tuple[str, ...]
    not_knowing: tuple[str, ...]

    def fact(self, name: str) -> Fact:
        """The fact called `name`."""
        return next(fact for fact in self.facts if fact.name == name)


@dataclass(frozen=True)
class Trial:
    """A conversation that ends with the probe.

    `value` is the right answer (None if it was never told), `stale` the value before a correction, `word` the rule's word.
    """

    kind: Kind
    distance: int
    fact: str
    value: str | None
    stale: str | None
    word: str | None
    messages: tuple[Message, ...]

    def tells(self, value: str | None, messages: Sequence[Message]) -> bool:
        """Whether `messages`, a view of this conversation, include one that tells or corrects the fact to `value`."""
        statements = [message for message in self.messages[:-1] if value and f" {value}." in message["content"]]
        return any(message in messages for message in statements)


def read(path: Path) -> Material:
    """Read the material from a YAML file; any other file raises UserError."""
    return yaml_files.read(path, Material, "the conversations of the recall experiment")


def trials(material: Material, distances: Sequence[int], each: int, seed: int) -> list[Trial]:
    """Return `each` trials of every kind and distance; no trial depends on the others."""
    return [trial(material, kind, distance, number, seed) for kind in KINDS for distance in distances for number in range(each)]


def trial(material: Material, kind: Kind, distance: int, number: int, seed: int) -> Trial:
    """Return one trial; facts are used in turn, everything else is drawn with the seed."""
    chance = random.Random(f"{seed} {kind} {distance} {number}")
    fact = material.facts[(number + distance) % len(material.facts)]
    value, stale = chance.sample(fact.values, 2)
    word = chance.choice(material.rule_words) if kind == "rule" else None
    fillers = itertools.cycle(chance.sample(material.fillers, len(material.fillers)))
    lead, gap = chance.randint(0, 2), chance.randint(0, 2)
    turns = list(itertools.islice(fillers, lead))
    if kind == "corrected":
        turns += [(fact.tell.format(value=stale), material.noted), *itertools.islice(fillers, gap)]
    if kind == "never":
        turns += itertools.islice(fillers, 1)
    else:
        sentence = fact.correct if kind == "corrected" else fact.tell
        turns.append((sentence.format(value=value), material.noted))
    turns += itertools.islice(fillers, distance - 1)
    return Trial(
        kind=kind,
        distance=distance,
        fact=fact.name,
        value=None if kind == "never" else value,
        stale=stale if kind == "corrected" else None,
        word=word,
        messages=messages(material, turns, fact.ask, word),
    )


def example(material: Material, name: str, value: str) -> Trial:
    """Return the shortest conversation: a fact is told and asked for in the next turn."""
    fact = material.fact(name)
    log = messages(material, [(fact.tell.format(value=value), material.noted)], fact.ask)
    return Trial("told", 1, name, value, None, None, log)


def messages(material: Material, turns: Iterable[tuple[str, str]], probe: str, word: str | None = None) -> tuple[Message, ...]:
    """Return a conversation with the system message first and the probe last; with `word`, the replies follow the rule."""
    system = f"{material.system} {material.rule.format(value=word)}" if word else material.system
    log: list[Message] = [{"role": "system", "content": system}]
    for user, assistant in turns:
        log.append({"role": "user", "content": user})
        log.append({"role": "assistant", "content": with_word(assistant, word) if word else assistant})
    return (*log, {"role": "user", "content": probe})


def with_word(reply: str, word: str) -> str:
    """Make a reply end with a word: 'Well done.' and 'over' give 'Well done, over.'"""
    return f"{reply.rstrip('.!?')}, {word}."

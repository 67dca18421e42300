"""Conversations of the recall experiment: a fact is told, other things are said, and at the end the user asks for the fact.

What the assistant says in them is fixed; only the reply to the last message, the probe, is a model's. Four kinds:
- `told`: the fact is told `distance` turns before the probe (1 is the turn just before it);
- `corrected`: a wrong value is told first and corrected `distance` turns before the probe; the wrong one is then stale;
- `never`: the fact is never told, in a conversation as long as the others;
- `rule`: as `told`, and the system message asks that every reply end with a word.
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
    """Something a user may tell: sentences with a place for `{value}`, the question, and the values it may have.

    `claims` are the beginnings of replies that name a value.
    """

    name: str = Field(alias="fact")
    tell: str
    correct: str
    ask: str
    claims: tuple[str, ...]
    values: tuple[str, ...]


class Material(Data):
    """What conversations are made of, workflow/recall/conversations.yaml; fillers are (user, assistant)."""

    system: str
    facts: tuple[Fact, ...]
    noted: str
    fillers: tuple[tuple[str, str], ...]
    independent: tuple[str, ...]
    rule: str
    rule_words: tuple[str, ...]
    not_knowing: tuple[str, ...]

    def fact(self, name: str) -> Fact:
        """The fact of that name."""
        return next(fact for fact in self.facts if fact.name == name)


@dataclass(frozen=True)
class Trial:
    """One conversation, its last message the probe. `value` is the right answer (None where never told), `stale` what was
    told before it was corrected, `word` the rule's."""

    kind: Kind
    distance: int
    fact: str
    value: str | None
    stale: str | None
    word: str | None
    messages: tuple[Message, ...]

    def tells(self, value: str | None, messages: Sequence[Message]) -> bool:
        """Whether some of its messages, as a view shows them, include one that tells this value, told or corrected."""
        telling = [message for message in self.messages[:-1] if value and f" {value}." in message["content"]]
        return any(message in messages for message in telling)


def read(path: Path) -> Material:
    """The material in a YAML file; any other file raises UserError."""
    return yaml_files.read(path, Material, "the conversations of the recall experiment")


def trials(material: Material, distances: Sequence[int], each: int, seed: int) -> list[Trial]:
    """`each` trials of every kind and distance; a trial does not depend on which others are made."""
    return [trial(material, kind, distance, number, seed) for kind in KINDS for distance in distances for number in range(each)]


def trial(material: Material, kind: Kind, distance: int, number: int, seed: int) -> Trial:
    """One trial; facts take turns, all else is random by the seed."""
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
    """The shortest conversation: a fact's value is told, and asked for in the next turn."""
    fact = material.fact(name)
    log = messages(material, [(fact.tell.format(value=value), material.noted)], fact.ask)
    return Trial("told", 1, name, value, None, None, log)


def messages(material: Material, turns: Iterable[tuple[str, str]], probe: str, word: str | None = None) -> tuple[Message, ...]:
    """A conversation with the system message in front and the probe at its end; with a rule's word, its replies keep it."""
    system = f"{material.system} {material.rule.format(value=word)}" if word else material.system
    log: list[Message] = [{"role": "system", "content": system}]
    for user, assistant in turns:
        log.append({"role": "user", "content": user})
        log.append({"role": "assistant", "content": with_word(assistant, word) if word else assistant})
    return (*log, {"role": "user", "content": probe})


def with_word(reply: str, word: str) -> str:
    """A reply made to end with a word: 'Well done.' and 'over' are 'Well done, over.'"""
    return f"{reply.rstrip('.!?')}, {word}."

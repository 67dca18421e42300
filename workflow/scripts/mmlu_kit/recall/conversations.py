"""Conversations of the recall experiment: a fact is told, other things are said, and at the end it is asked for.

What the assistant says in them is fixed; only the reply to the last message, the probe, is a model's. Four kinds:
- `told`: the fact is told `distance` turns before the probe (1 is the turn just before it);
- `corrected`: a wrong value is told first and corrected `distance` turns before the probe; the wrong one is then stale;
- `never`: the fact is never told, in a conversation as long as the others;
- `rule`: as `told`, and the system message asks that every reply end with a word.
"""

import itertools
import random
from dataclasses import dataclass
from pathlib import Path

import yaml

from mmlu_kit.chat.views import Message
from mmlu_kit.user_errors import UserError

KINDS = ("told", "corrected", "never", "rule")


@dataclass(frozen=True)
class Fact:
    """Something a user may tell: sentences with a place for `{value}`, the question, and the values it may have."""

    name: str
    tell: str
    correct: str
    ask: str
    claims: tuple[str, ...]
    values: tuple[str, ...]


@dataclass(frozen=True)
class Material:
    """What conversations are made of, as workflow/recall/conversations.yaml has it; fillers are (user, assistant)."""

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

    kind: str
    distance: int
    fact: str
    value: str | None
    stale: str | None
    word: str | None
    messages: tuple[Message, ...]

    def states(self, shown: tuple[Message, ...], value: str | None) -> bool:
        """Whether a user message that tells this value (told or corrected) is among the messages shown."""
        telling = [message for message in self.messages[:-1] if value and f" {value}." in message["content"]]
        return any(message in shown for message in telling)


def read(path: Path) -> Material:
    """The material in a YAML file; a file that is none is a UserError."""
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        facts = tuple(
            Fact(one["fact"], one["tell"], one["correct"], one["ask"], tuple(one["claims"]), tuple(one["values"]))
            for one in data["facts"]
        )
        fillers = tuple((said, reply) for said, reply in data["fillers"])
        lists = {key: tuple(data[key]) for key in ("independent", "rule_words", "not_knowing")}
        return Material(data["system"], facts, data["noted"], fillers, rule=data["rule"], **lists)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        about = " ".join(str(error).split())[:200]
        raise UserError(f"{path} does not hold the conversations of the recall experiment ({about}): restore it") from None


def trials(material: Material, distances: tuple[int, ...], each: int, seed: int) -> list[Trial]:
    """`each` trials of every kind and distance; equal arguments give equal trials, whatever else is asked for."""
    return [trial(material, kind, distance, number, seed) for kind in KINDS for distance in distances for number in range(each)]


def trial(material: Material, kind: str, distance: int, number: int, seed: int) -> Trial:
    """One trial; facts take turns, all else is chance."""
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
    told = None if kind == "never" else value
    log = messages(material, turns, fact.ask, word)
    return Trial(kind, distance, fact.name, told, stale if kind == "corrected" else None, word, log)


def example(material: Material, fact: str, value: str) -> Trial:
    """The shortest conversation: this value is told, and asked for in the next turn."""
    found = material.fact(fact)
    log = messages(material, [(found.tell.format(value=value), material.noted)], found.ask)
    return Trial("told", 1, fact, value, None, None, log)


def messages(material: Material, turns: list[tuple[str, str]], probe: str, word: str | None = None) -> tuple[Message, ...]:
    """A conversation with the system message in front and the probe at its end; with a rule's word, its replies keep it."""
    system = f"{material.system} {material.rule.format(value=word)}" if word else material.system
    log = [{"role": "system", "content": system}]
    for said, reply in turns:
        log.append({"role": "user", "content": said})
        log.append({"role": "assistant", "content": with_word(reply, word) if word else reply})
    return (*log, {"role": "user", "content": probe})


def with_word(reply: str, word: str) -> str:
    """A reply made to end with a word: 'Well done.' and 'over' are 'Well done, over.'"""
    return f"{reply.rstrip('.!?')}, {word}."

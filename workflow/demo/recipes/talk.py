"""Training conversations of the demo chat model: facts told, corrected and asked for, among small talk, with made-up values.

The model learns to answer with the value told last, or that it was not told. No value of the recall experiment is ever used.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import yaml
from mmlu_kit.evaluation.messages import Message, Role
from mmlu_kit.recall.conversations import Material, with_word

from recipes import values

USUAL = 0.7  # how often a fact is told or asked for in the recall experiment's own words
LOOSE = 0.1  # how often a message has no capitals and no full stop
OTHER = 0.15  # the share of small talk that is about anything unknown to the model


class TaughtMessage(NamedTuple):
    """A message, and whether the model learns to write it."""

    role: Role
    content: str
    learned: bool


@dataclass(frozen=True)
class Subject:
    """One kind of fact: its wordings with the placeholder `{value}`, the experiment's own first, and the held-out values."""

    tell: tuple[str, ...]
    correct: tuple[str, ...]
    ask: tuple[str, ...]
    reply: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Talk:
    """The material of conversations: that of the recall experiment, and additional wordings."""

    material: Material
    subjects: tuple[Subject, ...]
    unknown: str
    small_talk: tuple[tuple[str, str], ...]
    other_words: tuple[str, ...]
    other_reply: str
    held_out: frozenset[str]  # values and rule words of the recall experiment, in lower case


def read(material: Material, chat: Path) -> Talk:
    """Combine the recall experiment's material with the wordings in the file `chat` (chat.yaml)."""
    words = yaml.safe_load(chat.read_text(encoding="utf-8"))
    subjects = []
    for fact in material.facts:
        tell = (fact.tell, *words["also_told"][fact.name])
        correct = (fact.correct, *(wording.format(told=told) for wording in words["also_corrected"] for told in tell))
        ask = (fact.ask, *words["also_asked"][fact.name])
        subjects.append(Subject(tell, correct, ask, words["replies"][fact.name], fact.values))
    small_talk = (*material.fillers, *((message, reply) for message, reply in words["small_talk"]))
    held_out = {value.lower() for fact in material.facts for value in fact.values} | set(material.rule_words)
    other = (tuple(words["other_words"]), words["other_reply"])
    return Talk(material, tuple(subjects), words["unknown"], small_talk, *other, frozenset(held_out))


def conversation(talk: Talk, turns: int, chance: random.Random) -> list[TaughtMessage]:
    """Return a conversation of `turns` turns that ends with a question; some lack a system message, some have a rule."""
    word = values.word(chance, capital=False) if chance.random() < 0.3 else ""
    while word in talk.held_out:
        word = values.word(chance, capital=False)
    messages: list[TaughtMessage] = []
    system = talk.material.system
    if word or chance.random() < 0.7:
        text = f"{system} {talk.material.rule.format(value=word)}" if word else system
        messages.append(TaughtMessage("system", text, False))
    # Replies that break the rule occur (a rule may be new, or a model may forget it) but are not learned.
    keeps_from = turns - 1 if word and chance.random() < 0.5 else 0
    told: dict[Subject, str] = {}
    facts = chance.sample(talk.subjects, chance.choice((1, 1, 2, 3, 4)))
    busy = chance.choice((0.1, 0.3, 0.7))  # the share of turns that are not small talk
    closing = turns - chance.choice((1, 2, 3))  # from here on all turns are questions
    for turn in range(turns):
        if turn == turns - 1 or turn >= max(1, closing) or (chance.random() < busy and chance.random() < 0.5):
            text, reply = _question(talk, facts, told, chance)
        elif chance.random() < busy or (not told and turn == 0 and chance.random() < 0.7):
            text, reply = _statement(talk, chance.choice(facts), told, chance)
        elif chance.random() < OTHER:
            text, reply = _other(talk, chance), talk.other_reply
        else:
            text, reply = chance.choice(talk.small_talk)
            text = _loosely(text, chance)
        kept = turn >= keeps_from
        messages.append(TaughtMessage("user", text, False))
        messages.append(TaughtMessage("assistant", with_word(reply, word) if word and kept else reply, kept))
    return messages


def _statement(talk: Talk, subject: Subject, told: dict[Subject, str], chance: random.Random) -> tuple[str, str]:
    """A fact told or, if it was told before, corrected; sometimes a correction comes first, as if the view had been cut."""
    value = values.like(subject.values, talk.held_out, chance)
    wordings = subject.correct if subject in told or chance.random() < 0.1 else subject.tell
    told[subject] = value
    return _wording(wordings, chance).format(value=value), talk.material.noted


def _question(talk: Talk, facts: list[Subject], told: dict[Subject, str], chance: random.Random) -> tuple[str, str]:
    subject = chance.choice(list(told)) if told and chance.random() < 0.85 else chance.choice([*facts, *talk.subjects])
    reply = subject.reply.format(value=told[subject]) if subject in told else talk.unknown
    return _loosely(_wording(subject.ask, chance), chance), reply


def _other(talk: Talk, chance: random.Random) -> str:
    """A meaningless sentence of common and made-up words."""
    made_up = (values.word(chance, capital=False) for _ in range(100))
    unheard = (word for word in made_up if word not in talk.held_out)
    words = [next(unheard) if chance.random() < 0.5 else chance.choice(talk.other_words) for _ in range(chance.randint(1, 8))]
    return _loosely(" ".join(words).capitalize() + chance.choice(".?!"), chance)


def _loosely(text: str, chance: random.Random) -> str:
    """Sometimes rewrite a message as if typed in a hurry."""
    return text.lower().rstrip(".?!") if chance.random() < LOOSE else text


def _wording(wordings: tuple[str, ...], chance: random.Random) -> str:
    return wordings[0] if chance.random() < USUAL else chance.choice(wordings)


def as_chat(messages: Sequence[TaughtMessage]) -> list[Message]:
    """The conversation in the form of chat templates."""
    return [Message(role=message.role, content=message.content) for message in messages]

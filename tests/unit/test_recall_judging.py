"""Judging replies, tried on replies like those of real language models."""

import dataclasses

import pytest
from mmlu_kit.recall import conversations, judging

from tests.helpers.chats import MATERIAL


def trial(name, value, stale=None):
    """Return a trial of a fact that was told, or never."""
    fact = MATERIAL.fact(name)
    log = conversations.messages(MATERIAL, [(fact.tell.format(value=value or "x"), "")], fact.ask)
    return conversations.Trial("told", 1, name, value, stale, None, log)


@pytest.mark.parametrize(
    ("fact", "value", "stale", "reply", "outcome"),
    [
        ("name", "Alice", None, "Your name is Alice.", "right"),
        ("name", "Alice", None, "alice", "right"),
        ("name", "Alice", None, "**Alice**! You told me that earlier. 😊", "right"),
        ("name", "Alice", None, "You mentioned that your name's _Alice_, so that's Alice's name.", "right"),
        ("name", "Alice", None, "I'm not sure, but I think it is Alice.", "right"),
        ("name", "Alice", None, "Your name is Malice.", "other"),
        ("name", "Alice", None, "Your name is Bruno.", "other"),
        ("name", "Alice", None, "I don't know your name - you haven't told me yet.", "not_knowing"),
        ("name", "Alice", None, "I don’t have access to personal information about you.", "not_knowing"),
        ("name", "Alice", None, "I'm a large language model, I do not have any information about your name.", "not_knowing"),
        ("name", "Alice", None, "I do not know. You have not told me, over.", "not_knowing"),
        ("name", "Alice", None, "Nice to meet you!", "unclear"),
        ("name", "Alice", None, "", "unclear"),
        ("name", "Alice", "Bruno", "Your name is Bruno.", "stale"),
        ("name", "Alice", "Bruno", "You corrected yourself: your name is Alice, not Bruno.", "right"),
        ("name", "Alice", "Bruno", "Your name is Bruno, although you also said Alice.", "stale"),
        ("name", "Alice", "Bruno", "Your name is Carmen.", "other"),
        ("name", None, None, "Your name is John.", "other"),
        ("name", None, None, "Your name is not something that you told me, so I do not know it.", "not_knowing"),
        ("name", None, None, "Your name is unknown.", "unclear"),
        ("dog", None, None, "Your dog's name is Max!", "other"),
        ("dog", "Rusty", None, "Your dog is called Rusty, what a lovely name.", "right"),
        ("meeting", "2 January", None, "Your next meeting is on January 2nd.", "right"),
        ("meeting", "2 January", None, "It is on the 2nd of January at noon.", "right"),
        ("meeting", "2 January", None, "Your next meeting is on 22 January.", "other"),
        ("meeting", "2 January", "5 January", "Your next meeting is on January 5th, no longer on 2 January.", "stale"),
        ("locker", "2417", None, 'The code of your locker is "2417".', "right"),
        ("locker", "2417", None, "The code is 24171.", "unclear"),
        ("locker", "2417", None, "Your locker code is 1111.", "other"),
        ("colour", "red", None, "You said that you are tired.", "unclear"),
        ("sister", "law", None, "Your sister is studying Law.", "right"),
        ("job", None, None, "You work as a software engineer.", "other"),
        ("instrument", None, None, "You play the.", "unclear"),
    ],
)
def test_replies_are_judged(fact, value, stale, reply, outcome):
    assert judging.outcome(reply, trial(fact, value, stale), MATERIAL) == outcome


@pytest.mark.parametrize("fact", MATERIAL.facts, ids=lambda fact: fact.name)
def test_every_value_is_recognised_in_the_likeliest_reply(fact):
    for value in fact.values:
        for reply in (f"{fact.claims[0].capitalize()} {value}.", f"It is {value}, over.", value.upper()):
            assert judging.outcome(reply, trial(fact.name, value), MATERIAL) == "right"
            never = dataclasses.replace(trial(fact.name, value), value=None)
            assert judging.outcome(reply, never, MATERIAL) == "other"
    assert judging.outcome(f"{fact.claims[0]} Blorf.", trial(fact.name, None), MATERIAL) == "other"


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("Your name is Alice, over.", True),
        ("Your name is Alice. OVER!", True),
        ('Your name is Alice. "Over"', True),
        ("Your name is Alice. **over** 🙂", True),
        ("Over and out.", False),
        ("It is all over now", False),
        ("moreover", False),
        ("", False),
    ],
)
def test_a_rule_is_kept_if_the_reply_ends_with_the_word(reply, kept):
    assert judging.keeps_rule(reply, "over") == kept

"""Views: the part of a chat that is in the prompt, for chats of any form."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmlu_kit.chat import views
from mmlu_kit.chat.views import PromptTooLong, Strategy
from mmlu_kit.user_errors import UserError

WORDS = st.lists(st.sampled_from(["a", "bb", "ccc"]), max_size=6).map(" ".join)
TURN = st.tuples(WORDS, st.lists(WORDS, max_size=2))  # a user's message and what follows it
KINDS = st.one_of(
    st.sampled_from([Strategy("none"), Strategy("full")]),
    st.builds(Strategy, st.just("last_turns"), st.integers(0, 8)),
    st.builds(Strategy, st.just("token_budget"), st.integers(1, 120)),
)
LIMITS = st.none() | st.integers(5, 100)


@st.composite
def chats(draw):
    system = draw(st.none() | WORDS)
    messages = [] if system is None else [{"role": "system", "content": system}]
    for said, answers in draw(st.lists(TURN, min_size=1, max_size=12)):
        messages.append({"role": "user", "content": said})
        messages += [{"role": "assistant", "content": answer} for answer in answers]
    return messages


def count(messages):
    """Count a prompt's tokens: one per word, three per message, two for the start of the reply."""
    return 2 + sum(3 + len(message["content"].split()) for message in messages)


def turns(messages):
    """Return the chat's turns, found differently from the program."""
    starts = [place for place, message in enumerate(messages) if message["role"] == "user"]
    return [messages[begin:end] for begin, end in zip(starts, [*starts[1:], None], strict=True)]


def room(strategy, limit):
    amounts = [limit] if limit is not None else []
    return min([*amounts, strategy.amount] if strategy.kind == "token_budget" else amounts, default=10**9)


@given(chats(), KINDS, LIMITS)
def test_every_view_keeps_its_invariants(messages, strategy, limit):
    before = copy.deepcopy(messages)
    system = messages[:1] if messages[0]["role"] == "system" else []
    least = [*system, *turns(messages)[-1]]
    if count(least) > room(strategy, limit):
        with pytest.raises(PromptTooLong) as error:
            views.view(messages, strategy, count, limit)
        assert (error.value.tokens, error.value.room) == (count(least), room(strategy, limit))
        assert f"{count(least):,} tokens" in str(error.value) and f"may have {room(strategy, limit):,}" in str(error.value)
        return
    view = views.view(messages, strategy, count, limit)
    shown = list(view.messages)
    assert messages == before  # the log is not changed
    assert shown[: len(system)] == system  # the system message stays
    rest = shown[len(system) :]
    assert rest[0]["role"] == "user"
    assert rest == messages[len(messages) - len(rest) :]  # the newest, in order, the newest user message among them
    kept = turns(rest)
    assert kept == turns(messages)[len(turns(messages)) - len(kept) :]  # no turn is split
    assert view.tokens == count(shown) <= room(strategy, limit)
    assert view.left_out == len(turns(messages)) - len(kept)  # nothing is dropped in silence
    # And not more is left out than must be.
    most = {"none": 1, "last_turns": 1 + (strategy.amount or 0)}.get(strategy.kind, len(turns(messages)))
    one_more = [*system, *(message for turn in turns(messages)[-len(kept) - 1 :] for message in turn)]
    assert len(kept) == min(most, len(turns(messages))) or count(one_more) > room(strategy, limit)


def test_a_view_has_as_many_turns_as_fit():
    for total in range(1, 14):
        messages = [{"role": role, "content": "one two"} for _ in range(total) for role in ("user", "assistant")]
        for tokens in range(12, 150):
            for strategy, limit in ((Strategy("full"), tokens), (Strategy("token_budget", tokens), None)):
                view = views.view(messages, strategy, count, limit)
                assert total - view.left_out == min(total, (tokens - 2) // 10)


@given(KINDS)
def test_strategies_are_parsed(strategy):
    assert views.parse(str(strategy)) == strategy == views.parse(f" {strategy} ".replace("(", " ( "))


@pytest.mark.parametrize(
    "text", ["", "all", "last_turns", "last_turns(-1)", "token_budget(0)", "full(3)", "last_turns(1e9)", "last_turns(٣)"]
)
def test_an_unknown_strategy_lists_the_known_ones(text):
    with pytest.raises(UserError, match=r"is not a strategy; strategies: none, full, last_turns\(N\), token_budget\(T\)"):
        views.parse(text)


def test_long_chats_are_rarely_counted():
    messages = [{"role": role, "content": "one two three"} for _ in range(1000) for role in ("user", "assistant")]
    counted = []

    def counting(shown):
        counted.append(len(shown))
        return count(shown)

    assert views.view(messages, Strategy("full"), counting, None).left_out == 0
    assert sum(counted) <= 2.1 * len(messages)
    counted.clear()
    view = views.view(messages, Strategy("full"), counting, 120)
    assert len(view.messages) == 18 and sum(counted) < 200

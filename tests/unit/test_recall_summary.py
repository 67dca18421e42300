"""The recall experiment's numbers by hand, and its figure."""

import pytest
from mmlu_kit.evaluation import records
from mmlu_kit.recall import summary
from mmlu_kit.report import chat_figures, chat_section, figures
from mmlu_kit.user_errors import UserError

from tests.helpers import chats
from tests.unit.test_figures import inside


def trial(kind, distance=1):
    return {"kind": kind, "distance": distance}


def probe(trial, strategy, outcome, in_context=True, kept=None, tokens=10, cached=4):
    reply = {"text": "", "outcome": outcome, "rule_kept": kept}
    shown = {"in_context": in_context, "prompt_tokens": tokens, "cached_tokens": cached}
    return {"trial": trial, "strategy": strategy, **shown, "replies": {"model": reply, "oracle": reply}}


TRIALS = [
    trial("told"),
    trial("told", 4),
    trial("corrected"),
    trial("corrected", 4),
    trial("never"),
    trial("never"),
    trial("rule"),
]
FULL = [
    probe(0, "full", "right", tokens=10),
    probe(1, "full", "right", tokens=40),
    probe(2, "full", "stale", tokens=20),
    probe(3, "full", "right", tokens=50),
    probe(4, "full", "other", in_context=False),
    probe(5, "full", "not_knowing", in_context=False),
    probe(6, "full", "right", kept=True),
]
NONE = [probe(number, "none", "not_knowing", in_context=False, kept=number == 7) for number in range(7)]
LUCKY = [probe(0, "none", "right", in_context=False), *NONE[1:]]


def test_a_rows_counts_are_those_of_its_replies():
    row = summary.row(TRIALS, FULL, "model")
    low, high = row["recall"].pop("low"), row["recall"].pop("high")
    assert row["recall"] == {
        "n": 4,
        "in_context": 4,
        "right": 3,
        "right_in_context": 3,
        "other": 0,
        "not_knowing": 0,
        "unclear": 0,
    }
    assert (round(low, 3), round(high, 3)) == (0.301, 0.954)  # Wilson's interval of 3 of 4
    assert row["corrected"] == {"n": 2, "stale": 1}
    assert row["never"] == {"n": 2, "false_recall": 1, "not_knowing": 1}
    assert row["rule"] == {"n": 1, "kept": 1}
    assert row["prompt_tokens"] == {"mean": 150 / 7, "max": 50} and row["cached_tokens"] == {"mean": 4}


def test_a_lucky_guess_is_no_recall_of_what_is_in_context():
    row = summary.row(TRIALS, LUCKY, "model")["recall"]
    assert (row["in_context"], row["right"], row["right_in_context"], row["not_knowing"]) == (0, 1, 0, 3)


def test_rows_are_of_one_strategy_and_distance_and_of_all_distances():
    rows = summary.rows(TRIALS, FULL + NONE, ["full", "none"], [1, 4])
    found = {(row["reader"], row["strategy"], row["distance"]): row["recall"]["right"] for row in rows}
    assert len(rows) == 2 * 2 * 3
    assert [found["model", "full", distance] for distance in (None, 1, 4)] == [3, 1, 2]
    assert [found["oracle", "none", distance] for distance in (None, 1, 4)] == [0, 0, 0]


def test_strategies_are_compared_with_full_history_on_the_same_facts():
    told = [trial("told")] * 9
    full = [probe(number, "full", "right" if number < 8 else "other") for number in range(9)]
    none = [probe(number, "none", "right" if number == 8 else "not_knowing") for number in range(9)]
    window = [probe(number, "last_turns(2)", "right" if number else "other") for number in range(9)]
    first, second = summary.comparisons(told, full + none + window, ["none", "full", "last_turns(2)"])
    assert (first["strategy"], first["only_full"], first["only_strategy"]) == ("none", 8, 1)
    assert first["p"] == pytest.approx(2 * (1 + 9) / 2**9)  # exact binomial of 1 or fewer in 9
    assert first["p_holm"] == pytest.approx(2 * first["p"])
    assert (second["only_full"], second["only_strategy"], second["p_holm"]) == (1, 1, 1.0)


def test_times_are_medians_with_their_range():
    found = [
        {"strategy": "full", "distance": 1, "prompt_tokens": 9, "cached_tokens": 3, "warm_s": warm, "cold_s": 2 * warm}
        for warm in (1.0, 5.0, 2.0)
    ]
    (row,) = summary.first_token(found, ["none", "full"])
    assert row["n"] == 3 and row["warm_s"] == {"median": 2.0, "smallest": 1.0, "largest": 5.0}
    assert row["cold_s"]["median"] == 4.0
    off = summary.independent(chats.times(off=0.5)["independent"])["off"]
    assert off["n"] == 3 and off["total_s"]["median"] == 0.5


def test_a_model_that_was_not_run_has_its_reason():
    outcome = records.not_run("m", {"device": "mps"}, "no mps", "chat")
    assert summary.of(outcome, outcome) == {"model": "m", "requested": {"device": "mps"}, "reason": "no mps", "effective": None}


def test_growth_tells_when_a_context_is_full():
    row = {"reader": "model", "strategy": "full"}
    model = {"context": 1000, "max_new_tokens": 50, "rows": [{**row, "distance": None, "prompt_tokens": {"mean": 1}}]}
    model["rows"] += [{**row, "distance": d, "prompt_tokens": {"mean": 50 + 20 * d}} for d in (1, 4)]
    assert chat_section.growth(model) == {"tokens_a_turn": 20, "turns": 1 + (1000 - 50 - 70) // 20}
    assert chat_section.growth({**model, "context": None}) == {"tokens_a_turn": 20, "turns": None}
    assert chat_section.growth({**model, "rows": model["rows"][:2]}) is None


SMALL = chats.chat(chats.recall(each=2))


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_figure_is_the_same_bytes_each_time(form):
    first = figures.render(chat_figures.chat_recall, form, SMALL)
    assert first == figures.render(chat_figures.chat_recall, form, SMALL)


def test_nothing_drawn_leaves_the_figure_of_two_models():
    strategies = ("none", "full", "last_turns(2)", "token_budget(60)")
    names = ("m", "A-model-with-a-rather-long-name")
    inside(
        chat_figures.chat_recall,
        chats.chat(*(chats.recall(chats.knows_nothing, name, strategies, (1, 16), 1) for name in names)),
    )


def test_the_figure_shows_each_strategys_recall_and_what_could_be_recalled():
    figure = chat_figures.chat_recall(SMALL)
    by_title = {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}
    assert list(by_title) == list(chats.STRATEGIES)
    still, oracle, model = by_title["last_turns(2)"].lines[:3]
    assert list(still.get_ydata()) == list(oracle.get_ydata()) == list(model.get_ydata()) == [100, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()][1] == "oracle (no language model)"
    figures.pyplot.close(figure)


def test_a_summary_that_lacks_a_number_is_refused():
    chat = chats.chat()
    del chat["models"][0]["rows"][0]["recall"]["n"]
    with pytest.raises(UserError, match="not a valid chat file"):
        records.check(chat, "chat", "chat.json")

"""The recall experiment's numbers, computed by hand, and its figure."""

import pytest
from mmlu_kit import files
from mmlu_kit.data import MedianRange
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.recall import chat_file, growth, summary
from mmlu_kit.recall.documents import (
    CachedTokens,
    ChatFile,
    ChatModelNotRun,
    CorrectedCounts,
    NeverCounts,
    ProbeRecord,
    PromptTokens,
    Replies,
    ReplyRecord,
    RuleCounts,
    TranscriptsFile,
    TrialRecord,
)
from mmlu_kit.report import chat_figures, figures
from mmlu_kit.settings import LoadSettings
from mmlu_kit.user_errors import UserError

from tests.helpers import chats
from tests.unit.test_figures import inside


def trial(kind, distance=1):
    values = {"value": None if kind == "never" else "Alice", "stale": "Bruno" if kind == "corrected" else None}
    values["word"] = "indeed" if kind == "rule" else None
    return TrialRecord(kind=kind, distance=distance, fact="name", turns=1, messages_sha256="0" * 64, **values)


def probe(trial, strategy, outcome, in_context=True, kept=None, tokens=10, cached=4):
    reply = ReplyRecord(text="", outcome=outcome, rule_kept=kept)
    return ProbeRecord(
        trial=trial,
        strategy=strategy,
        in_context=in_context,
        stale_in_context=False,
        left_out=0,
        prompt_tokens=tokens,
        cached_tokens=cached,
        replies=Replies(model=reply, oracle=reply),
    )


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


def test_a_rows_counts_match_its_replies():
    row = summary.row(TRIALS, FULL, "model", "full", None)
    recall = row.recall
    assert (row.reader, row.strategy, row.distance) == ("model", "full", None)
    assert (recall.n, recall.in_context, recall.right, recall.right_in_context) == (4, 4, 3, 3)
    assert (recall.other, recall.not_knowing, recall.unclear) == (0, 0, 0)
    assert (round(recall.low, 3), round(recall.high, 3)) == (0.301, 0.954)  # Wilson's interval of 3 of 4
    assert row.corrected == CorrectedCounts(n=2, stale=1)
    assert row.never == NeverCounts(n=2, false_recall=1, not_knowing=1)
    assert row.rule == RuleCounts(n=1, kept=1)
    assert row.prompt_tokens == PromptTokens(mean=150 / 7, max=50) and row.cached_tokens == CachedTokens(mean=4)


def test_a_lucky_guess_does_not_count_as_recall_in_context():
    recall = summary.row(TRIALS, LUCKY, "model", "none", None).recall
    assert (recall.in_context, recall.right, recall.right_in_context, recall.not_knowing) == (0, 1, 0, 3)


def test_there_are_rows_for_each_distance_and_for_all_distances():
    rows = summary.rows(TRIALS, FULL + NONE, ["full", "none"], [1, 4])
    right = {(row.reader, row.strategy, row.distance): row.recall.right for row in rows}
    assert len(rows) == len(right) == 2 * 2 * 3
    assert [right["model", "full", distance] for distance in (None, 1, 4)] == [3, 1, 2]
    assert [right["oracle", "none", distance] for distance in (None, 1, 4)] == [0, 0, 0]


def test_each_reader_is_judged_by_its_own_replies():
    right, wrong = (ReplyRecord(text="", outcome=outcome, rule_kept=None) for outcome in ("right", "other"))
    probes = [probe(0, "full", "right").model_copy(update={"replies": Replies(model=wrong, oracle=right)})]
    counts = {reader: summary.row(TRIALS, probes, reader, "full", None).recall for reader in summary.READERS}
    assert {reader: (recall.right, recall.other) for reader, recall in counts.items()} == {"model": (0, 1), "oracle": (1, 0)}


def test_strategies_are_compared_with_full_history_on_the_same_facts():
    told = [trial("told")] * 9
    full = [probe(number, "full", "right" if number < 8 else "other") for number in range(9)]
    none = [probe(number, "none", "right" if number == 8 else "not_knowing") for number in range(9)]
    window = [probe(number, "last_turns(2)", "right" if number else "other") for number in range(9)]
    first, second = summary.compare_strategies(told, full + none + window, ["none", "full", "last_turns(2)"])
    assert (first.strategy, first.only_full, first.only_strategy) == ("none", 8, 1)
    assert first.p == pytest.approx(2 * (1 + 9) / 2**9)  # exact binomial of 1 or fewer in 9
    assert first.p_holm == pytest.approx(2 * first.p)
    assert (second.strategy, second.only_full, second.only_strategy, second.p_holm) == ("last_turns(2)", 1, 1, 1.0)


def test_times_are_medians_with_their_range():
    times = [chats.first_token("full", warm_s=warm, cold_s=2 * warm) for warm in (1.0, 5.0, 2.0)]
    (row,) = summary.first_token(times, ["none", "full"])
    assert row.n == 3 and row.warm_s == MedianRange(median=2.0, smallest=1.0, largest=5.0)
    assert row.cold_s.median == 4.0 and row.prompt_tokens.median == 80 and row.cached_tokens.median == 40
    off = summary.independent(chats.times(off=0.5).independent)["off"]
    assert off.n == 3 and off.total_s.median == 0.5 and off.first_token_s.median == 0.002


def test_a_model_that_was_not_run_has_its_reason(tmp_path):
    (summarized,) = chats.chat().models
    chats.default().write(tmp_path / "m/recall.json")
    manifests = dict.fromkeys(("n", "m"), chats.manifest(tmp_path / "m.json"))
    chats.times().write(tmp_path / "m/times.json")
    requested = LoadSettings(device="mps")
    not_run = NotRun(model="n", requested=requested, reason="no mps", subject="chat")
    for name in ("n/recall.json", "n/times.json", "transcripts.json"):
        not_run.write(tmp_path / name)
    chat = chat_file.summarize(manifests, tmp_path)
    assert chat.models == [summarized] and chat.transcripts is None
    assert chat.not_run == [ChatModelNotRun(model="n", requested=requested, reason="no mps")]
    TranscriptsFile(**dict(chats.transcripts())).write(tmp_path / "transcripts.json")
    chat = chat_file.summarize({"m": manifests["m"]}, tmp_path)
    assert chat.not_run == [] and chat.transcripts == chats.transcripts()


def test_the_growth_of_prompts_tells_when_the_context_is_full():
    (model,) = chats.chat().models
    tokens = {None: 1, 1: 70, 4: 130}
    rows = [row.model_copy(update={"prompt_tokens": PromptTokens(mean=tokens[row.distance], max=200)}) for row in model.rows]
    model = model.model_copy(update={"context": 1000, "max_new_tokens": 50, "rows": rows})
    assert growth.growth(model) == growth.Growth(tokens_a_turn=20, turns=1 + (1000 - 50 - 70) // 20)
    unknown = model.model_copy(update={"context": None})
    assert growth.growth(unknown) == growth.Growth(tokens_a_turn=20, turns=None)
    short = model.model_copy(update={"rows": [row for row in rows if row.distance != 4]})
    assert growth.growth(short) is None


SMALL = chats.chat(chats.recall(each=2))


@pytest.mark.parametrize("form", ["svg", "png"])
def test_the_recall_figure_is_reproducible(form):
    first = figures.render(chat_figures.chat_recall, form, SMALL)
    assert first == figures.render(chat_figures.chat_recall, form, SMALL)


def test_nothing_is_cut_off_the_figure_of_two_models():
    strategies = ("none", "full", "last_turns(2)", "token_budget(60)")
    names = ("m", "A-model-with-a-rather-long-name")
    inside(
        chat_figures.chat_recall,
        chats.chat(*(chats.recall(chats.knows_nothing, name, strategies, (1, 16), 1) for name in names)),
    )


def test_the_figure_shows_recall_and_facts_in_context_for_each_strategy():
    figure = chat_figures.chat_recall(SMALL)
    by_title = {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}
    assert list(by_title) == list(chats.STRATEGIES)
    still, oracle, model = by_title["last_turns(2)"].lines[:3]
    assert list(still.get_ydata()) == list(oracle.get_ydata()) == list(model.get_ydata()) == [100, 0]
    assert [text.get_text() for text in figure.legends[0].get_texts()][1] == "oracle (no language model)"
    figures.pyplot.close(figure)


def test_a_summary_that_lacks_a_number_is_refused(tmp_path):
    chat = chats.chat().plain()
    del chat["models"][0]["rows"][0]["recall"]["n"]
    files.write_json(tmp_path / "chat.json", chat)
    with pytest.raises(UserError, match=r"chat\.json: not a valid chat_summary file at models\.0\.rows\.0\.recall\.n"):
        ChatFile.read(tmp_path / "chat.json")

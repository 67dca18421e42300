"""The recall experiment's conversations, and the check that the oracle recalls everything in context."""

import itertools
import re

import pytest
from mmlu_kit.chat import views
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.models import tokenizers
from mmlu_kit.recall import conversations, judging, oracle, probes, scripts, summary
from mmlu_kit.user_errors import UserError

from tests.helpers import chats

MATERIAL = chats.MATERIAL
DISTANCES = (1, 2, 4, 8, 16)
STRATEGIES = ["none", "full", "last_turns(2)", "last_turns(8)", "token_budget(128)", "token_budget(512)"]


@pytest.fixture(scope="module")
def trials():
    return conversations.trials(MATERIAL, DISTANCES, 4, 2026)


def users(trial):
    return [message["content"] for message in trial.messages if message["role"] == "user"]


def test_trials_depend_only_on_the_seed(trials):
    assert conversations.trials(MATERIAL, DISTANCES, 4, 2026) == trials
    assert conversations.trials(MATERIAL, DISTANCES, 4, 1) != trials
    # A cell is the same whatever else is asked for, so that a study with more of them agrees with one with fewer.
    assert set(map(repr, conversations.trials(MATERIAL, (4,), 2, 2026))) < set(map(repr, trials))


@pytest.mark.parametrize("kind", conversations.KINDS)
def test_the_fact_is_told_exactly_its_distance_back(trials, kind):
    for trial in (trial for trial in trials if trial.kind == kind):
        said = users(trial)
        places = [len(said) - 1 - place for place, text in enumerate(said) if trial.value and f" {trial.value}." in text]
        assert places == ([] if kind == "never" else [trial.distance])
        assert trial.distance < len(said) <= trial.distance + 6


def test_a_corrected_fact_was_first_told_wrongly(trials):
    for trial in (trial for trial in trials if trial.kind == "corrected"):
        said = users(trial)
        stale = [len(said) - 1 - place for place, text in enumerate(said) if f" {trial.stale}." in text]
        assert len(stale) == 1 and stale[0] > trial.distance and trial.stale != trial.value
        assert said[-1 - trial.distance].startswith("Sorry, I got that wrong.")


def test_a_rule_is_in_the_system_message_and_scripted_replies_keep_it(trials):
    for trial in trials:
        ruled = trial.kind == "rule"
        assert ("End every reply" in trial.messages[0]["content"]) == ruled == bool(trial.word)
        replies = [message["content"] for message in trial.messages if message["role"] == "assistant"]
        assert not ruled or all(judging.keeps_rule(reply, trial.word) for reply in replies)


def test_answers_occur_on_no_other_line():
    lines = [MATERIAL.system, MATERIAL.rule, MATERIAL.noted, *itertools.chain(*MATERIAL.fillers), *MATERIAL.independent]
    lines += [line for fact in MATERIAL.facts for line in (fact.ask, fact.tell, fact.correct, *fact.claims)]
    for fact in MATERIAL.facts:
        assert len({value.lower() for value in fact.values}) == len(fact.values) == 20
        for value in fact.values:
            assert not [line for line in lines if judging.names(line, value)], value
            # No value is part of another, so that a reply cannot name two at once.
            assert [other for other in fact.values if judging.names(other, value)] == [value]


def test_all_facts_are_asked_equally_often():
    trials = conversations.trials(MATERIAL, (1,), 20, 1)
    counts = {fact.name: sum(trial.fact == fact.name for trial in trials) for fact in MATERIAL.facts}
    assert set(counts.values()) == {8}


def made_probes(tokenizer, trials):
    return probes.probes(trials, list(map(views.parse, STRATEGIES)), ChatTemplate(tokenizer), 2000)


def check_oracle(made, trials, tokenizer):
    answers = probes.oracle_answers(probes.distinct_prompts(made), tokenizer, MATERIAL)
    records = [
        probes.probe_record(probe, trials[probe.trial], answers[probe.ids], answers[probe.ids], MATERIAL) for probe in made
    ]
    rows = summary.rows(list(map(probes.trial_record, trials)), records, STRATEGIES, DISTANCES)
    for row in rows:
        assert row.recall.right == row.recall.in_context == row.recall.right_in_context, row
        assert row.never.not_knowing == row.never.n and row.rule.kept == row.rule.n
    # A stale answer is the right reading of a prompt that still has the old value and not its correction: views never do.
    assert not any(row.corrected.stale for row in rows)
    return {(row.strategy, row.distance): row.recall.right / row.recall.n for row in rows}


@pytest.fixture(scope="module")
def demo(root):
    return tokenizers.load_tokenizer(root / "workflow/demo/models/demo-medium")


@pytest.fixture(scope="module")
def shown(demo, trials):
    """The probes for a model with the demo's tokenizer."""
    return made_probes(demo, trials)


def test_the_oracle_recalls_exactly_the_facts_in_context(shown, demo, trials):
    shares = check_oracle(shown, trials, demo)
    for distance in DISTANCES:
        assert shares["full", distance] == 1 and shares["none", distance] == 0
        for turns in (2, 8):
            assert shares[f"last_turns({turns})", distance] == (1 if distance <= turns else 0)
    assert 0 < shares["token_budget(128)", None] < shares["token_budget(512)", None] <= 1


@pytest.mark.parametrize("template", ["llama-3.2-instruct", "qwen2.5-instruct"])
def test_the_oracle_recalls_facts_in_context_with_real_chat_templates(real_data, template, trials):
    tokenizer = tokenizers.load_tokenizer(real_data / "tokenizers/qwen2.5-instruct")
    tokenizer.chat_template = (real_data / f"chat_templates/{template}.jinja").read_text()
    few = trials[::4]
    check_oracle(made_probes(tokenizer, few), few, tokenizer)


def test_cached_tokens_come_from_the_previous_turn(shown, trials):
    by_strategy = {name: [probe for probe in shown if probe.strategy == name] for name in STRATEGIES}
    for probe in by_strategy["full"]:
        # The whole chat goes on: all that the cache has but what closes the reply is used again.
        assert probe.cached >= len(probe.before) - 1
    slid = [probe for probe in by_strategy["last_turns(2)"] if trials[probe.trial].distance >= 4]
    assert slid and all(probe.left_out and probe.cached < len(probe.ids) / 2 for probe in slid)
    for probe in shown:
        assert probe.ids[: probe.cached] == probe.before[: probe.cached] and probe.cached < len(probe.ids)


def test_no_prompt_is_longer_than_its_budget(shown):
    for probe in shown:
        budget = re.fullmatch(r"token_budget\((\d+)\)", probe.strategy)
        assert len(probe.ids) <= (int(budget[1]) if budget else 2000)


def test_a_budget_too_small_for_the_question_is_a_user_error(demo, trials):
    with pytest.raises(UserError, match=r"strategy token_budget\(5\): the shortest view takes \d\d tokens, but it may have 5"):
        probes.probes(trials[:1], [views.parse("token_budget(5)")], ChatTemplate(demo), None)


@pytest.mark.parametrize(
    ("prompt", "reply"),
    [
        ("user: My name is Rosa.\nuser: What is my name?", "Your name is Rosa."),
        ("My name is Rosa. Sorry, I got that wrong. My name is Otto. What is my name?", "Your name is Otto."),
        ("I live in Oslo.\nWhich city do I live in?", "you live in Oslo."),
        ("I live in Oslo.\nWhat is my name?", oracle.UNKNOWN),
        ("My next meeting is on 2 January.\nWhen is my next meeting?", "Your next meeting is on 2 January."),
        ('End every reply with the word "over".\nWhat is my name?', "I do not know. You have not told me, over."),
    ],
)
def test_the_oracle_reads_its_prompt(prompt, reply):
    assert oracle.reply(prompt, MATERIAL) == reply


@pytest.mark.parametrize("text", ["", "facts: 3", "\xff", "alice: \x00", "system: x\nfacts: [{fact: a}]", "facts: [", "- a"])
@pytest.mark.parametrize("read", [conversations.read, scripts.read])
def test_a_damaged_file_is_reported_in_one_line(tmp_path, text, read):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(UserError, match=r"x\.yaml(: | is not)"):
        read(tmp_path / "x.yaml")
    with pytest.raises(UserError, match=r"nowhere\.yaml does not exist"):
        read(tmp_path / "nowhere.yaml")


def test_a_chat_cannot_be_saved_at_its_end(tmp_path):
    text = (chats.RECALL / "transcripts.yaml").read_text()
    (tmp_path / "x.yaml").write_text(text.replace("saved_after: 3", "saved_after: 6"))
    with pytest.raises(UserError, match=r"x\.yaml: .*saved_after must be smaller than the number of turns"):
        scripts.read(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_text(text.replace("strategy: full", "strategy: all"))
    with pytest.raises(UserError, match="'all' is not a strategy"):
        scripts.read(tmp_path / "x.yaml")

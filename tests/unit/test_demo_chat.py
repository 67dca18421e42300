"""The demo chat model: its training data, its training, and its recall of values that were not in training."""

import itertools
import json
import random
import re
from collections import Counter

import pytest
import torch
import transformers
import yaml
from mmlu_kit.chat import replies
from mmlu_kit.evaluation import token_ids
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.recall import conversations, judging
from recipes import conversing, talk, tokenizer, values
from recipes.muon import Muon, orthogonal


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """Use one thread: so small a model gains nothing from more, and loses much if other programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def material(root):
    return conversations.read(root / "workflow/recall/conversations.yaml")


@pytest.fixture(scope="module")
def told(material, root):
    return talk.read(material, root / "workflow/demo/chat.yaml")


@pytest.fixture(scope="module")
def folder(root):
    return root / "workflow/demo/models/demo-chat"


@pytest.fixture(scope="module")
def pieces(folder):
    return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.fixture(scope="module")
def drawn(told):
    chance = random.Random(0)
    return [talk.conversation(told, chance.randint(1, 12), chance) for _ in range(2000)]


def runs(text):
    """Return a text's words and pairs of words in lower case, as values have one or two words."""
    found = re.findall(r"[a-z0-9]+", text.lower())
    return {*found, *map(" ".join, itertools.pairwise(found))}


def test_no_value_of_the_experiment_occurs_in_training(drawn, material):
    said = set().union(*(runs(message.content) for conversation in drawn for message in conversation))
    held_out = [value for fact in material.facts for value in fact.values] + [*material.rule_words]
    assert len(held_out) > 200 and len(said) > 5000
    assert not {value.lower() for value in held_out} & said


@pytest.mark.parametrize(
    "example, form", [("Alice", r"[A-Za-z]+"), ("2417", r"\d{3,6}"), ("2 January", r"\d{1,2} [A-Z][a-z]+")]
)
def test_made_up_values_look_like_real_ones_and_are_never_held_out_values(example, form):
    chance = random.Random(1)
    made = [values.like([example], {"1234", "1 may"}, chance) for _ in range(3000)]
    assert all(re.fullmatch(form, value) for value in made) and not {"1234", "1 May"} & set(made)
    assert len(set(made)) > 250


def test_training_replies_give_the_latest_value_or_say_that_there_is_none(drawn, told):
    value = r"(\w+(?: [A-Z]\w+)?)"
    statements = {
        number: re.compile("|".join(re.escape(w).replace(r"\{value\}", value) for w in (*subject.tell, *subject.correct)))
        for number, subject in enumerate(told.subjects)
    }
    questions = {wording: number for number, subject in enumerate(told.subjects) for wording in subject.ask}
    seen = {0: 0, 1: 0, 2: 0}
    for said in drawn[:500]:
        rule = re.search(r'"(\w+)"', said[0].content)
        known = {number: [] for number in statements}
        for message, reply in itertools.pairwise(said):
            for number, statement in statements.items() if message.role == "user" else ():
                if found := statement.fullmatch(message.content):
                    known[number].append(next(filter(None, found.groups())))
            if message.content in questions and reply.learned:
                number = questions[message.content]
                right = told.subjects[number].reply.format(value=known[number][-1]) if known[number] else told.unknown
                assert reply.content == (conversations.with_word(right, rule[1]) if rule else right)
                seen[min(2, len(known[number]))] += 1
    assert min(seen.values()) > 50, seen


def test_the_loss_covers_only_the_assistants_words(drawn, pieces):
    some = [said for said in drawn if any(m.role == "assistant" and not m.learned for m in said)][:5] + drawn[:20]
    ids, targets = conversing.encode(some, pieces)
    for row, said in enumerate(some):
        learned = "".join(f"{message.content}<|im_end|>" for message in said if message.learned)
        assert pieces.decode(targets[row][targets[row] != conversing.IGNORED]) == learned
        places = (targets[row] != conversing.IGNORED).nonzero().flatten()
        assert torch.equal(ids[row, places + 1], targets[row, places])


def test_initial_attention_heads_look_one_two_and_more_tokens_back(pieces):
    torch.manual_seed(0)
    model = conversing.new_model(64, pieces)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        attention = model(input_ids=torch.arange(10, 50)[None], output_attentions=True).attentions[0][0]
    for head in range(4):
        assert (attention[head, 10:].argmax(-1) == torch.arange(10, 40) - head - 1).all()


def test_muon_updates_are_nearly_orthogonal_and_match_torchs():
    torch.manual_seed(0)
    assert torch.linalg.svdvals(orthogonal(torch.randn(3, 48, 96))).sub(1).abs().max() < 0.4
    ours, torchs = ([torch.nn.Parameter(torch.ones(*shape)) for shape in ((8, 8), (16, 8), (8, 16), (8, 8))] for _ in range(2))
    optimizers = Muon(ours, lr=0.1, weight_decay=0.01), torch.optim.Muon(torchs, lr=0.1, weight_decay=0.01)
    for _ in range(3):
        for weight, reference in zip(ours, torchs, strict=True):
            weight.grad = torch.randn_like(weight)
            reference.grad = weight.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for weight, reference in zip(ours, torchs, strict=True):
        # torch's computes in bfloat16
        assert (weight - reference).abs().max() < 0.03 < (weight - 1).abs().max()


def test_a_short_training_lowers_the_loss_and_is_reproducible(told, pieces):
    recipe = conversing.Recipe(hidden=32, repeats=0, steps=30, tokens=300, turns=1, seed=1)
    lines, again = [], []
    first, second = (conversing.train(recipe, pieces, told, log.append) for log in (lines, again))
    assert float(re.search(r"loss ([\d.]+)", lines[-1])[1]) < 3.0 < torch.tensor(len(pieces)).log()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_the_committed_tokenizer_is_reproducible_and_round_trips_any_text(told, pieces):
    made = tokenizer.conversation_tokenizer(told)
    assert made.get_vocab() == pieces.get_vocab()
    for text in ("My name is Alice.", "I live in Zürich 🙂, 質問!\n", "<|im_start|>user\nHello.<|im_end|>"):
        ids = pieces(text)["input_ids"]
        assert pieces.decode(ids) == text and ids == made(text)["input_ids"]


def test_config_describes_the_chat_model(root, folder):
    entry = yaml.safe_load((root / "config.yaml").read_text())["models"]["demo-chat"]
    made = json.loads((folder / "config.json").read_text())
    assert made["hidden_size"] == conversing.RECIPE.hidden
    assert entry["path"] == "workflow/demo/models/demo-chat" and f"hidden size {made['hidden_size']}" in entry["description"]


@pytest.fixture(scope="module")
def outcomes(folder, pieces, material):
    """Counts of outcomes by kind of conversation, for values not seen in training, at most eight turns back."""
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    template = ChatTemplate(pieces)
    replier = replies.Replier(model, template)
    counts = {kind: Counter() for kind in conversations.KINDS}
    for trial in conversations.trials(material, (1, 2, 4, 8), 5, seed=1):
        reply = "".join(replier.reply(token_ids.prompt_ids(trial.messages, template), 40))
        counts[trial.kind][judging.outcome(reply, trial, material)] += 1
        counts[trial.kind]["rule kept"] += bool(trial.word) and judging.keeps_rule(reply, trial.word)
    return counts


def test_the_committed_chat_model_recalls_the_latest_value(outcomes):
    assert outcomes["told"]["right"] >= 17 and outcomes["corrected"]["right"] >= 16
    assert outcomes["corrected"]["stale"] <= 2


def test_the_committed_chat_model_does_not_invent_facts(outcomes):
    assert outcomes["never"]["not_knowing"] >= 19


def test_the_committed_chat_model_keeps_the_system_messages_rule(outcomes):
    assert outcomes["rule"]["rule kept"] >= 14

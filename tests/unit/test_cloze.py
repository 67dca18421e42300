"""Cloze: each choice's log-probability is the one that the plainest program computes, however the choices are packed."""

import copy
import dataclasses

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from mmlu_kit.evaluation import encoding, scoring, unpacked
from mmlu_kit.evaluation.continuations import Continuation, best
from mmlu_kit.evaluation.rows import Row, Rows, cloze_rows, shared_prefix
from mmlu_kit.inputs import questions
from mmlu_kit.models import tokenizers, transformers_model
from mmlu_kit.settings import LoadSettings, PromptSettings, Score
from mmlu_kit.user_errors import UserError
from tokenizers.pre_tokenizers import ByteLevel

from benchmarks.make_random_model import save
from tests.helpers import families, scored_prompts


@pytest.fixture(scope="module")
def loaded(root, tmp_path_factory):
    folder = save(tmp_path_factory.mktemp("model"), root / "workflow/demo/models/demo-small")
    return transformers_model.load_model(folder, LoadSettings()), tokenizers.load_tokenizer(folder)


@pytest.fixture(scope="module")
def astronomy(root):
    """Questions with 2 to 6 choices of one to many tokens; one has equal choices, one begins like another."""
    read = questions.read_folder(root / "workflow/demo/questions", "astronomy")
    tests = questions.split(read, "test")[:12]
    widths = (2, 3, 4, 5, 6)
    texts = [choice for question in tests for choice in question.choices]
    changed = [
        dataclasses.replace(question, choices=tuple(texts[place : place + widths[place % 5]]), answer="B")
        for place, question in enumerate(tests)
    ]
    changed[0] = dataclasses.replace(changed[0], choices=("red", "red"))
    changed[1] = dataclasses.replace(changed[1], choices=("red", "red and blue", "red and blue and green"))
    return [*questions.split(read, "dev"), *changed]


def prepare(subject_questions, tokenizer, context=4096, **settings):
    requested = PromptSettings(**settings)
    shown = questions.split(subject_questions, "dev")[: requested.examples]
    return encoding.prepare(questions.split(subject_questions, "test"), shown, requested, tokenizer, context), requested


def score(loaded, prepared, requested, tokens=768):
    model, tokenizer = loaded
    return scoring.score(model, tokenizer, prepared, tokens, requested, {}, lambda number, records: None)


def plain_sum(model, ids, added):
    """The log-probability of `added` after `ids`: the whole model on the whole row, nothing shared."""
    with torch.inference_mode():
        logprobs = torch.log_softmax(model(torch.tensor([[*ids, *added][:-1]])).logits[0].double(), dim=-1)
    return float(sum(logprobs[len(ids) + place - 1, token] for place, token in enumerate(added)))


@pytest.mark.parametrize(
    "settings", [{"preset": "cloze"}, {"preset": "cloze", "examples": 3}, {"preset": "olmes", "examples": 1}]
)
@pytest.mark.parametrize("tokens", [768, 1, None])
def test_each_choices_log_probability_is_that_of_a_whole_row(loaded, astronomy, settings, tokens):
    model, tokenizer = loaded
    prepared, requested = prepare(astronomy, tokenizer, **settings)
    records, packing = score(loaded, prepared, requested, tokens)
    assert (packing.packed, packing.alone) == ((12, 0) if tokens else (0, 12))
    for prompt, record in zip(prepared, records, strict=True):
        context = tokenizer(prompt.text)["input_ids"]
        alone = tokenizer("Answer:")["input_ids"]
        for text, choice in zip(prompt.question.choices, record.cloze, strict=True):
            added = tokenizer(f"{prompt.text} {text}")["input_ids"][len(context) :]
            assert choice.logprob == pytest.approx(plain_sum(model, context, added), abs=1e-4)
            assert choice.unconditional == pytest.approx(plain_sum(model, alone, added), abs=1e-4)
            assert (choice.tokens, choice.characters, choice.bytes) == (len(added), len(text), len(text.encode()))
        assert record.predicted == record.predicted_by(Score.CHARACTER)
    assert len({record.predicted for record in records}) > 1


def test_nothing_is_generated(loaded, astronomy):
    prepared, requested = prepare(astronomy, loaded[1], preset="cloze")
    for record in score(loaded, prepared, requested)[0]:
        assert (record.generated, record.parsed, record.correct_generated, record.letter_logprobs) == (None, None, None, None)


def test_the_score_decides_which_choice_is_the_answer(loaded, astronomy):
    answers = {}
    for by in Score:
        prepared, requested = prepare(astronomy, loaded[1], preset="cloze", score=by)
        records, _ = score(loaded, prepared, requested)
        assert [record.predicted for record in records] == [record.predicted_by(by) for record in records]
        answers[by] = "".join(record.predicted for record in records)
    assert len(set(answers.values())) > 1


def test_without_unconditional_probabilities_only_pmi_is_not_known(loaded, astronomy):
    prepared, requested = prepare(astronomy, loaded[1], preset="cloze", unconditional=False)
    everything, _ = score(loaded, *prepare(astronomy, loaded[1], preset="cloze"))
    for record, whole in zip(score(loaded, prepared, requested)[0], everything, strict=True):
        assert [choice.logprob for choice in record.cloze] == pytest.approx([one.logprob for one in whole.cloze], abs=1e-4)
        assert {choice.unconditional for choice in record.cloze} == {None} and record.predicted == whole.predicted
    assert requested.scores == [Score.RAW, Score.TOKEN, Score.CHARACTER, Score.BYTE]


def test_scores_divide_the_log_probability():
    choice = Continuation(logprob=-12.0, unconditional=-20.0, tokens=2, characters=3, bytes=4)
    assert [choice.score(by) for by in Score] == [-12.0, -6.0, -4.0, -3.0, 8.0]
    empty = Continuation(logprob=-1.0, unconditional=-2.0, tokens=1, characters=0, bytes=0)
    assert best([empty, choice], Score.CHARACTER) == "B" and best([empty, choice], Score.RAW) == "A"
    assert best([choice, choice], Score.PMI) == "A"


def test_a_choice_that_changes_the_tokens_before_it_is_refused(astronomy):
    """A tokenizer that joins the colon and the space, of which the space is the choice's."""
    vocabulary = {chr(i): i for i in range(33, 127)} | {"\u0120": 1, "\u010a": 2, ":\u0120": 3, "<|endoftext|>": 4}
    tokenizer = transformers.Qwen2Tokenizer(vocab=vocabulary, merges=[(":", "\u0120")])
    tokenizer.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    with pytest.raises(UserError, match=r"astronomy/test/0: the choice 'red' changes the tokens of the prompt before it"):
        prepare(astronomy, tokenizer, preset="cloze")


def test_a_prompt_whose_longest_choice_exceeds_the_context_is_refused(loaded, astronomy):
    prepared, _ = prepare(astronomy, loaded[1], preset="cloze")
    longest = max(prompt.rows.longest for prompt in prepared)
    assert longest > max(len(prompt.ids) for prompt in prepared)
    prepare(astronomy, loaded[1], context=longest, preset="cloze")
    with pytest.raises(UserError, match=rf": {longest} tokens, but the model's context is {longest - 1}"):
        prepare(astronomy, loaded[1], context=longest - 1, preset="cloze")


PROMPT = (1, 2, 3)


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ([(4,), (5,), (6,)], [(PROMPT, 1)]),
        ([(4,), (5, 6), (7, 8, 9)], [(PROMPT, 1), ((*PROMPT, 5), 2), ((*PROMPT, 7, 8), 3)]),
        ([(4, 5), (4, 5), (4,)], [((*PROMPT, 4), 2), (PROMPT, 1)]),
        ([(4, 5), (4, 5, 6), (4, 5)], [((*PROMPT, 4), 2), ((*PROMPT, 4, 5), 3)]),
    ],
)
def test_equal_rows_are_read_once_and_each_has_its_own_output_after_the_prompt(choices, expected):
    assert cloze_rows("q", PROMPT, choices).rows == tuple(Row(*row) for row in expected)


rows = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=6), min_size=1, max_size=5)


@given(rows, st.data())
def test_a_layout_has_every_beginning_once_and_each_token_sees_its_own_row(drawn, data):
    outputs = [data.draw(st.integers(1, len(row))) for row in drawn]
    question = Rows("q", tuple(Row(tuple(row), wanted) for row, wanted in zip(drawn, outputs, strict=True)))
    start = data.draw(st.integers(0, shared_prefix([question])))
    layout = question.laid_out(start)
    beginnings = {tuple(row[:end]) for row in drawn for end in range(start + 1, len(row) + 1)}
    assert len(layout.ids) == question.tokens(start) == len(beginnings)
    wanted = iter(layout.outputs)
    for path, row, count in zip(layout.paths, drawn, outputs, strict=True):
        assert path == sorted(path)  # a token sees earlier ones only
        assert [layout.ids[place] for place in path] == row[start:]
        assert [layout.positions[place] for place in path] == list(range(start, len(row)))
        assert [next(wanted) for _ in range(count)] == path[-count:]


def test_a_question_whose_choices_begin_alike_is_packed_with_what_they_share_once():
    choices = [(4, 5, 6), (4, 5, 7, 8), (4, 9, 6), (5, 5, 6)]
    layout = cloze_rows("q", PROMPT, choices).laid_out(1)
    assert layout.ids == [2, 3, 4, 5, 7, 9, 5, 5]
    assert layout.paths == [[0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 5], [0, 1, 6, 7]]


@pytest.mark.parametrize(
    "choices", [("red one", "blue one", "two greens"), ("red and blue and green", "a blue moon", "red and blue")]
)
@pytest.mark.parametrize("tokens", [768, 1])
def test_choices_that_see_each_other_are_found(loaded, astronomy, choices, tokens, monkeypatch):
    """Also where the last choice is the beginning of another one, and sees nothing of its own."""
    monkeypatch.setattr(unpacked.Unpacked, "_own_rows", lambda rows: rows.causal_mask())
    changed = [dataclasses.replace(question, choices=choices, answer="A") for question in astronomy]
    prepared, requested = prepare(changed, loaded[1], preset="cloze", unconditional=False)
    _, used = score(loaded, prepared[:3], requested, tokens)
    assert (used.packed, used.reason) == (0, "packed scores differ from its own")


def test_the_tokens_that_only_one_row_has():
    question = Rows("q", (Row((1, 2, 3)), Row((1, 2, 3, 4, 5)), Row((1, 6))))
    assert [question.alone(place) for place in range(3)] == [0, 2, 1]
    assert question.with_last(0).rows == (question.rows[1], question.rows[2], question.rows[0])
    assert Rows("q", (Row((1, 2)),)).alone(0) == 0


def test_tokens_that_are_read_without_the_question_are_checked_too(loaded, astronomy):
    """A tokenizer may write 'Answer:' in other tokens at the beginning of a text, which the model may lack."""
    prompt = prepare(astronomy, loaded[1], preset="cloze")[0][0]
    first, *others = prompt.choices
    other = first._replace(unconditional=((90_001,), (90_002,)))
    assert {90_001, 90_002} <= set(dataclasses.replace(prompt, choices=(other, *others)).token_ids)


def test_a_choice_is_scored_with_the_positions_of_its_own_row():
    """Beyond 64 tokens this model's rotary frequencies are others, and only the longest choice goes beyond them."""
    model = families.model("llama longrope")
    ids = ((5,), (6, 7), (8, 9, 10, 11, 12, 13, 14))
    (prompt,) = scored_prompts.make_prompts((50,), 12)
    prompt = dataclasses.replace(
        prompt,
        question=dataclasses.replace(prompt.question, choices=("a", "b", "c")),
        letter_ids=(),
        choices=tuple(encoding.Choice(added, ((1, 9), added)) for added in ids),
    )
    expected = [plain_sum(copy.deepcopy(model), prompt.ids, added) for added in ids]
    (record,), _ = score((model, scored_prompts.TOKENIZER), [prompt], PromptSettings(preset="cloze"))
    assert [choice.logprob for choice in record.cloze] == pytest.approx(expected, abs=1e-4)

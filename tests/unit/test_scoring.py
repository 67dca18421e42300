"""Scores: the same as scoring each question alone and in full, whatever the batches; and no score where none is exact."""

import pytest
import torch
import transformers
from mmlu_kit import models, questions, scoring
from mmlu_kit.problems import Problem

from benchmarks.make_random_model import save


@pytest.fixture(scope="module")
def loaded(root, tmp_path_factory):
    folder = save(tmp_path_factory.mktemp("model"), root / "workflow/demo/models/demo-small")
    return models.load_model(folder, "cpu", "float32", "none"), models.load_tokenizer(folder)


@pytest.fixture(scope="module")
def asked(root):
    return questions.read_folder(root / "workflow/demo/questions", "astronomy")


def prepare(asked, tokenizer, template="plain", examples=0, context=4096):
    return scoring.prepare(
        questions.split(asked, "test"), questions.split(asked, "dev")[:examples], template, tokenizer, context
    )


@pytest.mark.parametrize(("template", "examples"), [("plain", 0), ("plain", 5), ("chat", 0), ("chat", 2)])
def test_batched_scores_equal_scores_of_each_question_alone(loaded, asked, template, examples):
    model, tokenizer = loaded
    prepared = prepare(asked, tokenizer, template, examples)
    records = scoring.score(model, tokenizer, prepared, 2048, lambda count: None)
    assert [record["index"] for record in records] == list(range(len(prepared)))
    for prompt, record in zip(prepared, records, strict=True):
        with torch.inference_mode():
            logits = model(torch.tensor([prompt.ids])).logits[0, -1]
        alone = torch.log_softmax(logits.double(), dim=-1)
        mine = torch.tensor([record["letter_logprobs"][letter] for letter in "ABCD"], dtype=torch.float64)
        torch.testing.assert_close(mine, alone[list(prompt.letter_ids)], atol=1e-5, rtol=0)
        assert record["predicted"] == "ABCD"[int(mine.argmax())]
        assert record["generated"] == tokenizer.decode([int(alone.argmax())])
        assert record["letter_mass"] == pytest.approx(float(mine.exp().sum()), rel=1e-4)
        assert record["correct"] == (record["predicted"] == record["gold"])


def test_letters_are_the_tokens_that_join_the_prompt(loaded, asked):
    _, tokenizer = loaded
    plain, chat = prepare(asked, tokenizer)[0], prepare(asked, tokenizer, "chat")[0]
    assert [tokenizer.decode([i]) for i in plain.letter_ids] == [" A", " B", " C", " D"]
    assert [tokenizer.decode([i]) for i in chat.letter_ids] == ["A", "B", "C", "D"]
    assert plain.text.startswith("The following are multiple choice questions (with answers) about astronomy.\n\n")


def test_batches_hold_every_question_once_within_the_budget(loaded, asked):
    _, tokenizer = loaded
    prepared = prepare(asked, tokenizer)
    planned = scoring.batches(prepared, 300)
    assert sorted(position for batch in planned for position in batch) == list(range(len(prepared)))
    assert all(len(b) * max(len(prepared[i].ids) for i in b) <= 300 for b in planned)
    assert [len(batch) for batch in scoring.batches(prepared, 1)] == [1] * len(prepared)


def test_a_prompt_longer_than_the_context_names_its_question(loaded, asked):
    _, tokenizer = loaded
    with pytest.raises(Problem, match=r"astronomy/test/0: \d+ tokens, and the model's context is 40"):
        prepare(asked, tokenizer, context=40)


def test_letters_of_several_tokens_cannot_be_scored(asked, tmp_path):
    # A tokenizer of single bytes joins 'Answer:' and ' A' in two tokens, a space and a letter.
    letters = {chr(i): i for i in range(32, 127)} | {"Ġ": 127, "Ċ": 128, "<|endoftext|>": 129}
    tokenizer = transformers.Qwen2Tokenizer(vocab=letters, merges=[])
    with pytest.raises(Problem, match="'A' joined to the prompt is not exactly one token"):
        prepare(asked, tokenizer)


def test_a_chat_prompt_needs_a_chat_template(loaded, asked):
    _, tokenizer = loaded
    template, tokenizer.chat_template = tokenizer.chat_template, None
    try:
        with pytest.raises(Problem, match="no chat template"):
            prepare(asked, tokenizer, "chat")
    finally:
        tokenizer.chat_template = template


def test_output_that_is_not_a_number_names_its_question(root, asked, tmp_path):
    folder = save(tmp_path, root / "workflow/demo/models/demo-small")
    model, tokenizer = models.load_model(folder, "cpu", "float32", "none"), models.load_tokenizer(folder)
    torch.nn.init.constant_(model.model.norm.weight, float("nan"))
    with pytest.raises(Problem, match=r"astronomy/test/\d+: the model's output is not finite"):
        scoring.score(model, tokenizer, prepare(asked, tokenizer), 1024, lambda count: None)


def test_what_was_loaded_is_counted_from_the_modules(root, tmp_path):
    folder = save(tmp_path, root / "workflow/demo/models/demo-small", dtype="bfloat16")
    for dtype, size in (("float32", 4), ("bfloat16", 2)):
        model = models.load_model(folder, "cpu", dtype, "none")
        parts = models.effective(model)
        assert {(part["dtype"], part["device"]) for part in parts} == {(dtype, "cpu")}
        assert sum(part["bytes"] for part in parts) == size * sum(weight.numel() for weight in model.parameters())


def test_a_device_that_is_not_there_is_a_problem():
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    models.check_device("cpu")
    with pytest.raises(Problem, match="'cuda' was asked for and this machine has none"):
        models.check_device("cuda")

"""The letters' tokens are found once for prompts that end alike, and are those of every prompt encoded with each letter."""

import random

import pytest
import transformers
from mmlu_kit.evaluation import token_ids
from mmlu_kit.evaluation.letter_tokens import LetterTokens
from mmlu_kit.inputs.questions import Question
from mmlu_kit.user_errors import UserError
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

ANSWERS = {"spaced": (" A", " B", " C", " D"), "bare": ("A", "B", "C", "D")}
# As GPT-2, Qwen and DeepSeek split texts; Llama 2 and Gemma do not, and put ▁ for spaces.
QWEN = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
DIGITS = r"\d{1,3}(?=(?:\d{3})*\b)"
SPLITS = {
    "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
    "qwen": pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(QWEN), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    ),
    "digits": pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(DIGITS), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    ),
    "none": None,
}
# Ends of prompts, and what may be before them.
ENDS = ["Answer:", "\nAnswer:", "The answer is", "assistant\n", "(", ": ", "  ", "1", "12", "Answer: A", " A", "é", "e\u0301"]
BEFORE = [
    "A",
    " ",
    "\n",
    "Ans",
    "answer",
    "Answer:",
    "1",
    "123",
    "é",
    "e\u0301",
    "B. the answer",
    "D.",
    "AB",
    "::",
    "\n\n",
    "▁",
    "'s",
]


def tokenizer(split, kind=models.BPE):
    made = Tokenizer(kind())
    if SPLITS[split] is None:
        made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        made.normalizer, made.pre_tokenizer = normalizers.NFC(), SPLITS[split]
    pieces = random.Random(split)
    texts = ["".join(pieces.choices([*BEFORE, *ENDS, " B", " C", " D", "B", "C"], k=60)) for _ in range(200)]
    trainer = trainers.BpeTrainer if kind is models.BPE else trainers.UnigramTrainer
    made.train_from_iterator(
        texts, trainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    )
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made)


def question():
    return Question(subject="s", index=0, question="?", choices=["a", "b", "c", "d"], answer="A", split="test")


def of(letters, text, answers):
    try:
        return letters.of(question(), [(text, False)], answers)
    except UserError as error:
        return str(error)


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=list(ANSWERS))
@pytest.mark.parametrize("split", SPLITS)
def test_remembered_letters_are_those_of_each_prompt(split, answers):
    encoder, pieces = tokenizer(split), random.Random(f"{split} {answers}")
    letters = LetterTokens("lm_eval", encoder)
    for _ in range(1500):
        text = "".join(pieces.choices(BEFORE, k=pieces.randint(0, 6))) + pieces.choice(ENDS)
        assert of(letters, text, answers) == of(LetterTokens("lm_eval", encoder), text, answers), text


def test_a_tokenizer_that_does_not_always_merge_is_asked_for_each_prompt():
    """With ignore_merges, 'xcdA' is one token, although pairs of 'abxcd' and of 'xcd' end alike."""
    vocabulary = {text: number for number, text in enumerate(["a", "b", "c", "d", "x", "y", "A", "ab", "cd", "xy", "xcdA"])}
    merges = [("a", "b"), ("c", "d"), ("x", "y")]
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    letters = LetterTokens("lm_eval", transformers.PreTrainedTokenizerFast(tokenizer_object=made))
    assert letters.of(question(), [("abxcd", False)], ("A",)).letter_ids == (vocabulary["A"],)
    with pytest.raises(UserError, match="does not add exactly one token"):
        letters.of(question(), [("xcd", False)], ("A",))


@pytest.mark.parametrize(("kind", "encoded"), [(models.BPE, 1), (models.Unigram, 3)])
def test_prompts_that_end_alike_are_encoded_with_letters_once_where_tokens_are_merged_pairs(kind, encoded, monkeypatch):
    encoder, calls = tokenizer("gpt2", kind), []
    original = token_ids.encode_with
    monkeypatch.setattr(token_ids, "encode_with", lambda answers, *rest: calls.append(answers) or original(answers, *rest))
    letters = LetterTokens("lm_eval", encoder)
    for text in ("One?\nAnswer:", "Two?\nAnswer:", "Three?\nAnswer:"):
        letters.of(question(), [(text, False)], ANSWERS["spaced"])
    assert calls.count(ANSWERS["spaced"]) == encoded

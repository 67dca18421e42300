"""The demo models' tokenizers: byte-level BPE with Qwen2's pre-tokenizer, trained on the texts that the models read."""

import random
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import transformers
from mmlu_kit.evaluation import prompts
from mmlu_kit.settings import Preset

from recipes import bank, talk
from recipes.facts import Relation

# ChatML, as in Qwen's own template, without a default system prompt.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)
ODD = ("naïve Größe 質問 🙂", "<|im_start|>user\nO(n log n)<|im_end|>")  # texts unlike the training texts


def question_tokenizer(relations: Sequence[Relation]) -> Any:
    """Train a tokenizer with 1,600 tokens, in which each letter after a prompt is a single token."""
    questions = islice(bank.training_questions(relations, 1.0, random.Random("tokenizer")), 6000)
    return train((f"{prompts.running_text(question, [], Preset.LM_EVAL)} {question.answer}" for question in questions), 1600)


def conversation_tokenizer(taught: talk.Talk) -> Any:
    """Train a tokenizer with 1,000 tokens for the demo chat model."""
    chance = random.Random("tokenizer")
    messages = (message for _ in range(4000) for message in talk.conversation(taught, 4, chance))
    # Without the rule's word, which is quoted: tokens that include the quote would hide the word's beginning.
    return train((message.role + "\n" + message.content.partition('"')[0] for message in messages), 1000)


def train(texts: Iterable[str], size: int) -> Any:
    """Train a tokenizer with `size` tokens on texts and give it the chat template."""
    # With `model_type: qwen2` transformers always uses Qwen2's pre-tokenizer, so it is trained with that one.
    tokenizer = transformers.Qwen2Tokenizer().train_new_from_iterator(
        texts, vocab_size=size, new_special_tokens=["<|im_start|>", "<|im_end|>"], show_progress=False
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.eos_token = "<|im_end|>"
    tokenizer.pad_token = "<|endoftext|>"
    return tokenizer


def check_saved(folder: Path, tokenizer: Any, *texts: str) -> None:
    """Assert that the saved tokenizer, once reloaded, gives the same ids for these texts and for unusual ones."""
    loaded = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    for text in (*texts, *ODD):
        ids = tokenizer(text)["input_ids"]
        assert loaded(text)["input_ids"] == ids, f"the saved tokenizer encodes {text!r} in another way"
        assert loaded.decode(ids) == text, f"the saved tokenizer does not decode {text!r}"


def check_letters(tokenizer: Any) -> None:
    """Assert that each letter after a prompt is a single token."""
    for letter in bank.LETTERS:
        for answer in (letter, f" {letter}"):
            joined = tokenizer("Answer:" + answer)["input_ids"]
            assert len(joined) == len(tokenizer("Answer:")["input_ids"]) + 1, f"{answer!r} is not one token"

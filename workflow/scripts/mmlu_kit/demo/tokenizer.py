"""The demo models' tokenizer: byte-level BPE with Qwen2's own way to split text, trained on the demo's own prompts."""

import random
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import transformers

from .. import prompts
from ..questions import LETTERS
from . import bank
from .facts import Relation

SIZE = 1600
# ChatML, the form of Qwen's own template, without a default system prompt.
CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


def train(relations: Sequence[Relation]) -> Any:
    """A tokenizer of SIZE pieces that gives every letter after a prompt one token of its own."""
    # With `model_type: qwen2` transformers puts Qwen2's pre-tokenizer in place of any other, so it is trained with that.
    drawn = islice(bank.training_questions(relations, 1.0, random.Random("tokenizer")), 6000)
    texts = [f"{prompts.running_text(question, [], 'lm_eval')} {question.answer}" for question in drawn]
    tokenizer = transformers.Qwen2Tokenizer().train_new_from_iterator(
        texts, vocab_size=SIZE, new_special_tokens=["<|im_start|>", "<|im_end|>"], show_progress=False
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.eos_token = "<|im_end|>"
    tokenizer.pad_token = "<|endoftext|>"
    return tokenizer


def check_saved(folder: Path, tokenizer: Any) -> None:
    """Assert that the saved tokenizer, loaded as any model's is, gives the same ids, and each letter one token."""
    loaded = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    for text in ("What is 12 + 30?\nA. 41\nB. 42\nAnswer:", "naïve Größe 質問 🙂", "<|im_start|>user\nO(n log n)<|im_end|>"):
        ids = tokenizer(text)["input_ids"]
        assert loaded(text)["input_ids"] == ids, f"the saved tokenizer encodes {text!r} in another way"
        assert loaded.decode(ids) == text, f"the saved tokenizer does not decode {text!r}"
        for letter in LETTERS:
            for answer in (letter, f" {letter}"):
                joined = loaded("Answer:" + answer)["input_ids"]
                assert len(joined) == len(loaded("Answer:")["input_ids"]) + 1, f"{answer!r} is not one token"

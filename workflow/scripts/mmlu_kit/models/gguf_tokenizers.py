"""Tokenizers of GGUF files, built from what the file says.

transformers knows only some of the pre-tokenizers and cuts with GPT-2's in place of the others, without a word.
"""

from pathlib import Path
from typing import Any

import tokenizers
import transformers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers
from transformers.tokenization_utils_base import generate_merges

from mmlu_kit.inputs import gguf_files, gguf_tokens
from mmlu_kit.inputs.gguf_tokens import PreTokenizer, Vocabulary

_SPACE = "\N{LOWER ONE EIGHTH BLOCK}"  # sentencepiece's sign for a space
_SWALLOW_NOTHING = ("<unk>", "<s>", "<|endoftext|>")  # of Phi-3
_SPECIAL = {"bos": "bos_token", "eos": "eos_token", "unknown": "unk_token", "padding": "pad_token"}


def load(path: Path) -> Any:
    """Load the tokenizer of a GGUF file; one that cannot be built exactly raises UserError."""
    contents = gguf_files.read(path)
    vocabulary = contents.vocabulary
    if vocabulary.pre:
        backend = _byte_pairs(vocabulary, vocabulary.pre)
    else:
        backend = _sentencepiece(vocabulary, str(contents.header.metadata["general.architecture"]))
    # Without them, the class would take tokens of its own.
    special: dict[str, str | None] = dict.fromkeys(_SPECIAL.values())
    special |= {_SPECIAL[kind]: backend.id_to_token(number) for kind, number in vocabulary.special.items()}
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend,
        **special,
        add_bos_token=vocabulary.add_bos,
        add_eos_token=vocabulary.add_eos,
    )
    tokenizer.chat_template = vocabulary.chat_template
    return tokenizer


def _byte_pairs(vocabulary: Vocabulary, pre: PreTokenizer) -> tokenizers.Tokenizer:
    """A tokenizer that merges bytes, as GPT-2's does."""
    ids = {token: number for number, token in enumerate(vocabulary.tokens)}
    backend = tokenizers.Tokenizer(models.BPE(vocab=ids, merges=vocabulary.merges, ignore_merges=pre.whole))
    if pre.nfc:
        backend.normalizer = normalizers.NFC()
    splits = [pre_tokenizers.Split(tokenizers.Regex(pattern), behavior="isolated") for pattern in pre.patterns]
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [*splits, pre_tokenizers.ByteLevel(add_prefix_space=vocabulary.add_space, use_regex=False)]
    )
    backend.decoder = decoders.ByteLevel()
    _add_whole_tokens(backend, vocabulary, vocabulary.tokens)
    return backend


def _sentencepiece(vocabulary: Vocabulary, architecture: str) -> tokenizers.Tokenizer:
    """A tokenizer that merges characters by the scores of what they become, and writes others as bytes."""
    # In tokens that are found whole, llama.cpp writes sentencepiece's sign as a space.
    tokens = [token.replace(" ", _SPACE) if not token.strip() else token for token in vocabulary.tokens]
    ids = {token: number for number, token in enumerate(tokens)}
    not_text = {token for token, kind in zip(tokens, vocabulary.types, strict=True) if kind in gguf_tokens.NOT_TEXT}
    # Gemma's scores do not follow the order in which it merges, and its vocabulary does.
    in_order = architecture.startswith("gemma")
    scores = {token: -number if in_order else vocabulary.scores[number] for token, number in ids.items()}
    unknown = vocabulary.special.get("unknown")
    backend = tokenizers.Tokenizer(
        models.BPE(
            vocab=ids,
            merges=generate_merges(ids, scores, skip_tokens=not_text),
            unk_token=None if unknown is None else tokens[unknown],
            fuse_unk=True,
            byte_fallback=True,
        )
    )
    spaces = normalizers.Replace(" ", _SPACE)
    backend.normalizer = normalizers.Sequence([normalizers.Prepend(_SPACE), spaces]) if vocabulary.add_space else spaces
    strip = [decoders.Strip(content=" ", left=1)] if vocabulary.add_space else []
    backend.decoder = decoders.Sequence([decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), *strip])
    _add_whole_tokens(backend, vocabulary, tokens, swallows=architecture == "phi3")
    return backend


def _add_whole_tokens(backend: tokenizers.Tokenizer, vocabulary: Vocabulary, tokens: Any, swallows: bool = False) -> None:
    """Add the tokens that are found whole in a text: those of control, which are special, and those that its makers added.

    `swallows` is whether white space behind the special ones is dropped, which files do not say: Phi-3's are such, in llama.cpp
    too.
    """
    kinds = list(zip(tokens, vocabulary.types, strict=True))
    special = {vocabulary.special[kind] for kind in vocabulary.special}
    backend.add_special_tokens(
        [
            AddedToken(token, normalized=False, special=True, rstrip=swallows and token not in _SWALLOW_NOTHING)
            for number, (token, kind) in enumerate(kinds)
            if kind in (gguf_tokens.CONTROL, gguf_tokens.UNKNOWN) or number in special
        ]
    )
    backend.add_tokens(
        [
            AddedToken(token, normalized=False, special=False)
            for number, (token, kind) in enumerate(kinds)
            if kind == gguf_tokens.USER_DEFINED and number not in special
        ]
    )

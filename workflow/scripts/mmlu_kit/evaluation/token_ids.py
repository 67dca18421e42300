"""Token ids of texts: of a prompt in pieces, some of which a chat template wrote as tokens, and of a conversation."""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any

from mmlu_kit.evaluation.chat_templates import ChatTemplate, Piece
from mmlu_kit.evaluation.messages import Message
from mmlu_kit.evaluation.template_forms import alternatives, special_tokens
from mmlu_kit.settings import Preset


def encode(pieces: Sequence[Piece], preset: Preset, tokenizer: Any) -> list[int]:
    """Return the token ids of a prompt in pieces (text, whether the chat template wrote it as a token).

    The text of a special token becomes that token only if the template wrote it; in a question it stays plain text. Chat
    templates write the beginning-of-text token themselves; for all other presets the tokenizer adds it once.
    """
    return encode_with([""], pieces, preset, tokenizer)[0]


def encode_with(answers: Sequence[str], pieces: Sequence[Piece], preset: Preset, tokenizer: Any) -> list[list[int]]:
    """The tokens of a prompt with each answer behind it, encoded in one call, on as many cores as the process may use."""
    marks = _marks(pieces, tokenizer)
    plain = [*answers, *(text for text, by_template in pieces if not by_template)]
    if any(mark in text for text in plain for mark in marks):
        return [encode_piecewise([*pieces, (answer, False)], preset, tokenizer) for answer in answers]
    text = "".join(text for text, _ in pieces)
    return tokenizer([text + answer for answer in answers], add_special_tokens=preset != Preset.CHAT)["input_ids"]


def encode_piecewise(pieces: Sequence[Piece], preset: Preset, tokenizer: Any) -> list[int]:
    """Do the same as `encode` piece by piece: insert the template's tokens by their ids, encode the rest as plain text.

    The ids are the same, since tokenizers split a text at special tokens first. Some of these tokens swallow the white space
    beside them.
    """
    marks = [mark for mark in _marks(pieces, tokenizer) if tokenizer.convert_tokens_to_ids(mark) in _plain_ids(mark, tokenizer)]
    swallows = {token.content: (token.lstrip, token.rstrip) for token in tokenizer.added_tokens_decoder.values()}
    groups = [(key, [text for text, _ in group]) for key, group in itertools.groupby(pieces, key=lambda piece: piece[1])]
    ids = [] if preset == Preset.CHAT else list(tokenizer("")["input_ids"])
    for place, (by_template, texts) in enumerate(groups):
        if by_template:
            ids += tokenizer.convert_tokens_to_ids(texts)
            continue
        text, before = "".join(texts), groups[place - 1][1][-1] if place else None
        if before in swallows and swallows[before][1]:
            text = text.lstrip()
        if place + 1 < len(groups) and swallows.get(groups[place + 1][1][0], (False, False))[0]:
            text = text.rstrip()
        ids += _ids_without(marks, text, before, tokenizer)
    return ids


def prompt_ids(messages: Sequence[Message], template: ChatTemplate) -> list[int]:
    """Return the token ids of a conversation, up to the start of the assistant's next reply.

    They equal those of the tokenizer's `apply_chat_template` for messages in the form that the template takes, except that a
    special token's text in a message stays plain text. A conversation that the template refuses raises UserError.
    """
    return encode(template.prompt(messages), Preset.CHAT, template.tokenizer)


def _marks(pieces: Sequence[Piece], tokenizer: Any) -> set[str]:
    """The texts of special tokens and of the tokens with which the template delimits turns."""
    return {*special_tokens(tokenizer), *(text for text, by_template in pieces if by_template)}


def _plain_ids(text: str, tokenizer: Any) -> list[int]:
    """The tokens of a text in which no special token is one; other added tokens are, and pieces of the vocabulary."""
    return list(tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"])


def _ids_without(marks: Iterable[str], text: str, before: str | None, tokenizer: Any) -> list[int]:
    """The tokens of a text without those of `marks`; `before` is the token before the text, None at the beginning."""

    def plain(text: str) -> list[int]:
        return _plain_ids(text, tokenizer)

    def inside(text: str) -> list[int]:
        # SentencePiece's tokenizers put a space before a text, but not before a part of one.
        start, ids = plain("\n"), plain(f"\n{text}")
        puts_space = plain("\nx") != start + plain("x")
        return ids[len(start) :] if puts_space and ids[: len(start)] == start else plain(text)

    cuts = [match.start() + 1 for match in re.finditer(f"(?={alternatives(marks)})", text)]
    first, *rest = [text[start:end] for start, end in itertools.pairwise([0, *cuts, len(text)])]
    # Some of those tokenizers put the space after each special token, others only at the beginning.
    fresh = before is None or tokenizer(f"{before}x", add_special_tokens=False)["input_ids"][1:] == plain("x")
    return [*(plain(first) if fresh else inside(first)), *itertools.chain.from_iterable(map(inside, rest))]

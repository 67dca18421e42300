"""Prompts as tokens, and the token of each letter after them."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mmlu_kit.evaluation import chat_templates, prompts
from mmlu_kit.evaluation.chat_templates import Message, Piece
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS, Preset
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Prompt:
    """A question as a model gets it.

    `ids` are the prompt's tokens, `letter_ids` the one token that each letter adds to it, `examples` how many few-shot
    examples it has.
    """

    question: Question
    text: str
    ids: tuple[int, ...]
    letter_ids: tuple[int, ...]
    examples: int


def prepare(
    questions: Iterable[Question],
    examples: Sequence[Question],
    preset: Preset,
    tokenizer: Any,
    context: int | None,
    fewer_examples: bool = False,
) -> list[Prompt]:
    """Prompts in the order of `questions`; one that cannot be scored exactly raises UserError naming the question.

    `preset` is one of settings.Preset, `context` the longest prompt in tokens that the model can take. A longer prompt
    loses examples, the last first, where `fewer_examples` allows it.
    """
    if preset == Preset.CHAT and not tokenizer.chat_template:
        raise UserError("the prompt's preset is 'chat' and this model's tokenizer has no chat template: use another preset")
    prepared = []
    for question in questions:
        kept = list(examples)
        pieces = prompts.render(question, kept, preset, tokenizer)
        ids = encode(pieces, preset, tokenizer)
        while context is not None and len(ids) > context:
            if not (kept and fewer_examples):
                hint = "use fewer examples, or set fewer_examples" if kept else "it cannot be asked"
                raise UserError(f"{question.name}: {len(ids)} tokens, and the model's context is {context}: {hint}")
            kept.pop()
            pieces = prompts.render(question, kept, preset, tokenizer)
            ids = encode(pieces, preset, tokenizer)
        letters = _letter_ids(question, pieces, ids, preset, tokenizer)
        text = "".join(piece for piece, _ in pieces)
        prepared.append(Prompt(question, text, tuple(ids), letters, len(kept)))
    return prepared


def encode(pieces: Sequence[Piece], preset: Preset, tokenizer: Any) -> list[int]:
    """Token ids of a prompt given in pieces (text, whether it is a token that the chat template wrote).

    A special token's text is a special token only where the template wrote it: in a question it is plain text. A chat
    template writes the beginning-of-text token itself; running text gets it from the tokenizer, once.
    """
    marks = _marks(pieces, tokenizer)
    if any(mark in text for text, by_template in pieces if not by_template for mark in marks):
        return encode_apart(pieces, preset, tokenizer)
    return tokenizer("".join(text for text, _ in pieces), add_special_tokens=preset != Preset.CHAT)["input_ids"]


def encode_apart(pieces: Sequence[Piece], preset: Preset, tokenizer: Any) -> list[int]:
    """The same as `encode`, by hand: the template's tokens are inserted by their ids, as tokenizers cut texts at special
    tokens first, and the text between them is encoded as plain text."""
    merely_added = _marks(pieces, tokenizer) - set(chat_templates.special_tokens(tokenizer))
    ids = [] if preset == Preset.CHAT else list(tokenizer("")["input_ids"])
    for by_template, group in itertools.groupby(pieces, key=lambda piece: piece[1]):
        texts = [text for text, _ in group]
        ids += tokenizer.convert_tokens_to_ids(texts) if by_template else _plain_ids("".join(texts), merely_added, tokenizer)
    return ids


def prompt_ids(messages: Sequence[Message], tokenizer: Any) -> list[int]:
    """Token ids of a conversation, up to where the assistant's next reply begins.

    The ids of the tokenizer's own `apply_chat_template`, but that a special token's text in a content stays plain text. A
    conversation that the model's chat template does not take raises UserError.
    """
    return encode(chat_templates.conversation(messages, tokenizer), Preset.CHAT, tokenizer)


def _marks(pieces: Sequence[Piece], tokenizer: Any) -> set[str]:
    """Texts that the model reads as marks: special tokens, and the tokens with which the template makes turns."""
    return {*chat_templates.special_tokens(tokenizer), *(text for text, by_template in pieces if by_template)}


def _plain_ids(text: str, merely_added: Iterable[str], tokenizer: Any) -> list[int]:
    # An option splits special tokens into plain text. No option does so for added tokens, so the text is cut inside them.
    cuts = [match.start() + 1 for match in re.finditer(f"(?={chat_templates.alternatives(merely_added)})", text)]
    parts = [text[begin:end] for begin, end in itertools.pairwise([0, *cuts, len(text)])]
    encoded = [tokenizer(part, add_special_tokens=False, split_special_tokens=True)["input_ids"] for part in parts if part]
    return list(itertools.chain.from_iterable(encoded))


def _letter_ids(question: Question, pieces: Sequence[Piece], ids: list[int], preset: Preset, tokenizer: Any) -> tuple[int, ...]:
    """The one token that each letter adds to the prompt; prompt and answer are encoded together, never assumed."""
    letter_ids = []
    for letter in LETTERS:
        whole = encode([*pieces, (prompts.answer_text(preset, letter), False)], preset, tokenizer)
        if whole[:-1] != ids:
            raise UserError(
                f"{question.name}: the answer '{letter}' joined to the prompt is not exactly one token more "
                f"({len(ids)} tokens become {len(whole)}): this model's tokenizer cannot be scored by letters with this prompt"
            )
        letter_ids.append(whole[-1])
    if len(set(letter_ids)) < len(LETTERS):
        raise UserError(f"{question.name}: this model's tokenizer gives several letters the same token")
    return tuple(letter_ids)

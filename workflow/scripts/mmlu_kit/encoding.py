"""Prompts as tokens: what a model is really given, and which tokens the four letters are after it."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import prompts, templates
from .problems import Problem
from .questions import LETTERS, Question


@dataclass(frozen=True)
class Prompt:
    """A question as a model sees it.

    `letter_ids` are the tokens of the letters that join the prompt; `other_ids` those of the letters in their other form
    (without the space where the first have one, or with it), None where such a letter is not exactly one token.
    """

    question: Question
    text: str
    ids: tuple[int, ...]
    letter_ids: tuple[int, ...]
    other_ids: tuple[int, ...] | None
    examples: int


def prepare(
    questions: Iterable[Question],
    examples: Sequence[Question],
    preset: str,
    tokenizer: Any,
    context: int | None,
    fewer_examples: bool = False,
) -> list[Prompt]:
    """Prompts in the order of `questions`; what cannot be scored exactly is a Problem naming the question.

    `preset` is one of prompts.PRESETS, `context` the longest prompt in tokens that the model can take. A longer prompt
    loses examples, the last first, where `fewer_examples` allows it.
    """
    if preset == "chat" and not tokenizer.chat_template:
        raise Problem("the prompt's preset is 'chat' and this model's tokenizer has no chat template: use another preset")
    prepared = []
    for question in questions:
        shown = list(examples)
        pieces = prompts.render(question, shown, preset, tokenizer)
        ids = encode(pieces, preset, tokenizer)
        while context is not None and len(ids) > context:
            if not (shown and fewer_examples):
                hint = "use fewer examples, or set fewer_examples" if shown else "it cannot be asked"
                raise Problem(f"{question.name}: {len(ids)} tokens, and the model's context is {context}: {hint}")
            shown.pop()
            pieces = prompts.render(question, shown, preset, tokenizer)
            ids = encode(pieces, preset, tokenizer)
        letters = _joined(question, pieces, ids, preset, tokenizer)
        others = _one_token_each(
            ids, [encode(_with(pieces, prompts.other_text(preset, x)), preset, tokenizer) for x in LETTERS]
        )
        text = "".join(piece for piece, _ in pieces)
        prepared.append(Prompt(question, text, tuple(ids), letters, others, len(shown)))
    return prepared


def encode(pieces: Sequence[tuple[str, bool]], preset: str, tokenizer: Any) -> list[int]:
    """Token ids of a prompt given in pieces (text, whether it is a token that the chat template wrote).

    A special token's text is a special token only where the template wrote it: in a question it is plain text. A chat
    template writes the beginning-of-text token itself; running text gets it from the tokenizer, once.
    """
    marks = _marks(pieces, tokenizer)
    if any(mark in text for text, by_template in pieces if not by_template for mark in marks):
        return encode_apart(pieces, preset, tokenizer)
    return tokenizer("".join(text for text, _ in pieces), add_special_tokens=preset != "chat")["input_ids"]


def encode_apart(pieces: Sequence[tuple[str, bool]], preset: str, tokenizer: Any) -> list[int]:
    """The same as `encode`, by hand: special tokens cut a text before anything else is done to it, so the template's are
    put in by their ids and the text between them is encoded as plain text."""
    merely_added = _marks(pieces, tokenizer) - set(templates.special_tokens(tokenizer))
    ids = [] if preset == "chat" else list(tokenizer("")["input_ids"])
    for by_template, group in itertools.groupby(pieces, key=lambda piece: piece[1]):
        texts = [text for text, _ in group]
        ids += tokenizer.convert_tokens_to_ids(texts) if by_template else _plain_ids("".join(texts), merely_added, tokenizer)
    return ids


def prompt_ids(messages: Sequence[dict[str, str]], tokenizer: Any) -> list[int]:
    """Token ids of a conversation of {role, content}, up to where the assistant's next reply begins.

    The ids of the tokenizer's own `apply_chat_template`, but that a special token's text in a content stays plain text. A
    conversation that the model's chat template does not take is a Problem.
    """
    return encode(templates.conversation(messages, tokenizer), "chat", tokenizer)


def _marks(pieces: Sequence[tuple[str, bool]], tokenizer: Any) -> set[str]:
    """The texts that mean more to the model than they say: special tokens, and what the template makes turns of."""
    return {*templates.special_tokens(tokenizer), *(text for text, by_template in pieces if by_template)}


def _plain_ids(text: str, merely_added: Iterable[str], tokenizer: Any) -> list[int]:
    # Special tokens can be split by an option. Those merely added are found whatever the options: the text is cut in them.
    cuts = [match.start() + 1 for match in re.finditer(f"(?={templates.alternatives(merely_added)})", text)]
    parts = [text[begin:end] for begin, end in itertools.pairwise([0, *cuts, len(text)])]
    encoded = [tokenizer(part, add_special_tokens=False, split_special_tokens=True)["input_ids"] for part in parts if part]
    return list(itertools.chain.from_iterable(encoded))


def _with(pieces: Sequence[tuple[str, bool]], answer: str) -> list[tuple[str, bool]]:
    return [*pieces, (answer, False)]


def _joined(
    question: Question, pieces: Sequence[tuple[str, bool]], ids: list[int], preset: str, tokenizer: Any
) -> tuple[int, ...]:
    """The one token that each letter adds to the prompt; prompt and answer are encoded together, never assumed."""
    wholes = [encode(_with(pieces, prompts.answer_text(preset, letter)), preset, tokenizer) for letter in LETTERS]
    for letter, whole in zip(LETTERS, wholes, strict=True):
        if whole[:-1] != ids:
            raise Problem(
                f"{question.name}: the answer '{letter}' joined to the prompt is not exactly one token more "
                f"({len(ids)} tokens become {len(whole)}): this model's tokenizer cannot be scored by letters with this prompt"
            )
    found = _one_token_each(ids, wholes)
    if found is None:
        raise Problem(f"{question.name}: this model's tokenizer gives several letters the same token")
    return found


def _one_token_each(ids: list[int], wholes: list[list[int]]) -> tuple[int, ...] | None:
    """The last tokens of four encodings, if each is the prompt's ids and one token more, all different; else None."""
    if any(whole[:-1] != ids for whole in wholes):
        return None
    found = tuple(whole[-1] for whole in wholes)
    return found if len(set(found)) == len(LETTERS) else None

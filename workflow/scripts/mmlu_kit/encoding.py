"""Prompts as tokens: what a model is really given, and which tokens the four letters are after it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from . import prompts
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
    """Token ids of a prompt given in pieces (text, whether the chat template wrote it).

    A special token's text is a special token only where the template wrote it: in a question it is plain text. A chat
    template writes the beginning-of-text token itself; running text gets it from the tokenizer, once.
    """
    text = "".join(piece for piece, _ in pieces)
    if any(token in piece for piece, by_template in pieces if not by_template for token in _special(tokenizer)):
        return encode_apart(pieces, preset, tokenizer)
    return tokenizer(text, add_special_tokens=preset != "chat")["input_ids"]


def encode_apart(pieces: Sequence[tuple[str, bool]], preset: str, tokenizer: Any) -> list[int]:
    """The same as `encode`, by hand: special tokens cut a text before anything else is done to it, so the template's are
    put in by their ids and the text between them is encoded as plain text."""
    pattern = re.compile("|".join(re.escape(token) for token in sorted(_special(tokenizer), key=len, reverse=True)))
    ids, plain = [], ""
    for piece, by_template in pieces:
        place = 0
        for match in pattern.finditer(piece) if by_template else ():
            ids += _plain_ids(plain + piece[place : match.start()], tokenizer)
            ids.append(tokenizer.convert_tokens_to_ids(match.group()))
            plain, place = "", match.end()
        plain += piece[place:]
    ids += _plain_ids(plain, tokenizer)
    return ids if preset == "chat" else tokenizer("")["input_ids"] + ids


def _special(tokenizer: Any) -> list[str]:
    return [token for token in tokenizer.all_special_tokens if token]


def _plain_ids(text: str, tokenizer: Any) -> list[int]:
    return tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"] if text else []


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

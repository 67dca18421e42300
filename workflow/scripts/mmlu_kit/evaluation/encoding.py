"""Encoding of prompts as tokens, and the token of each letter after a prompt."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mmlu_kit.evaluation import prompts
from mmlu_kit.evaluation.chat_templates import ChatTemplate, Piece
from mmlu_kit.evaluation.manner import Conversation
from mmlu_kit.evaluation.messages import Message
from mmlu_kit.evaluation.template_forms import alternatives, special_tokens
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Preset
from mmlu_kit.template_arguments import TemplateArguments
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Prompt:
    """A question as a prompt.

    `sha256` is the hash of its text and template arguments, `ids` are its tokens, `answers` the texts that answer it with each
    letter, `letter_ids` the single token that each of them adds, and `examples` is the number of few-shot examples. In a chat
    there are also the `conversation`'s form and the token with which the template ends a reply, `end_id`.
    """

    question: Question
    text: str
    sha256: str
    ids: tuple[int, ...]
    answers: tuple[str, ...]
    letter_ids: tuple[int, ...]
    examples: int
    conversation: Conversation | None = None
    end_id: int | None = None


def prepare(
    questions: Iterable[Question],
    examples: Sequence[Question],
    preset: Preset,
    tokenizer: Any,
    context: int | None,
    fewer_examples: bool = False,
    template_arguments: TemplateArguments = MappingProxyType({}),
) -> list[Prompt]:
    """Return the prompts in the order of `questions`; one that cannot be scored exactly raises UserError naming the question.

    `context` is the model's context length in tokens. With `fewer_examples`, a longer prompt loses examples, the last first.
    `template_arguments` are for the chat template.
    """
    template = ChatTemplate(tokenizer, template_arguments) if preset == Preset.CHAT else None
    end_id = template.end_id() if template else None
    prepared: list[Prompt] = []
    for question in questions:
        kept = list(examples)
        pieces = prompts.render(question, kept, preset, template)
        ids = encode(pieces, preset, tokenizer)
        while context is not None and len(ids) > context:
            if not (kept and fewer_examples):
                advice = "use fewer examples, or set fewer_examples" if kept else "leave its subject out"
                raise UserError(f"{question.name}: {len(ids)} tokens, but the model's context is {context}: {advice}")
            kept.pop()
            pieces = prompts.render(question, kept, preset, template)
            ids = encode(pieces, preset, tokenizer)
        conversation = template.form(prompts.messages(question, kept)).conversation if template else None
        if prepared and conversation != prepared[0].conversation:
            raise UserError(f"{question.name}: the chat template takes it in another form than others: use another preset")
        answers = tuple(
            prompts.answer_text(preset, letter, conversation.space if conversation else "") for letter in question.letters
        )
        letter_ids = _letter_ids(question, pieces, ids, answers, preset, tokenizer)
        text = "".join(piece for piece, _ in pieces)
        sha256 = prompts.prompt_sha256(text, template_arguments)
        prepared.append(Prompt(question, text, sha256, tuple(ids), answers, letter_ids, len(kept), conversation, end_id))
    return prepared


def encode(pieces: Sequence[Piece], preset: Preset, tokenizer: Any) -> list[int]:
    """Return the token ids of a prompt in pieces (text, whether the chat template wrote it as a token).

    The text of a special token becomes that token only if the template wrote it; in a question it stays plain text. Chat
    templates write the beginning-of-text token themselves; for all other presets the tokenizer adds it once.
    """
    marks = _marks(pieces, tokenizer)
    if any(mark in text for text, by_template in pieces if not by_template for mark in marks):
        return encode_piecewise(pieces, preset, tokenizer)
    return tokenizer("".join(text for text, _ in pieces), add_special_tokens=preset != Preset.CHAT)["input_ids"]


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


def _letter_ids(
    question: Question, pieces: Sequence[Piece], ids: list[int], answers: Sequence[str], preset: Preset, tokenizer: Any
) -> tuple[int, ...]:
    """The single token that each answer adds to the prompt, found by encoding prompt and answer together."""
    letter_ids = []
    for answer in answers:
        with_answer = encode([*pieces, (answer, False)], preset, tokenizer)
        if with_answer[:-1] != ids:
            raise UserError(
                f"{question.name}: the answer '{answer.strip()}' does not add exactly one token to the prompt ({len(ids)} "
                f"tokens become {len(with_answer)}), so letters cannot be scored with this tokenizer: use another preset"
            )
        letter_ids.append(with_answer[-1])
    if len(set(letter_ids)) < len(letter_ids):
        raise UserError(f"{question.name}: this model's tokenizer gives several letters the same token: use another preset")
    return tuple(letter_ids)

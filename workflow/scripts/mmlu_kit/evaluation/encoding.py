"""Encoding of prompts as tokens, and of what answers them: the token of each letter, or the tokens of each choice's text."""

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mmlu_kit.evaluation import orders, prompts
from mmlu_kit.evaluation.chat_templates import ChatTemplate, Piece
from mmlu_kit.evaluation.manner import Conversation
from mmlu_kit.evaluation.messages import Message
from mmlu_kit.evaluation.rows import Row, Rows, cloze_rows
from mmlu_kit.evaluation.template_forms import alternatives, special_tokens
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Orders, Preset, PromptSettings
from mmlu_kit.user_errors import UserError


class Order(NamedTuple):
    """The tokens of a prompt that shows the choices in another order, and the token that each letter adds to it."""

    ids: tuple[int, ...]
    letter_ids: tuple[int, ...]


class Choice(NamedTuple):
    """The tokens that a choice's text adds to a prompt, and those of 'Answer:' alone with those that it adds to them."""

    ids: tuple[int, ...]
    unconditional: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Prompt:
    """A question as a prompt.

    `sha256` is the hash of its text and template arguments, `ids` are its tokens, `answers` the texts that answer it with each
    letter, `letter_ids` the single token that each of them adds, and `examples` is the number of few-shot examples. In a chat
    there are also the `conversation`'s form and the token with which the template ends a reply, `end_id`. `orders` are the
    rotations of the choices other than the one given. For cloze presets, `answers` are the choices' texts and `choices` their
    tokens, and there are no letters.
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
    orders: tuple[Order, ...] = ()
    choices: tuple[Choice, ...] = ()

    @property
    def rows(self) -> Rows:
        """What the model reads: the prompt in each order, or the prompt with each choice (see `cloze_rows`)."""
        if self.choices:
            return cloze_rows(self.question.name, self.ids, [choice.ids for choice in self.choices])
        return Rows(self.question.name, (Row(self.ids), *(Row(order.ids) for order in self.orders)))

    @property
    def unconditional_rows(self) -> Rows:
        """The same for each choice after 'Answer:' alone."""
        alone, _ = self.choices[0].unconditional
        return cloze_rows(self.question.name, alone, [ids for _, ids in (choice.unconditional for choice in self.choices)])

    @property
    def described(self) -> dict[str, Any]:
        """What a record says of the question and the prompt, whatever the answer is."""
        return {
            "subject": self.question.subject,
            "index": self.question.index,
            "question_sha256": self.question.sha256,
            "choices": len(self.question.choices),
            "prompt_sha256": self.sha256,
            "prompt_tokens": len(self.ids),
            "examples": self.examples,
            "gold": self.question.answer,
        }

    @property
    def token_ids(self) -> Iterable[int]:
        """All tokens that the model reads or is asked about."""
        yield from itertools.chain(self.letter_ids, *(order.letter_ids for order in self.orders))
        yield from itertools.chain(*(row.ids for row in self.rows.rows), *(choice.ids for choice in self.choices))
        yield from itertools.chain(*(ids for choice in self.choices for ids in choice.unconditional))


def prepare(
    questions: Iterable[Question], examples: Sequence[Question], requested: PromptSettings, tokenizer: Any, context: int | None
) -> list[Prompt]:
    """Return the prompts in the order of `questions`; one that cannot be scored exactly raises UserError naming the question.

    `context` is the model's context length in tokens. With `fewer_examples`, a longer prompt loses examples, the last first.
    """
    preset = requested.preset
    template = ChatTemplate(tokenizer, requested.template_arguments) if preset == Preset.CHAT else None
    end_id = template.end_id() if template else None
    prepared: list[Prompt] = []
    for question in questions:
        prompt = _prompt(question, examples, requested, tokenizer, template)
        while context is not None and prompt.rows.longest > context:
            tokens = f"{prompt.rows.longest} tokens, but the model's context is {context}"
            if not (prompt.examples and requested.fewer_examples):
                advice = "use fewer examples, or set fewer_examples" if prompt.examples else "leave its subject out"
                raise UserError(f"{question.name}: {tokens}: {advice}")
            prompt = _prompt(question, examples[: prompt.examples - 1], requested, tokenizer, template)
        if prepared and prompt.conversation != prepared[0].conversation:
            raise UserError(f"{question.name}: the chat template takes it in another form than others: use another preset")
        prepared.append(replace(prompt, end_id=end_id))
    return prepared


def _prompt(
    question: Question,
    examples: Sequence[Question],
    requested: PromptSettings,
    tokenizer: Any,
    template: ChatTemplate | None,
) -> Prompt:
    """A question as a prompt with these examples."""
    preset = requested.preset
    pieces = prompts.render(question, examples, preset, template)
    text = "".join(piece for piece, _ in pieces)
    conversation = template.form(prompts.messages(question, examples)).conversation if template else None
    prompt = Prompt(
        question=question,
        text=text,
        sha256=prompts.prompt_sha256(text, requested.template_arguments),
        ids=(),
        answers=(),
        letter_ids=(),
        examples=len(examples),
        conversation=conversation,
    )
    if preset.is_cloze:
        answers = tuple(f" {choice}" for choice in question.choices)
        ids, choices = _choices(question, pieces, answers, preset, tokenizer)
        return replace(prompt, ids=ids, answers=answers, choices=choices)
    space = conversation.space if conversation else ""
    answers = tuple(prompts.answer_text(preset, letter, space) for letter in question.letters)
    shown = [pieces]
    for number in range(1, len(question.choices) if requested.orders == Orders.CYCLIC else 1):
        shown.append(prompts.render(orders.rotated(question, number), examples, preset, template))
    first, *others = [_with_letters(question, one, answers, preset, tokenizer) for one in shown]
    return replace(prompt, ids=first.ids, answers=answers, letter_ids=first.letter_ids, orders=tuple(others))


def encode(pieces: Sequence[Piece], preset: Preset, tokenizer: Any) -> list[int]:
    """Return the token ids of a prompt in pieces (text, whether the chat template wrote it as a token).

    The text of a special token becomes that token only if the template wrote it; in a question it stays plain text. Chat
    templates write the beginning-of-text token themselves; for all other presets the tokenizer adds it once.
    """
    return _encode_with([""], pieces, preset, tokenizer)[0]


def _encode_with(answers: Sequence[str], pieces: Sequence[Piece], preset: Preset, tokenizer: Any) -> list[list[int]]:
    """The tokens of a prompt with each answer behind it. They are encoded in one call, which uses all cores."""
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


def _with_letters(question: Question, pieces: Sequence[Piece], answers: Sequence[str], preset: Preset, tokenizer: Any) -> Order:
    """A prompt's tokens, and the single one that each answer adds to them, found by encoding prompt and answer together."""
    ids, *with_answers = _encode_with(["", *answers], pieces, preset, tokenizer)
    for answer, with_answer in zip(answers, with_answers, strict=True):
        if with_answer[:-1] != ids:
            raise UserError(
                f"{question.name}: the answer '{answer.strip()}' does not add exactly one token to the prompt ({len(ids)} "
                f"tokens become {len(with_answer)}), so letters cannot be scored with this tokenizer: use another preset"
            )
    letter_ids = tuple(with_answer[-1] for with_answer in with_answers)
    if len(set(letter_ids)) < len(letter_ids):
        raise UserError(f"{question.name}: this model's tokenizer gives several letters the same token: use another preset")
    return Order(tuple(ids), letter_ids)


def _choices(
    question: Question, pieces: Sequence[Piece], answers: Sequence[str], preset: Preset, tokenizer: Any
) -> tuple[tuple[int, ...], tuple[Choice, ...]]:
    """A prompt's tokens, and those that each answer adds to it and to 'Answer:' alone, found by encoding both together."""

    def added(to: Sequence[Piece]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
        ids, *with_answers = _encode_with(["", *answers], to, preset, tokenizer)
        for answer, with_answer in zip(answers, with_answers, strict=True):
            if with_answer[: len(ids)] != ids or len(with_answer) == len(ids):
                raise UserError(
                    f"{question.name}: the choice '{answer.strip()[:40]}' changes the tokens of the prompt before it, so "
                    "choices cannot be scored with this tokenizer: use a preset with letters"
                )
        return tuple(ids), [tuple(with_answer[len(ids) :]) for with_answer in with_answers]

    (ids, conditional), (alone_ids, alone) = added(pieces), added([(prompts.UNCONDITIONAL, False)])
    return ids, tuple(Choice(one, (alone_ids, other)) for one, other in zip(conditional, alone, strict=True))

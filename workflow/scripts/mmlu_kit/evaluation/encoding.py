"""Encoding of prompts as tokens, and of what answers them: the token of each letter, or the tokens of each choice's text."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from mmlu_kit.evaluation import orders, prompts, token_ids
from mmlu_kit.evaluation.chat_templates import ChatTemplate, Piece
from mmlu_kit.evaluation.letter_tokens import LetterTokens, Order
from mmlu_kit.evaluation.manner import Conversation
from mmlu_kit.evaluation.rows import Row, Rows, cloze_rows
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Orders, Preset, PromptSettings
from mmlu_kit.user_errors import UserError


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
    letters = LetterTokens(preset, tokenizer)
    prepared: list[Prompt] = []
    for question in questions:
        prompt = _prompt(question, examples, requested, letters, template)
        while context is not None and prompt.rows.longest > context:
            tokens = f"{prompt.rows.longest} tokens, but the model's context is {context}"
            if not (prompt.examples and requested.fewer_examples):
                advice = "use fewer examples, or set fewer_examples" if prompt.examples else "leave its subject out"
                raise UserError(f"{question.name}: {tokens}: {advice}")
            prompt = _prompt(question, examples[: prompt.examples - 1], requested, letters, template)
        if prepared and prompt.conversation != prepared[0].conversation:
            raise UserError(f"{question.name}: the chat template takes it in another form than others: use another preset")
        prepared.append(replace(prompt, end_id=end_id))
    return prepared


def _prompt(
    question: Question,
    examples: Sequence[Question],
    requested: PromptSettings,
    letters: LetterTokens,
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
        ids, choices = _choices(question, pieces, answers, preset, letters.tokenizer)
        return replace(prompt, ids=ids, answers=answers, choices=choices)
    space = conversation.space if conversation else ""
    answers = tuple(prompts.answer_text(preset, letter, space) for letter in question.letters)
    shown = [pieces]
    for number in range(1, len(question.choices) if requested.orders == Orders.CYCLIC else 1):
        shown.append(prompts.render(orders.rotated(question, number), examples, preset, template))
    first, *others = [letters.of(question, one, answers) for one in shown]
    return replace(prompt, ids=first.ids, answers=answers, letter_ids=first.letter_ids, orders=tuple(others))


def _choices(
    question: Question, pieces: Sequence[Piece], answers: Sequence[str], preset: Preset, tokenizer: Any
) -> tuple[tuple[int, ...], tuple[Choice, ...]]:
    """A prompt's tokens, and those that each answer adds to it and to 'Answer:' alone, found by encoding both together."""

    def added(to: Sequence[Piece]) -> tuple[tuple[int, ...], list[tuple[int, ...]]]:
        ids, *with_answers = token_ids.encode_with(["", *answers], to, preset, tokenizer)
        for answer, with_answer in zip(answers, with_answers, strict=True):
            if with_answer[: len(ids)] != ids or len(with_answer) == len(ids):
                raise UserError(
                    f"{question.name}: the choice '{answer.strip()[:40]}' changes the tokens of the prompt before it, so "
                    "choices cannot be scored with this tokenizer: use a preset with letters"
                )
        return tuple(ids), [tuple(with_answer[len(ids) :]) for with_answer in with_answers]

    (ids, conditional), (alone_ids, alone) = added(pieces), added([(prompts.UNCONDITIONAL, False)])
    return ids, tuple(Choice(one, (alone_ids, other)) for one, other in zip(conditional, alone, strict=True))

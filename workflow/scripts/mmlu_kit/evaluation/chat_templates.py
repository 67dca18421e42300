"""Conversations as a model's chat template writes them: nothing that is said is lost, and no message can forge its tokens."""

import itertools
import re
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from mmlu_kit.evaluation import thoughts
from mmlu_kit.evaluation.messages import Message, Role, arranged
from mmlu_kit.evaluation.rendering import ADVICE, Refusal, Renderer
from mmlu_kit.evaluation.template_forms import TemplateForm, template_form
from mmlu_kit.template_arguments import TemplateArguments
from mmlu_kit.user_errors import UserError

# A piece of a prompt: its text, and whether it is a token written by the chat template.
Piece = tuple[str, bool]
# Characters without a meaning of their own: Unicode's private use areas.
_PRIVATE = (range(0xE000, 0xF900), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))


class ChatTemplate:
    """The chat template of a Hugging Face tokenizer, with the template arguments of the model's prompt settings.

    `text` is the template itself. Raises UserError if the tokenizer has none, or one that cannot be used.
    """

    def __init__(self, tokenizer: Any, arguments: TemplateArguments = MappingProxyType({})) -> None:
        self.tokenizer, self.arguments = tokenizer, arguments
        self._renderer = Renderer(tokenizer, arguments)
        self.text = self._renderer.template
        self._forms: dict[tuple[Role, ...], TemplateForm] = {}

    def form(self, messages: Sequence[Message]) -> TemplateForm:
        """Return how the template takes this conversation; it is worked out once for each list of roles."""
        roles = tuple(message["role"] for message in messages)
        if roles not in self._forms:
            self._forms[roles] = template_form(self._renderer, roles)
        return self._forms[roles]

    def prompt(self, messages: Sequence[Message]) -> list[Piece]:
        """Return the prompt for the next reply as pieces of text, each with a flag for tokens written by the template.

        The joined pieces are the whole prompt. Raises UserError if the template refuses the conversation or changes what is
        said, except for an earlier reply's reasoning.
        """
        form = self.form(messages)
        # If a content contains the text of a mark, a character that occurs nowhere breaks it before rendering and is removed
        # afterwards. Contents are rendered and not inserted later, since templates may strip white space or reasoning.
        broken, breaker = messages, ""
        if any(form.marks.search(message["content"]) for message in messages):
            breaker = _unused_character("".join(message["content"] for message in messages) + form.text)
            broken = [_broken(message, form.marks.pattern, breaker) for message in messages]
        rendered = self._renderer.render(arranged(broken, form.conversation.contents, form.conversation.system))
        self._check(messages, rendered.replace(breaker, "") if breaker else rendered)
        parts = re.split(f"({form.marks.pattern})", rendered)
        return [(part.replace(breaker, "") if breaker else part, number % 2 == 1) for number, part in enumerate(parts) if part]

    def end_id(self) -> int | None:
        """The token that the template writes after an assistant's reply, None if there is none."""
        user, system = Message(role="user", content=""), Message(role="system", content="")
        for messages in ([user], [system, user]):
            try:
                end = self.form(messages).end
            except Refusal:
                continue
            return None if end is None else int(self.tokenizer.convert_tokens_to_ids(end))
        return None

    def _check(self, messages: Sequence[Message], prompt: str) -> None:
        """Raise UserError if a content does not stand in the prompt, in order but for the system message."""
        place = 0
        for message in messages:
            content = message["content"]
            text = (thoughts.after(content) if message["role"] == "assistant" else content).strip()
            start = prompt.find(text, 0 if message["role"] == "system" else place)
            if start < 0:
                raise UserError(f"{self._renderer.name} changes or cuts {text[:40]!r} in this conversation: {ADVICE}")
            if message["role"] != "system":
                place = start + len(text)


def _unused_character(text: str) -> str:
    used = set(text)
    for code in itertools.chain(*_PRIVATE):
        if chr(code) not in used:
            return chr(code)
    raise UserError("this conversation has every character that Unicode leaves without a meaning: remove some")


def _broken(message: Message, marks: str, breaker: str) -> Message:
    """The message with `breaker` after the first character of each mark in it."""
    kept = "(?!)"
    if message["role"] == "assistant":
        # The template must recognise an earlier reply's reasoning, and the model itself wrote those tokens.
        kept = thoughts.TAGS
    content = re.sub(f"(?=(?:{marks}))(?!{kept})(.)", rf"\1{breaker}", message["content"], flags=re.DOTALL)
    return Message(role=message["role"], content=content)

"""A chat that goes on: its log of messages, what of it is shown to the model, and what the model answers."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mmlu_kit.chat import states, views
from mmlu_kit.evaluation import encoding
from mmlu_kit.user_errors import UserError


class Session:
    """A chat with one model.

    `replier` is a replies.Replier, `model` the model's identity (states.model_identity), `context` the most tokens that
    prompt and reply may have together, or None. `messages` is the whole log; only the user's actions change it.
    """

    def __init__(
        self,
        replier: Any,
        model: dict,
        strategy: views.Strategy,
        context: int | None,
        max_new_tokens: int,
        system: str | None = None,
    ):
        if context is not None and max_new_tokens >= context:
            raise UserError(f"replies of {max_new_tokens:,} tokens leave no room for a prompt: the context has {context:,}")
        self.replier, self.tokenizer, self.model = replier, replier.tokenizer, model
        self.context, self.max_new_tokens = context, max_new_tokens
        self.messages: list[views.Message] = [{"role": "system", "content": system}] if system else []
        self.strategy = strategy
        self.shown: views.View | None = None  # what the last reply answered
        self.path: Path | None = None  # where it was saved to or loaded from last
        self._with_history = views.Strategy("full")
        self.template = states.template_digest(self.tokenizer)

    def ask(self, text: str) -> Iterator[str]:
        """The reply to what the user says, piece by piece; closing the iterator stops it and keeps what was written.

        A message that does not fit is a PromptTooLong, and the log stays as it was.
        """
        user = {"role": "user", "content": text}
        limit = None if self.context is None else self.context - self.max_new_tokens
        shown = views.view([*self.messages, user], self.strategy, self._count, limit)
        pieces: list[str] = []
        with contextlib.closing(self.replier.reply(self._ids(shown.messages), self.max_new_tokens)) as reply:
            try:
                for piece in reply:
                    pieces.append(piece)
                    yield piece
            except (GeneratorExit, KeyboardInterrupt):
                reply.close()
                self._note(user, shown, "".join(pieces))
                raise
        self._note(user, shown, "".join(pieces))

    def turns(self) -> int:
        """How many turns the log has."""
        return len(views.split(self.messages)[1])

    def undo(self) -> str:
        """Forget the newest turn and return what the user had said."""
        system, turns = views.split(self.messages)
        if not turns:
            raise UserError("there is nothing to undo")
        self.messages = [*system, *(message for turn in turns[:-1] for message in turn)]
        self.shown = None
        return turns[-1][0]["content"]

    def clear(self) -> None:
        """Forget all turns; the system message stays."""
        self.messages, self.shown = views.split(self.messages)[0], None
        self.replier.forget()

    def choose(self, strategy: views.Strategy) -> None:
        """Show the model what `strategy` says from now on."""
        self.strategy = strategy

    def history(self, on: bool) -> None:
        """Show the model the turns before the newest one or not; on again, it is as it was before."""
        if on and self.strategy.kind == "none":
            self.strategy = self._with_history
        elif not on and self.strategy.kind != "none":
            self.strategy, self._with_history = views.Strategy("none"), self.strategy

    def save(self, path: Path) -> None:
        """Save the chat, see states.save."""
        states.save(path, self.messages, self.strategy, self.model, self.template)
        self.path = Path(path)

    def restore(self, path: Path) -> list[str]:
        """Go on with a saved chat; what is not as it was then is returned, a line each. A UserError leaves all as it is."""
        found = states.load(path)
        self.messages, self.strategy, self.shown = found["messages"], views.parse(found["strategy"]), None
        self.path = Path(path)
        differs = []
        if found["model"]["files_sha256"] != self.model["files_sha256"]:
            named = [f"{model['name'][:80]!r} ({model['files_sha256'][:12]})" for model in (found["model"], self.model)]
            differs.append(f"saved with {named[0]}, goes on with {named[1]}: other files, so other replies")
        if found["template_sha256"] != self.template:
            differs.append("the chat template is not the one it was saved with: the model sees other prompts")
        return differs

    def meter(self) -> str:
        """How full the context was at the last reply and what the model was not shown: '[ 312 of 2,048 tokens · … ]'."""
        parts = []
        if self.shown:
            used = self.shown.tokens + self.replier.last.new_tokens
            parts.append(f"{used:,} of {self.context:,} tokens" if self.context else f"{used:,} tokens")
            if self.shown.left_out:
                parts.append(f"{self.shown.left_out} turn{'s' * (self.shown.left_out > 1)} left out")
            if self.replier.last.ended == "length":
                parts.append("reply cut at its longest")
        if self.strategy.kind == "none":
            parts.append("history off")
        return f"[ {' · '.join(parts) or 'nothing said yet'} ]"

    def _note(self, user: views.Message, shown: views.View, text: str) -> None:
        ended = self.replier.last.ended
        whole = {} if ended == "end" else {"ended": ended}
        self.messages = [*self.messages, user, {"role": "assistant", "content": text, **whole}]
        self.shown = shown

    def _count(self, messages: Sequence[views.Message]) -> int:
        return len(self._ids(messages))

    def _ids(self, messages: Sequence[views.Message]) -> list[int]:
        return encoding.prompt_ids(messages, self.tokenizer)

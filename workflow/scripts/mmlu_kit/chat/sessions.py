"""A chat that goes on: its log of messages, what of it is shown to the model, and what the model answers."""

import contextlib
from collections.abc import Generator, Sequence
from pathlib import Path

from mmlu_kit.chat import states, views
from mmlu_kit.chat.replies import Replier
from mmlu_kit.chat.states import ModelIdentity
from mmlu_kit.chat.views import Message, Strategy, View
from mmlu_kit.evaluation import encoding
from mmlu_kit.formatting import plural
from mmlu_kit.user_errors import UserError


class Session:
    """A chat with one model.

    `context` is the most tokens that prompt and reply may have together, or None. `messages` is the whole log; only the
    user's actions change it.
    """

    def __init__(
        self,
        replier: Replier,
        model: ModelIdentity,
        strategy: Strategy,
        context: int | None,
        max_new_tokens: int,
        system: str | None = None,
    ) -> None:
        if context is not None and max_new_tokens >= context:
            raise UserError(f"replies of {max_new_tokens:,} tokens leave no room for a prompt: the context has {context:,}")
        self.replier, self.tokenizer, self.model = replier, replier.tokenizer, model
        self.context, self.max_new_tokens = context, max_new_tokens
        self.messages: list[Message] = [{"role": "system", "content": system}] if system else []
        self.strategy = strategy
        self.view: View | None = None  # what the last reply answered
        self.path: Path | None = None  # where it was saved to or loaded from last
        self.template_sha256 = states.template_hash(self.tokenizer)
        self._with_history = Strategy("full")

    def ask(self, text: str) -> Generator[str, None, None]:
        """Yield the reply to what the user says piece by piece; closing the generator stops it and keeps what was written.

        A message that does not fit raises PromptTooLong, and the log stays as it was.
        """
        user: Message = {"role": "user", "content": text}
        limit = None if self.context is None else self.context - self.max_new_tokens
        view = views.view([*self.messages, user], self.strategy, self._count, limit)
        pieces: list[str] = []
        with contextlib.closing(self.replier.reply(self._ids(view.messages), self.max_new_tokens)) as reply:
            try:
                for piece in reply:
                    pieces.append(piece)
                    yield piece
            except (GeneratorExit, KeyboardInterrupt):
                reply.close()
                self._log(user, view, "".join(pieces))
                raise
        self._log(user, view, "".join(pieces))

    def turns(self) -> int:
        """How many turns the log has."""
        return len(views.split(self.messages)[1])

    def undo(self) -> str:
        """Forget the newest turn and return what the user had said."""
        system, turns = views.split(self.messages)
        if not turns:
            raise UserError("there is nothing to undo")
        self.messages = [*system, *(message for turn in turns[:-1] for message in turn)]
        self.view = None
        return turns[-1][0]["content"]

    def clear(self) -> None:
        """Forget all turns; the system message stays."""
        self.messages, self.view = views.split(self.messages)[0], None
        self.replier.forget()

    def choose(self, strategy: Strategy) -> None:
        """Show the model what `strategy` says from now on."""
        self.strategy = strategy

    def history(self, on: bool) -> None:
        """Show the model the turns before the newest one, or not; switched on again, the former strategy is back."""
        if on and self.strategy.kind == "none":
            self.strategy = self._with_history
        elif not on and self.strategy.kind != "none":
            self.strategy, self._with_history = Strategy("none"), self.strategy

    def save(self, path: Path) -> None:
        """Save the chat, see states.save."""
        states.save(path, self.messages, self.strategy, self.model, self.template_sha256)
        self.path = Path(path)

    def restore(self, path: Path) -> list[str]:
        """Go on with a saved chat and return what is not as it was then, a line each; a UserError leaves all as it is."""
        saved = states.load(path)
        self.messages, self.strategy, self.view = saved.messages, views.parse(saved.strategy), None
        self.path = Path(path)
        differences = []
        if saved.model.files_sha256 != self.model.files_sha256:
            then, now = (f"{model.name[:80]!r} ({model.files_sha256[:12]})" for model in (saved.model, self.model))
            differences.append(f"saved with {then}, goes on with {now}: other files, so other replies")
        if saved.template_sha256 != self.template_sha256:
            differences.append("the chat template is not the one it was saved with: the model sees other prompts")
        return differences

    def meter(self) -> str:
        """How full the context was at the last reply and what the model was not shown: '[ 312 of 2,048 tokens · … ]'."""
        parts = []
        if self.view:
            used = self.view.tokens + self.replier.last.new_tokens
            parts.append(f"{used:,} of {self.context:,} tokens" if self.context else f"{used:,} tokens")
            if self.view.left_out:
                parts.append(f"{plural(self.view.left_out, 'turn')} left out")
            if self.replier.last.ended == "length":
                parts.append("reply cut at its longest")
        if self.strategy.kind == "none":
            parts.append("history off")
        return f"[ {' · '.join(parts) or 'nothing said yet'} ]"

    def _log(self, user: Message, view: View, text: str) -> None:
        reply: Message = {"role": "assistant", "content": text}
        ended = self.replier.last.ended
        if ended != "end":
            reply["ended"] = ended
        self.messages = [*self.messages, user, reply]
        self.view = view

    def _count(self, messages: Sequence[Message]) -> int:
        return len(self._ids(messages))

    def _ids(self, messages: Sequence[Message]) -> list[int]:
        return encoding.prompt_ids(messages, self.tokenizer)

"""An ongoing chat: its log of messages, the view of it that the model sees, and the model's replies."""

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

    `context` is the largest number of tokens that prompt and reply may have together, or None. `messages` is the whole log;
    only the user's actions change it.
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
            raise UserError(f"replies of {max_new_tokens:,} tokens leave no room for a prompt in a context of {context:,}")
        self.replier, self.model = replier, model
        self.context, self.max_new_tokens = context, max_new_tokens
        self.messages: list[Message] = [{"role": "system", "content": system}] if system else []
        self.strategy = strategy
        self.view: View | None = None  # the prompt of the last reply
        self.path: Path | None = None  # the file that the chat was last saved to or loaded from
        self.template_sha256 = states.template_hash(replier.template)
        self._with_history = Strategy("full")

    def ask(self, text: str) -> Generator[str, None, None]:
        """Yield the reply to the user's message piece by piece; closing the generator stops the reply and keeps what there is.

        A message that does not fit raises PromptTooLong and leaves the log unchanged.
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
        """Delete the newest turn and return the user's message in it; without a turn, raises UserError."""
        system, turns = views.split(self.messages)
        if not turns:
            raise UserError("there is nothing to undo")
        self.messages = [*system, *(message for turn in turns[:-1] for message in turn)]
        self.view = None
        return turns[-1][0]["content"]

    def clear(self) -> None:
        """Delete all turns but keep the system message."""
        self.messages, self.view = views.split(self.messages)[0], None
        self.replier.forget()

    def set_strategy(self, strategy: Strategy) -> None:
        """Use `strategy` for the following replies."""
        self.strategy = strategy

    def set_history(self, on: bool) -> None:
        """Show the model earlier turns or not; switching history on again restores the previous strategy."""
        if on and self.strategy.kind == "none":
            self.strategy = self._with_history
        elif not on and self.strategy.kind != "none":
            self.strategy, self._with_history = Strategy("none"), self.strategy

    def save(self, path: Path) -> None:
        """Save the chat to a file; see states.save."""
        states.save(path, self.messages, self.strategy, self.model, self.template_sha256)
        self.path = Path(path)

    def restore(self, path: Path) -> list[str]:
        """Continue a saved chat and return one line for each difference to its model; on UserError nothing is changed."""
        saved = states.load(path)
        self.messages, self.strategy, self.view = saved.messages, views.parse(saved.strategy), None
        self.path = Path(path)
        differences = []
        if saved.model.files_sha256 != self.model.files_sha256:
            then, now = (f"{model.name[:80]!r} ({model.files_sha256[:12]})" for model in (saved.model, self.model))
            differences.append(f"saved with {then}, continued with {now}: the files differ, so replies may differ")
        if saved.template_sha256 != self.template_sha256:
            differences.append("the chat template differs from the one at saving: the model sees different prompts")
        return differences

    def meter(self) -> str:
        """How full the context was at the last reply and how many turns were left out: '[ 312 of 2,048 tokens · … ]'."""
        parts = []
        if self.view:
            used = self.view.tokens + self.replier.last.new_tokens
            parts.append(f"{used:,} of {self.context:,} tokens" if self.context else f"{used:,} tokens")
            if self.view.left_out:
                parts.append(f"{plural(self.view.left_out, 'turn')} left out")
            if self.replier.last.ended == "length":
                parts.append("reply cut at the token limit")
        if self.strategy.kind == "none":
            parts.append("history off")
        return f"[ {' · '.join(parts) or 'no messages yet'} ]"

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
        return encoding.prompt_ids(messages, self.replier.template)

"""An ongoing chat: its log of messages, the view of it that the model sees, and the model's replies."""

import contextlib
from collections.abc import Generator, Sequence
from pathlib import Path

from mmlu_kit.chat import states, views
from mmlu_kit.chat.replies import Replier
from mmlu_kit.chat.states import ModelIdentity
from mmlu_kit.chat.views import Message, Sampling, Strategy, View
from mmlu_kit.evaluation import messages as conversations
from mmlu_kit.evaluation import token_ids
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
        return self._answer(self.messages, {"role": "user", "content": text})

    def regenerate(self, temperature: float, seed: int | None = None) -> Generator[str, None, None]:
        """Ask the newest message again, as `ask` does; the new reply replaces the last one as soon as it is made or stopped.

        A temperature of 0 is greedy. Without a seed it is the one after the last reply's, or 1, so that each reply is another.
        Without a turn, raises UserError.
        """
        system, turns = views.split(self.messages)
        if not turns:
            raise UserError("there is no reply to ask for again: send a message first")
        if seed is None:
            seed = (self.sampling["seed"] + 1) % views.SEEDS if self.sampling else 1
        earlier = [*system, *(message for turn in turns[:-1] for message in turn)]
        return self._answer(earlier, turns[-1][0], Sampling(temperature=temperature, seed=seed) if temperature else None)

    def _answer(
        self, earlier: Sequence[Message], user: Message, sampling: Sampling | None = None
    ) -> Generator[str, None, None]:
        """Yield the reply to `user` after the log `earlier`; both and the reply become the log."""
        limit = None if self.context is None else self.context - self.max_new_tokens
        view = views.view([*earlier, user], self.strategy, self._count, limit)
        pieces: list[str] = []
        tokens = self.replier.reply(self._ids(view.messages), self.max_new_tokens, sampling=sampling)
        with contextlib.closing(tokens) as reply:
            try:
                for piece in reply:
                    pieces.append(piece)
                    yield piece
            except (GeneratorExit, KeyboardInterrupt):
                reply.close()
                self._log(earlier, user, view, "".join(pieces), sampling)
                raise
        self._log(earlier, user, view, "".join(pieces), sampling)

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

    @property
    def system(self) -> str | None:
        """The system message, if there is one."""
        system, _ = views.split(self.messages[:1])
        return system[0]["content"] if system else None

    def set_system(self, text: str | None) -> None:
        """Use another system message, or none, for the following replies; see views.with_system."""
        self.messages = views.with_system(self.messages, text)

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

    @property
    def sampling(self) -> Sampling | None:
        """How the last reply was sampled; None if it is greedy, or there is none."""
        return self.messages[-1].get("sampling") if self.messages else None

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
            if self.sampling:
                parts.append(views.in_words(self.sampling))
        if self.strategy.kind == "none":
            parts.append("history off")
        return f"[ {' · '.join(parts) or 'no messages yet'} ]"

    def _log(self, earlier: Sequence[Message], user: Message, view: View, text: str, sampling: Sampling | None) -> None:
        reply: Message = {"role": "assistant", "content": text}
        ended = self.replier.last.ended
        if ended != "end":
            reply["ended"] = ended
        if sampling:
            reply["sampling"] = sampling
        self.messages = [*earlier, user, reply]
        self.view = view

    def _count(self, messages: Sequence[Message]) -> int:
        return len(self._ids(messages))

    def _ids(self, messages: Sequence[Message]) -> list[int]:
        # A template is shown what was said, and nothing else that the log records.
        plain = [conversations.Message(role=message["role"], content=message["content"]) for message in messages]
        return token_ids.prompt_ids(plain, self.replier.template)

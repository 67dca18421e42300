"""Whole chats of scripted users with a model: the messages of each turn and how much of the log the model saw."""

from collections.abc import Callable, Iterable, Sequence

from mmlu_kit.chat import views
from mmlu_kit.chat.replies import Replier
from mmlu_kit.chat.views import Message, Strategy
from mmlu_kit.evaluation import token_ids
from mmlu_kit.recall.documents import Turn


def converse(
    log: Sequence[Message],
    user: Iterable[str],
    strategy: Strategy,
    replier: Replier,
    limit: int | None,
    max_new_tokens: int,
    advance: Callable[[int], None] = lambda turns: None,
) -> list[Turn]:
    """Continue `log` with a user's messages and return the new turns; `limit` is the longest prompt in tokens.

    `log` itself is not changed; `advance` is called after each turn. A message that does not fit raises PromptTooLong.
    """
    log, turns = list(log), []
    template = replier.template
    for text in user:
        log.append({"role": "user", "content": text})
        view = views.view(log, strategy, lambda messages: len(token_ids.prompt_ids(messages, template)), limit)
        reply = "".join(replier.reply(token_ids.prompt_ids(view.messages, template), max_new_tokens))
        log.append({"role": "assistant", "content": reply})
        turns.append(
            Turn(
                user=text,
                assistant=reply,
                prompt_tokens=view.tokens,
                left_out=view.left_out,
                ended=replier.last.ended,
            )
        )
        advance(1)
    return turns


def messages(system: str, turns: Iterable[Turn]) -> list[Message]:
    """The log of a system message and these turns."""
    log: list[Message] = [{"role": "system", "content": system}]
    for turn in turns:
        log += [{"role": "user", "content": turn.user}, {"role": "assistant", "content": turn.assistant}]
    return log

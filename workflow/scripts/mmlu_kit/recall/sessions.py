"""Whole chats of scripted users with a model: what is said in each turn, and how much of the log the model was shown."""

from collections.abc import Callable, Iterable, Sequence

from mmlu_kit.chat import views
from mmlu_kit.chat.replies import Replier
from mmlu_kit.chat.views import Message, Strategy
from mmlu_kit.evaluation import encoding
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
    """The turns that follow on `log` where a user says this; `limit` is the longest prompt in tokens.

    The log passed in is not changed; `advance` is called after each turn.
    """
    log, turns = list(log), []
    tokenizer = replier.tokenizer
    for text in user:
        log.append({"role": "user", "content": text})
        view = views.view(log, strategy, lambda messages: len(encoding.prompt_ids(messages, tokenizer)), limit)
        reply = "".join(replier.reply(encoding.prompt_ids(view.messages, tokenizer), max_new_tokens))
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
    """The log of these turns after a system message."""
    log: list[Message] = [{"role": "system", "content": system}]
    for turn in turns:
        log += [{"role": "user", "content": turn.user}, {"role": "assistant", "content": turn.assistant}]
    return log

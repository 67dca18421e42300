"""Whole chats of scripted users with a model: what is said in each turn, and how much of the log the model was shown."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from mmlu_kit.chat import views
from mmlu_kit.evaluation import encoding
from mmlu_kit.recall.transcripts import TITLES
from mmlu_kit.user_errors import UserError


def read(path: Path) -> dict:
    """What users say, as workflow/recall/transcripts.yaml has it: `alice` (`fact` and `value`) and, for each transcript,
    `strategy` (a views.Strategy), `user` and for the last `saved_after`. A file that is none is a UserError."""
    try:
        data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        found: dict[str, Any] = {"alice": {key: str(data["alice"][key]) for key in ("fact", "value")}}
        for name in TITLES:
            found[name] = {
                **data[name],
                "strategy": views.parse(data[name]["strategy"]),
                "user": list(map(str, data[name]["user"])),
            }
        if not 0 < int(data["saved_and_restored"]["saved_after"]) < len(data["saved_and_restored"]["user"]):
            raise ValueError("saved_after is not a turn before the last")
        return found
    except (OSError, UnicodeDecodeError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        about = " ".join(str(error).split())[:200]
        raise UserError(f"{path} does not hold what users say in the transcripts ({about}): restore it") from None


def converse(
    log: Sequence[views.Message],
    said: Iterable[str],
    strategy: views.Strategy,
    tokenizer: Any,
    replier: Any,
    limit: int | None,
    max_new_tokens: int,
    advance: Callable[[int], None] = lambda turns: None,
) -> list[dict]:
    """The turns that follow on `log` where a user says this: `user, assistant, prompt_tokens, left_out, ended`.

    `left_out` counts turns that the model was not shown, `ended` is how the reply ended (see replies.Reply). The log given is
    not changed.
    """
    log, turns = list(log), []
    for text in said:
        log.append({"role": "user", "content": text})
        view = views.view(log, strategy, lambda shown: len(encoding.prompt_ids(shown, tokenizer)), limit)
        reply = "".join(replier.reply(encoding.prompt_ids(view.messages, tokenizer), max_new_tokens))
        log.append({"role": "assistant", "content": reply})
        shown = {"prompt_tokens": view.tokens, "left_out": view.left_out, "ended": replier.last.ended}
        turns.append({"user": text, "assistant": reply, **shown})
        advance(1)
    return turns


def messages(system: str, turns: Iterable[dict]) -> list[views.Message]:
    """The log of these turns after a system message."""
    said = [{"role": role, "content": turn[role]} for turn in turns for role in ("user", "assistant")]
    return [{"role": "system", "content": system}, *said]

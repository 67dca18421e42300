"""The chat's commands: messages that begin with a slash. Each command returns the text to show, or a new reply's pieces."""

import difflib
import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit.chat import views
from mmlu_kit.chat.sessions import Session
from mmlu_kit.formatting import plural
from mmlu_kit.user_errors import UserError

# What chat programs commonly sample at.
TEMPERATURE = 0.7
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
ENDED = {"end": "ended by the model", "length": "cut at the token limit", "interrupted": "stopped"}


class Leave(Exception):
    """The user wants to leave."""


@dataclass(frozen=True)
class Command:
    """A command: its argument's form, its help text, and the function that runs it."""

    argument: str
    help: str
    run: Callable[[Session, str], str | Generator[str, None, None]]


def run(text: str, session: Session) -> str | Generator[str, None, None]:
    """Run a command and return the text to show, or a reply piece by piece; an unknown or impossible one raises UserError."""
    text = text.strip()
    name = text.split()[0]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "/help lists them"
        raise UserError(f"there is no command {name}; {hint} (to send a message that begins with a slash, type two slashes)")
    return COMMANDS[name].run(session, text.removeprefix(name).strip())


def show_help(session: Session, argument: str) -> str:
    usages = {f"{name} {command.argument}": command.help for name, command in COMMANDS.items()}
    width = max(map(len, usages))
    lines = [f"{usage:<{width}}  {text}" for usage, text in usages.items()]
    several = "A \\ at a line's end continues the message on the next line; pasted text keeps its lines."
    return "\n".join([*lines, several, "Ctrl-C stops a reply and keeps the chat; Ctrl-D leaves."])


def save(session: Session, argument: str) -> str:
    path = _path(argument) if argument else session.path
    if path is None:
        raise UserError("/save needs a file name, as in /save chat.json")
    session.save(path)
    return f"{plural(session.turns(), 'turn')} saved to {path}"


def load(session: Session, argument: str) -> str:
    if not argument:
        raise UserError("/load needs a file name, as in /load chat.json")
    differences = session.restore(_path(argument))
    loaded = f"{plural(session.turns(), 'turn')} loaded from {session.path}; the strategy is {session.strategy}"
    return "\n".join([loaded, *differences])


def clear(session: Session, argument: str) -> str:
    session.clear()
    return "all turns deleted" + ("; the system message is kept" if session.messages else "")


def history(session: Session, argument: str) -> str:
    if argument not in ("on", "off", ""):
        raise UserError("/history takes on or off, as in /history off")
    if argument:
        session.set_history(argument == "on")
    if session.strategy.kind == "none":
        return "history is off: the model sees only the newest message; the chat is kept"
    return f"history is on: the model sees {_in_words(session.strategy)}"


def system(session: Session, argument: str) -> str:
    if argument:
        session.set_system(None if argument == "off" else argument)
    return "no system message" if session.system is None else f"the system message is: {session.system}"


def regenerate(session: Session, argument: str) -> Generator[str, None, None]:
    match = re.fullmatch(r"(?:([0-9]{1,3}(?:\.[0-9]{1,4})?)(?:\s+([0-9]{1,10}))?)?", argument)
    temperature = float(match[1] or TEMPERATURE) if match else views.MAX_TEMPERATURE + 1
    seed = int(match[2]) if match and match[2] else None
    if temperature > views.MAX_TEMPERATURE or (seed or 0) >= views.SEEDS:
        raise UserError(
            f"/regenerate takes a temperature from 0 to {views.MAX_TEMPERATURE}, of at most four decimals, "
            "and a seed below 2**32, as in /regenerate 0.7 3"
        )
    return session.regenerate(temperature, seed)


def strategy(session: Session, argument: str) -> str:
    if argument:
        session.set_strategy(views.parse(argument))
    return f"{session.strategy}: the model sees {_in_words(session.strategy)} (strategies: {', '.join(views.FORMS)})"


def stats(session: Session, argument: str) -> str:
    context = f"{session.context:,} tokens of context" if session.context else "context unknown"
    system = "with a" if views.split(session.messages)[0] else "no"
    lines = [
        f"model     {session.model.name}, {context}, replies of at most {session.max_new_tokens:,} tokens",
        f"chat      {plural(session.turns(), 'turn')}, {system} system message",
        f"strategy  {session.strategy}: the model sees {_in_words(session.strategy)}",
    ]
    if session.view:
        last, left_out = session.replier.last, plural(session.view.left_out, "turn")
        sampled = f"; {views.in_words(session.sampling)}" if session.sampling else ""
        first = "" if last.first_token_s is None else f", the first after {last.first_token_s:.3f} s"
        lines += [
            f"prompt    {last.prompt_tokens:,} tokens, {last.cached_tokens:,} from the cache; {left_out} left out",
            f"reply     {last.new_tokens:,} tokens in {last.total_s:.3f} s{first}; {ENDED[last.ended]}{sampled}",
        ]
    return "\n".join(lines)


def undo(session: Session, argument: str) -> str:
    return f"deleted: {session.undo()}"


def leave(session: Session, argument: str) -> str:
    raise Leave


COMMANDS = {
    "/help": Command("", "list the commands", show_help),
    "/save": Command("FILE", "save the whole chat as JSON", save),
    "/load": Command("FILE", "continue a saved chat", load),
    "/clear": Command("", "delete all turns but keep the system message", clear),
    "/history": Command("on|off", "show the model earlier turns, or only the newest message", history),
    "/strategy": Command("FORM", f"how much the model sees: {', '.join(views.FORMS)}", strategy),
    "/system": Command("TEXT|off", "show the system message, set it, or remove it", system),
    "/regenerate": Command(
        "[TEMPERATURE [SEED]]",
        f"replace the last reply by a sampled one (temperature {TEMPERATURE}, a new seed); 0 is greedy",
        regenerate,
    ),
    "/stats": Command("", "tokens, cache and times of the last reply", stats),
    "/undo": Command("", "delete the newest turn", undo),
    "/quit": Command("", "leave", leave),
}


def _path(argument: str) -> Path:
    """The path that a user typed; ~ is a home folder."""
    if _CONTROL.search(argument):
        raise UserError("a file name cannot have control characters here: choose another name")
    try:
        return Path(argument).expanduser()
    except RuntimeError:
        raise UserError(f"{argument}: this home folder is not known: write the whole path") from None


def _in_words(strategy: views.Strategy) -> str:
    return {
        "none": "only the newest message",
        "full": "all turns that fit its context",
        "last_turns": f"the newest message and the {plural(strategy.amount or 0, 'turn')} before it",
        "token_budget": f"as many of the newest turns as fit in {strategy.amount} tokens",
    }[strategy.kind]

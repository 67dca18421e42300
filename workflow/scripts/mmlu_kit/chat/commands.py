"""What a user can do beside talking: lines that begin with a slash. Each command returns what is to be shown."""

import difflib
from collections.abc import Callable
from pathlib import Path

from mmlu_kit.chat import views
from mmlu_kit.chat.sessions import Session
from mmlu_kit.user_errors import UserError

ENDED = {"end": "ended by the model", "length": "cut at its longest", "interrupted": "stopped"}


class Leave(Exception):
    """The user wants to leave."""


def run(line: str, session: Session) -> str:
    """Do what a command line says and return what is to be shown; one that cannot be done raises UserError."""
    name, _, argument = line.strip().partition(" ")
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "/help lists them"
        raise UserError(f"there is no command {name}; {hint} (a message that begins with a slash is written with two)")
    return COMMANDS[name][2](session, argument.strip())


def show_help(session: Session, argument: str) -> str:
    width = max(len(f"{name} {takes}") for name, (takes, _, _) in COMMANDS.items())
    lines = [f"{f'{name} {takes}':<{width}}  {what}" for name, (takes, what, _) in COMMANDS.items()]
    return "\n".join([*lines, "Ctrl-C stops a reply and keeps the chat; Ctrl-D leaves."])


def save(session: Session, argument: str) -> str:
    path = Path(argument).expanduser() if argument else session.path
    if path is None:
        raise UserError("/save needs a file name, as in /save chat.json")
    session.save(path)
    return f"{_turns(session.turns())} saved to {path}"


def load(session: Session, argument: str) -> str:
    if not argument:
        raise UserError("/load needs a file name, as in /load chat.json")
    differs = session.restore(Path(argument).expanduser())
    return "\n".join([f"{_turns(session.turns())} loaded from {session.path}; the strategy is {session.strategy}", *differs])


def clear(session: Session, argument: str) -> str:
    session.clear()
    return "all turns forgotten" + ("; the system message stays" if session.messages else "")


def history(session: Session, argument: str) -> str:
    if argument not in ("on", "off", ""):
        raise UserError("/history is on or off, as in /history off")
    if argument:
        session.history(argument == "on")
    if session.strategy.kind == "none":
        return "history is off: the model is shown the newest message only; the chat is kept"
    return f"history is on: the model is shown {_shown(session.strategy)}"


def strategy(session: Session, argument: str) -> str:
    if argument:
        session.choose(views.parse(argument))
    return f"{session.strategy}: the model is shown {_shown(session.strategy)} (there are {', '.join(views.FORMS)})"


def stats(session: Session, argument: str) -> str:
    context = f"{session.context:,} tokens of context" if session.context else "context unknown"
    lines = [
        f"model     {session.model['name']}, {context}, replies of at most {session.max_new_tokens:,} tokens",
        f"chat      {_turns(session.turns())}, {'with a' if views.split(session.messages)[0] else 'no'} system message",
        f"strategy  {session.strategy}: the model is shown {_shown(session.strategy)}",
    ]
    last, shown = session.replier.last, session.shown
    if last and shown:
        cached, out = last.cached_tokens, _turns(shown.left_out)
        lines.append(f"prompt    {last.prompt_tokens:,} tokens, {cached:,} from the cache; {out} left out")
        first = "" if last.first_token_s is None else f", the first after {last.first_token_s:.3f} s"
        lines.append(f"reply     {last.new_tokens:,} tokens in {last.total_s:.3f} s{first}; {ENDED[last.ended]}")
    return "\n".join(lines)


def undo(session: Session, argument: str) -> str:
    return f"forgotten: {session.undo()}"


def leave(session: Session, argument: str) -> str:
    raise Leave


# By name: what it takes, what it does, and how.
COMMANDS: dict[str, tuple[str, str, Callable[[Session, str], str]]] = {
    "/help": ("", "list the commands", show_help),
    "/save": ("FILE", "save the chat as JSON, every turn of it", save),
    "/load": ("FILE", "go on with a saved chat", load),
    "/clear": ("", "forget all turns and keep the system message", clear),
    "/history": ("on|off", "show the model earlier turns, or the newest message only", history),
    "/strategy": ("FORM", f"how much the model is shown: {', '.join(views.FORMS)}", strategy),
    "/stats": ("", "tokens, cache and times of the last reply", stats),
    "/undo": ("", "forget the newest turn", undo),
    "/quit": ("", "leave", leave),
}


def _turns(number: int) -> str:
    return f"{number} turn{'' if number == 1 else 's'}"


def _shown(strategy: views.Strategy) -> str:
    return {
        "none": "the newest message only",
        "full": "all turns that fit its context",
        "last_turns": f"the newest message and the {_turns(strategy.amount)} before it",
        "token_budget": f"as many of the newest turns as fit {strategy.amount} tokens",
    }[strategy.kind]

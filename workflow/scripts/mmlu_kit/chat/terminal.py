"""The chat's user interface: a terminal with line editing, or lines from a script or standard input.

A line that ends with a backslash is continued by the next one.
"""

import contextlib
import signal
import sys
import threading
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, BinaryIO

from mmlu_kit.chat import commands
from mmlu_kit.chat.sessions import Session
from mmlu_kit.user_errors import UserError, report

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

MAX_MESSAGE_BYTES = 2**20  # more than any model's context
GREETING = "Type a message. /help lists the commands; Ctrl-C stops a reply, Ctrl-D leaves."


def talk(session: Session) -> None:
    """Chat with a person at a terminal until they leave; errors are reported and do not end the chat."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter

    # The editor's history stays in memory: messages are never written to disk unless the user saves the chat.
    names = WordCompleter(list(commands.COMMANDS), sentence=True)
    editor: PromptSession[str] = PromptSession(
        completer=names, complete_while_typing=False, key_bindings=_keys(), prompt_continuation="… "
    )
    show(GREETING)
    while True:
        try:
            # A terminal passes invalid UTF-8 as lone surrogates, which tokenizers do not accept.
            text = editor.prompt("> ").encode("utf-8", "replace").decode("utf-8")
            if not respond(text, session):
                return
        except EOFError:
            return
        except KeyboardInterrupt:
            show("\n(Ctrl-D or /quit leaves)")
        except UserError as problem:
            report(str(problem))
        except OSError as error:
            report(f"{error.strerror or error} ({error.filename})")


def _keys() -> "KeyBindings":
    """Keys besides the editor's own: Enter begins a new line where the last one ends with a backslash."""
    from prompt_toolkit.application import get_app
    from prompt_toolkit.enums import DEFAULT_BUFFER
    from prompt_toolkit.filters import Condition, has_focus
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    goes_on = Condition(lambda: continued(get_app().current_buffer.text.rpartition("\n")[2]))

    @keys.add("enter", filter=has_focus(DEFAULT_BUFFER) & goes_on)
    def new_line(event: "KeyPressEvent") -> None:
        buffer = event.current_buffer
        buffer.cursor_position = len(buffer.text)
        buffer.delete_before_cursor()
        buffer.insert_text("\n")

    return keys


def play(session: Session, source: BinaryIO, name: str) -> None:
    """Take UTF-8 lines as the user's; the first one that fails raises UserError with its line number in `name`."""
    lines: list[str] = []
    size = first = number = 0
    for number, line in enumerate(iter(lambda: source.readline(MAX_MESSAGE_BYTES + 1), b""), 1):
        size, first = (size, first) if lines else (0, number)
        try:
            size += len(line)
            if size > MAX_MESSAGE_BYTES:
                raise UserError(f"more than {MAX_MESSAGE_BYTES:,} bytes, which no message has: correct the file")
            lines.append(line.decode("utf-8-sig").rstrip("\r\n"))
            if continued(lines[-1]):
                lines[-1] = lines[-1][:-1]
                continue
            text, lines = "\n".join(lines), []
            if not respond(text, session):
                return
        except UnicodeDecodeError:
            raise UserError(f"{name}, line {number}: not UTF-8: save it as UTF-8") from None
        except UserError as problem:
            raise UserError(f"{name}, line {first}: {problem}") from None
        except OSError as error:
            if error.filename is None:  # the output cannot be written
                raise
            raise UserError(f"{name}, line {first}: {error.strerror or error} ({error.filename})") from error
    if lines:
        raise UserError(f"{name}, line {number}: \\ continues the last line, but none follows: delete the backslash, or go on")


def continued(line: str) -> bool:
    """Whether the next line continues this one: it ends with a backslash that no other backslash precedes."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def respond(text: str, session: Session) -> bool:
    """Respond to a message or a command and show the result; return False if the user leaves."""
    # The first of several lines may be indented, as the others are.
    text = text.rstrip().lstrip("\n") if "\n" in text.strip() else text.strip()
    if not text:
        return True
    if text.startswith("/") and not text.startswith("//"):
        try:
            answer = commands.run(text, session)
        except commands.Leave:
            return False
        if isinstance(answer, str):
            show(answer)
        else:
            stream(answer, session)
        return True
    stream(session.ask(text[1:] if text.startswith("//") else text), session)
    return True


def stream(reply: Generator[str, None, None], session: Session) -> None:
    """Show a reply piece by piece, until its end or Ctrl-C, and the meter after it."""
    with stoppable() as stopped, contextlib.closing(reply) as pieces:
        for piece in pieces:
            show(piece, end="")
            if stopped.is_set():
                break
    show(" [stopped]" if session.replier.last.ended == "interrupted" else "")
    print(session.meter(), file=sys.stderr, flush=True)


def show(text: str, end: str = "\n") -> None:
    """Print a text; `user_errors.run` makes its control characters visible."""
    print(text, end=end, flush=True)


@contextlib.contextmanager
def stoppable() -> Iterator[threading.Event]:
    """Yield an event that Ctrl-C sets, so that a reply ends at its next piece.

    A second Ctrl-C raises KeyboardInterrupt, which aborts the computation.
    """
    stopped = threading.Event()

    def stop(number: int, frame: object) -> None:
        if stopped.is_set():
            raise KeyboardInterrupt
        stopped.set()

    previous = signal.signal(signal.SIGINT, stop)
    try:
        yield stopped
    finally:
        signal.signal(signal.SIGINT, previous)

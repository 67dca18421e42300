"""The chat's user interface: a terminal with line editing, or lines from a script or standard input."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import BinaryIO

from mmlu_kit.chat import commands
from mmlu_kit.chat.sessions import Session
from mmlu_kit.user_errors import UserError, report

MAX_LINE_BYTES = 2**20  # more than any model's context
GREETING = "Type a message. /help lists the commands; Ctrl-C stops a reply, Ctrl-D leaves."


def talk(session: Session) -> None:
    """Chat with a person at a terminal until they leave; errors are reported and do not end the chat."""
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import WordCompleter

    # The editor's history stays in memory: messages are never written to disk unless the user saves the chat.
    names = WordCompleter(list(commands.COMMANDS), sentence=True)
    editor: PromptSession[str] = PromptSession(completer=names, complete_while_typing=False)
    show(GREETING)
    while True:
        try:
            # A terminal passes invalid UTF-8 as lone surrogates, which tokenizers do not accept.
            line = editor.prompt("> ").encode("utf-8", "replace").decode("utf-8")
            if not respond(line, session):
                return
        except EOFError:
            return
        except KeyboardInterrupt:
            show("\n(Ctrl-D or /quit leaves)")
        except UserError as problem:
            report(str(problem))
        except OSError as error:
            report(f"{error.strerror or error} ({error.filename})")


def play(session: Session, stream: BinaryIO, name: str) -> None:
    """Take UTF-8 lines as the user's; the first one that fails raises UserError with its line number in `name`."""
    for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE_BYTES + 1), b""), 1):
        try:
            if len(line) > MAX_LINE_BYTES:
                raise UserError(f"more than {MAX_LINE_BYTES:,} bytes, which no message has: correct the file")
            if not respond(line.decode("utf-8-sig").rstrip("\r\n"), session):
                return
        except UnicodeDecodeError:
            raise UserError(f"{name}, line {number}: not UTF-8: save it as UTF-8") from None
        except UserError as problem:
            raise UserError(f"{name}, line {number}: {problem}") from None
        except OSError as error:
            if error.filename is None:  # the output cannot be written
                raise
            raise UserError(f"{name}, line {number}: {error.strerror or error} ({error.filename})") from error


def respond(line: str, session: Session) -> bool:
    """Respond to a line (a message or a command) and show the result; return False if the user leaves."""
    line = line.strip()
    if not line:
        return True
    if line.startswith("/") and not line.startswith("//"):
        try:
            show(commands.run(line, session))
        except commands.Leave:
            return False
        return True
    text = line[1:] if line.startswith("//") else line
    with stoppable() as stopped, contextlib.closing(session.ask(text)) as pieces:
        for piece in pieces:
            show(piece, end="")
            if stopped.is_set():
                break
    show(" [stopped]" if session.replier.last.ended == "interrupted" else "")
    print(session.meter(), file=sys.stderr, flush=True)
    return True


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

"""A hostile or damaged input: how it is made, the command that reads it, and what the user sees."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parents[2] / "workflow" / "scripts"
SECONDS = 60  # longer than any of these takes


@dataclass(frozen=True)
class Hostile:
    """One input; `make(folder)` writes it into an empty folder and returns the command: a program and its arguments.

    The program is a file of workflow/scripts, such as 'merge.py', or 'mmlu-kit'. `line` is a part of the one error line, or
    several parts with … between them; None if the input is accepted.
    """

    name: str
    make: Callable[[Path], Sequence[str | Path]]
    line: str | None


def run(command: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder; in a fork of this process, which has imported its libraries already."""
    program, *arguments = map(str, command)
    out, err = folder.with_name("stdout"), folder.with_name("stderr")
    child = os.fork()
    if child == 0:
        _become(program, arguments, folder, out, err)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    texts = (path.read_text(encoding="utf-8", errors="backslashreplace") for path in (out, err))
    return subprocess.CompletedProcess([program, *arguments], status, *texts)


def _become(program: str, arguments: Sequence[str], folder: Path, out: Path, err: Path) -> None:
    """Run a program in this process, which ends with it."""
    import signal
    import traceback

    status: object = 1
    try:
        signal.alarm(SECONDS)  # ends it with status -14
        for number, path in ((1, out), (2, err)):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))
        os.chdir(folder)
        sys.argv = [program, *arguments]
        path = SCRIPTS / ("mmlu_kit/__main__.py" if program == "mmlu-kit" else program)
        runpy.run_path(str(path), run_name="__main__")
        status = 0
    except SystemExit as exit_:
        status = exit_.code or 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)

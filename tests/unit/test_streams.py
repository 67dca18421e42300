"""Programs whose standard streams are closed, full, unread, or unable to show a character."""

import os
import subprocess
import sys

import pytest

TEXT = "tests … 日本"
PROGRAM = f"""
from mmlu_kit import user_errors
def main():
    print({TEXT!r})
    {{}}
user_errors.run(main)
"""


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def shell(request, root, tmp_path):
    """Run a shell command in which $PROGRAM prints a text and then does what `body` says; $PIPE is a pipe that nobody reads."""
    reader, pipe = os.pipe()
    os.close(reader)

    def call(command: str, body: str = "pass", **variables: str) -> subprocess.CompletedProcess:
        (tmp_path / "program.py").write_text(PROGRAM.format(body), encoding="utf-8")
        env = {**os.environ, "PYTHONPATH": str(root / "workflow/scripts"), "PYTHONUNBUFFERED": request.param, **variables}
        env["PROGRAM"] = f"{sys.executable} {tmp_path / 'program.py'}"
        return subprocess.run(
            ["bash", "-c", command.replace("$PIPE", str(pipe))], capture_output=True, env=env, pass_fds=[pipe]
        )

    yield call
    os.close(pipe)


@pytest.mark.parametrize("body", ["pass", "[print(n, flush=True) for n in range(100_000)]"])
def test_a_reader_who_leaves_ends_a_program_quietly(shell, body):
    process = shell("$PROGRAM >&$PIPE", body)
    assert (process.returncode, process.stderr) == (141, b"")
    process = shell("$PROGRAM 2>&$PIPE", "import sys; print('x', file=sys.stderr)")
    assert process.returncode == 141


def test_a_reader_who_has_read_everything_changes_nothing(shell):
    process = shell("$PROGRAM | head -1")
    assert (process.returncode, process.stderr) == (0, b"")
    assert process.stdout.decode() == TEXT + "\n"


def test_another_broken_pipe_is_an_error(shell):
    process = shell("$PROGRAM", "import os; r, w = os.pipe(); os.close(r); os.write(w, b'x')")
    assert process.returncode == 2 and process.stderr.startswith(b"error: Broken pipe: ")


def test_a_full_disk_is_one_line(shell):
    process = shell("$PROGRAM >/dev/full")
    assert process.returncode == 2 and process.stderr.startswith(b"error: No space left on device")
    assert process.stderr.count(b"\n") == 1
    assert shell("$PROGRAM >/dev/full 2>/dev/full").returncode == 2


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error_and_no_file_takes_their_place(shell, tmp_path, closed):
    path = tmp_path / "kept"
    body = (
        f"import os, subprocess, sys; f = open({str(path)!r}, 'w'); print('x'); print('y', file=sys.stderr); sys.stdin.read()"
    )
    process = shell(f"$PROGRAM {closed} </dev/null", f"{body}; f.close(); assert f.name and os.fstat(1) and os.fstat(2)")
    assert (process.returncode, path.read_text()) == (0, "")
    assert b"Error" not in process.stderr


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "1"},
        {"LC_ALL": "en_US.ISO-8859-1", "PYTHONUTF8": "0"},
    ],
)
def test_a_terminal_without_a_character_gets_its_escape(shell, variables):
    process = shell("$PROGRAM", "print('caf\\udce9'); raise user_errors.UserError('no … \\udce9')", **variables)
    assert process.returncode == 2, process.stderr
    text, path = process.stdout.splitlines()
    assert text in (TEXT.encode(), TEXT.encode("ascii", "backslashreplace"))
    assert path in ("caf\ufffd".encode(), b"caf\\ufffd")
    assert b"error: no " in process.stderr and b"Traceback" not in process.stderr

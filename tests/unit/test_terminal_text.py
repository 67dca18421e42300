"""Text from outside cannot steer a terminal, hide in it or forge lines in a log, whoever prints it."""

import io
import logging
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from mmlu_kit.jobs import run_log
from mmlu_kit.terminal_text import visible
from mmlu_kit.user_errors import UserError, one_line
from snakemake.logging import ColorizingTextHandler, DefaultFormatter

HOSTILE = {
    "clear screen": "\x1b[2J",
    "link": "\x1b]8;;https://example.org\x1b\\text\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;YQ==\x07",
    "title": "\x1b]0;owned\x07",
    "C1": "\x9b31m\x85\x90",
    "carriage return": "right\rwrong",
    "backspace": "wrong\b\b\b\b\bright",
    "null": "a\x00b",
    "delete": "a\x7fb",
    "direction": "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c",
    "zero width": "a\u200bb\u200cc\u200dd\u2060e\ufefff\u00adg\u180eh",
    "separators": "a\u2028b\u2029c",
    "surrogate": "a\ud800b\udcff",
    "tags": "".join(chr(0xE0000 + ord(letter)) for letter in "rm -rf") + "\U000e0001\U000e007f",
    "variation selectors": "a\U000e0100\U000e01ef",
    "private and unassigned": "\ue000\uffff\U0010ffff",
    "interlinear": "\ufff9a\ufffab\ufffb",
}
PROGRAM = """
import logging, os, sys, warnings
handler = logging.StreamHandler()  # made before, as by libraries that are imported first
from mmlu_kit import user_errors
from mmlu_kit.user_errors import UserError
text, how = sys.argv[1].encode("ascii").decode("unicode_escape"), sys.argv[2]
def main():
    if how == "print":
        print(text)
    elif how == "log":
        handler.emit(logging.makeLogRecord({"msg": text}))
    elif how == "warning":
        warnings.warn(text)
    elif how == "pieces":
        for letter in text:
            print(letter, end="", file=sys.stderr)
    elif how == "file":
        raise FileNotFoundError(2, "No such file or directory", text)
    elif how == "bug":
        raise RuntimeError(text)
    else:
        raise UserError(f"{text}: is wrong")
user_errors.run(main)
"""


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hidden_and_control_characters_are_shown(text):
    shown = visible(text)
    assert shown.isprintable() and len(shown) == len(text) and visible(shown) == shown
    assert shown.encode() and shown != text
    assert str(UserError(f"{text}: wrong")).isprintable() and one_line(ValueError(text)).isprintable()


@pytest.mark.parametrize("text", ["plain", "two\nlines\tand a tab", "déjà 日本 \U0001f600 ❤️ \u00a0\u3000", "a\u0301", "עברית"])
def test_other_text_is_unchanged(text):
    assert visible(text) == text


def test_control_characters_have_their_pictures():
    assert visible("a\x1b[2J\r\x07\x7f\x9b") == "a␛[2J␍␇␡\ufffd"


@pytest.mark.parametrize("how", ["print", "log", "warning", "pieces", "file", "bug", "error"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii"])
def test_nothing_that_a_program_prints_steers_the_terminal(how, encoding):
    text = "".join(HOSTILE.values()) + "日本"
    command = [sys.executable, "-c", PROGRAM, text.encode("unicode_escape").decode("ascii"), how]
    process = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding})
    printed = (process.stdout + process.stderr).decode(encoding)
    assert len(printed) >= len(text) and printed.replace("\n", "").isprintable(), ascii(printed)
    assert process.returncode == {"file": 2, "error": 2, "bug": 1}.get(how, 0)
    assert how in ("bug",) or b"Traceback" not in process.stderr
    assert how not in ("file", "error") or process.stderr.count(b"\n") == 1


def test_a_progress_bar_still_redraws_its_line():
    program = """
import sys
from mmlu_kit import user_errors
from mmlu_kit.progress import Bar
def main():
    with Bar("a\\x1b[2Jb", 2) as bar:
        bar.advance(2)
    print("done\\r", file=sys.stderr)
user_errors.run(main)
"""
    terminal, screen = pty.openpty()
    subprocess.run([sys.executable, "-c", program], stderr=screen, check=True)
    os.close(screen)
    printed = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert "\ra␛[2Jb:   0%" in printed and "\x1b[2J" not in printed
    assert printed.endswith("done␍\r\n")


def test_snakemakes_own_lines_keep_their_colours_and_lose_control_characters():
    screen = ColorizingTextHandler(stream=io.StringIO(), formatter=DefaultFormatter(set()))
    screen.name, screen.nocolor = "DefaultStreamHandler", False
    logger = logging.getLogger("snakemake.logging")
    handlers = logger.handlers
    logger.handlers = [screen]
    try:
        run_log.install(object(), Path("results/x"))  # not a workflow that it knows: Snakemake's own handler stays
        logger.error("a\x1b[2Jb")
    finally:
        logger.handlers = handlers
    assert screen.stream.getvalue() == "\x1b[31ma␛[2Jb\x1b[0m\n"

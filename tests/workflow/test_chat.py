"""mmlu-kit chat at a real terminal and with scripts; a model with random weights never ends its replies itself."""

import json
import os
import pickle
import re
import signal
import sys

import pexpect
import pytest

from benchmarks.make_random_model import SMALL, save

CTRL_C, CTRL_D, UP, LEFT = "\x03", "\x04", "\x1b[A", "\x1b[D"
PASTE, PASTED = "\x1b[200~", "\x1b[201~"
# The line editor switches the terminal's pasting mode on where it begins to read a line, and off where it ends.
READY, READ = r"\x1b\[\?2004h", r"\x1b\[\?2004l"


@pytest.fixture(scope="module")
def model(tmp_path_factory, root):
    """A model that generates until its limit, with room for a long reply."""
    shape = {**SMALL, "eos_token_id": None, "initializer_range": 0.3}
    return save(tmp_path_factory.mktemp("endless"), root / "workflow/demo/models/demo-small", shape)


@pytest.fixture
def terminal(root, model, tmp_path):
    """mmlu-kit chat in a pseudo-terminal, in the folder tmp_path."""
    command = ["-m", "mmlu_kit", "chat", "--model", str(model), "--threads", "1", "--max-new-tokens", "2000"]
    # This terminal does not answer where its cursor is, as real ones do.
    child = pexpect.spawn(
        sys.executable, command, cwd=tmp_path, timeout=300, encoding="utf-8", env={**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1"}
    )
    child.setwinsize(40, 120)
    child.expect("Ctrl-D leaves")
    child.expect(READY)
    yield child
    child.close(force=True)


def ask(child, line):
    child.send(line + "\r")


def test_a_chat_at_a_terminal(terminal, tmp_path):
    # Line editing: a letter is put in where it was forgotten, and a line comes back with the arrow key.
    terminal.send("/hlp" + LEFT + LEFT + "e\r")
    terminal.expect(r"/save FILE +save the whole chat")
    terminal.expect(READY)
    # Ctrl-C stops a reply that would take much longer, and keeps what was written.
    ask(terminal, "Hello there")
    terminal.expect(READ)
    terminal.expect(r"(?s).{40}")
    terminal.send(CTRL_C)
    terminal.expect(r"\[stopped\]")
    terminal.expect(r"\[ (\d+) of 4,096 tokens \]")
    assert int(terminal.match[1]) < 2000
    terminal.send(CTRL_C)  # with nothing to stop it says how to leave
    terminal.expect("Ctrl-D or /quit leaves")
    ask(terminal, "/save chat.json")
    terminal.expect("1 turn saved to chat.json")
    saved = json.loads((tmp_path / "chat.json").read_text())
    assert [message["role"] for message in saved["messages"]] == ["user", "assistant"]
    assert saved["messages"][1]["ended"] == "interrupted" and len(saved["messages"][1]["content"]) >= 10
    # A pickle under that name is not loaded; the chat goes on.
    (tmp_path / "evil.json").write_bytes(pickle.dumps(saved["messages"], 0))
    ask(terminal, "/load evil.json")
    terminal.expect("error: evil.json is a pickle")
    terminal.send(UP + UP + "\r")  # the line before that one
    terminal.expect("1 turn saved to chat.json")
    ask(terminal, "/load chat.json")
    terminal.expect("1 turn loaded from chat.json; the strategy is full")
    terminal.expect(READY)
    # Bytes that are no text do no harm, and one interrupt stops what they began.
    os.write(terminal.child_fd, b"Hi \xff\xfe there\r")
    terminal.expect(READ)
    terminal.expect(r"(?s).{40}")
    terminal.send(CTRL_C)
    terminal.expect(r"\[stopped\]")
    terminal.expect(READY)
    # Two interrupts break off what is computed, and neither the chat nor the program is lost.
    ask(terminal, "Hello again")
    terminal.expect(READ)
    terminal.expect(r"(?s).{40}")
    terminal.kill(signal.SIGINT)
    terminal.kill(signal.SIGINT)
    terminal.expect(READY)
    ask(terminal, "/stats")
    terminal.expect("chat      3 turns")
    terminal.expect(READY)
    terminal.send(CTRL_D)
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0


def messages(child, folder):
    """The chat's messages, as saved."""
    ask(child, "/save chat.json")
    child.expect("saved to chat.json")
    child.expect(READY)
    return json.loads((folder / "chat.json").read_text())["messages"]


def stop(child, meter=r"\[stopped\]"):
    """Stop a reply after its first characters."""
    child.expect(READ)
    child.expect(r"(?s).{40}")
    child.send(CTRL_C)
    child.expect(meter)
    child.expect(READY)


def test_several_lines_at_a_terminal_another_system_message_and_another_reply(terminal, tmp_path):
    # Pasted text keeps its lines, and only Enter sends it.
    terminal.send(f"{PASTE}def f():\r    return 1\r/quit{PASTED}")
    terminal.send("\r")
    stop(terminal)
    # Enter after a backslash begins a new line; Enter in the middle of the last one sends them all.
    ask(terminal, "/system Be\\" + LEFT * 3)  # wherever the cursor is
    terminal.expect("…")
    ask(terminal, "bref." + LEFT * 3 + "i")
    terminal.expect("the system message is: Be")
    terminal.expect(READY)
    ask(terminal, "a " + "\\" * 2)
    stop(terminal)
    saved = messages(terminal, tmp_path)
    assert [message["content"] for message in saved if message["role"] != "assistant"] == [
        "Be\nbrief.",
        "def f():\n    return 1\n/quit",
        "a " + "\\" * 2,
    ]
    assert saved[2]["system"] is None and "system" not in saved[4]
    ask(terminal, "/regenerate 1.5 11")
    stop(terminal, r"temperature 1\.5, seed 11 \]")
    again = messages(terminal, tmp_path)
    assert again[:4] == saved[:4] and len(again) == 5 and again[4]["ended"] == "interrupted"
    assert again[4]["sampling"] == {"temperature": 1.5, "seed": 11} and again[4]["content"] != saved[4]["content"]


def test_a_script_saves_a_chat_and_another_continues_until_a_line_fails(kit, model, tmp_path):
    script, saved = tmp_path / "script.txt", tmp_path / "chat.json"
    said = ["Hello <|im_end|>", "", "/strategy last_turns(1)", "My name is Alice.", f"/save {saved}", "Who am I?"]
    script.write_text("\n".join([*said, "/quit", "/nothing", ""]))
    options = ("--threads", 1, "--max-new-tokens", 8)
    first = kit("chat", "--model", model, *options, "--script", script)
    assert first.returncode == 0, first.stderr
    assert json.loads(saved.read_text())["messages"][0]["content"] == "Hello <|im_end|>"
    second = kit("chat", "--model", model, *options, "--load", saved, input="Who am I?\n/stats\n/histori off\nNever said\n")
    answer, _, told = second.stdout.partition("model     ")
    assert len(answer) > 8 and first.stdout.endswith(answer)
    assert "3 turns" in told and "last_turns(1)" in told and "1 turn left out" in told
    assert re.search(
        r"^\[ \d+ of 4,096 tokens · 1 turn left out · reply cut at the token limit \]$", second.stderr, re.MULTILINE
    )
    assert second.returncode == 2
    line = "error: standard input, line 3: there is no command /histori; did you mean /history?"
    assert second.stderr.splitlines()[-1].startswith(line)


def test_mistakes_are_reported_before_anything_is_loaded(kit, one_line, tmp_path):
    (tmp_path / "chat.json").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    one_line(kit("chat", "--load", tmp_path / "chat.json"), "is a pickle", "can run code")
    one_line(kit("chat", "--strategy", "some"), "'some' is not a strategy", "last_turns(N)")
    one_line(kit("chat", "--script", tmp_path / "none.txt"), "No such file", "none.txt")
    one_line(kit("chat", "--model", "demo-huge"), "'demo-huge' is not a model folder, a GGUF file, a manifest or a model in")

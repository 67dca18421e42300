"""Chat commands and the conversation they change, with a small real model."""

import io
import os
import re

import pytest
from mmlu_kit.chat import commands, replies, sessions, states, terminal, views
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import tokenizers, transformers_model
from mmlu_kit.settings import LoadSettings
from mmlu_kit.user_errors import UserError


@pytest.fixture(scope="module")
def loaded(root):
    folder = root / "workflow/demo/models/demo-small"
    manifest = checkpoints.verified_manifest(folder)
    return transformers_model.load_model(folder, LoadSettings()), tokenizers.load_tokenizer(folder), manifest


@pytest.fixture
def make(loaded):
    model, tokenizer, manifest = loaded

    def session(strategy="full", context=2048, max_new_tokens=4, system=None):
        replier, identity = replies.Replier(model, ChatTemplate(tokenizer)), states.model_identity("demo-small", manifest)
        return sessions.Session(replier, identity, views.parse(strategy), context, max_new_tokens, system)

    return session


def say(session, *texts):
    return ["".join(session.ask(text)) for text in texts]


def test_a_chat_of_several_turns(make):
    session = make(system="Be brief.")
    answers = say(session, "One?", "Two?", "Three?")
    assert [message["role"] for message in session.messages] == ["system", *["user", "assistant"] * 3]
    assert [message["content"] for message in session.messages[2::2]] == answers
    used = session.view.tokens + session.replier.last.new_tokens
    assert session.meter().startswith(f"[ {used} of 2,048 tokens") and "left out" not in session.meter()
    session.set_strategy(views.parse("last_turns(1)"))
    say(session, "Four?")
    assert "· 2 turns left out" in session.meter() and session.turns() == 4
    assert commands.run("/undo", session) == "deleted: Four?" and session.turns() == 3
    stats = commands.run("/stats", session)
    assert "3 turns, with a system message" in stats and "last_turns(1)" in stats
    commands.run("/clear", session)
    assert session.messages == [{"role": "system", "content": "Be brief."}]
    with pytest.raises(UserError, match="nothing to undo"):
        commands.run("/undo", session)


def test_history_off_prompts_with_the_newest_message_but_keeps_the_chat(make):
    session, alone = make("last_turns(2)"), make()
    say(session, "My name is Alice.", "I live in Oslo.")
    assert "history is off" in commands.run("/history off", session)
    answer = say(session, "What is my name?")
    assert answer == say(alone, "What is my name?") and session.turns() == 3
    assert session.view.messages == ({"role": "user", "content": "What is my name?"},)
    assert "2 turns left out" in session.meter() and "history off" in session.meter()
    commands.run("/history off", session)
    assert "2 turns before it" in commands.run("/history on", session) and str(session.strategy) == "last_turns(2)"
    assert "the 1 turn before it" in commands.run("/strategy last_turns(1)", make("full"))
    say(session, "And now?")
    assert len(session.view.messages) == 5
    assert "all turns" in (commands.run("/strategy none", make("full")), commands.run("/history on", make("none")))[1]


def test_a_stopped_reply_is_kept_and_marked(make):
    session = make(max_new_tokens=64)
    whole = say(make(max_new_tokens=64), "Which planet is red?")[0]
    reply = session.ask("Which planet is red?")
    begun = next(reply) + next(reply)
    reply.close()
    assert begun and whole.startswith(begun) and begun != whole
    assert session.messages[-1] == {"role": "assistant", "content": begun, "ended": "interrupted"}
    say(session, "Go on.")
    assert session.replier.last.cached_tokens > 10


def test_a_message_that_does_not_fit_changes_nothing(make):
    session = make(context=64)
    say(session, "Hello?")
    before = list(session.messages)
    with pytest.raises(views.PromptTooLong, match=r"the newest message takes \d+ tokens, but the prompt may have 60"):
        say(session, "word " * 200)
    assert session.messages == before and len(say(session, "Hello again?")) == 1
    with pytest.raises(UserError, match="leave no room"):
        make(context=64, max_new_tokens=64)


def test_a_saved_and_loaded_chat_goes_on_unchanged(make, tmp_path):
    path = tmp_path / "with spaces in it.json"
    first = make("token_budget(200)", system="Be brief.")
    say(first, "My name is Alice.", "I live in Oslo.")
    with pytest.raises(UserError, match="needs a file name"):
        commands.run("/save", first)
    assert commands.run(f"/save {path}", first) == f"2 turns saved to {path}"
    second = make()
    told = commands.run(f"/load {path}", second)
    assert told == f"2 turns loaded from {path}; the strategy is token_budget(200)"
    assert say(first, "Who am I?") == say(second, "Who am I?") and first.messages == second.messages
    second.model = second.model.model_copy(update={"files_sha256": "0" * 64})
    second.template_sha256 = "0" * 64
    told = commands.run(f"/load {path}", second).splitlines()
    assert (
        len(told) == 3 and "saved with 'demo-small' (" in told[1] and "chat template differs from the one at saving" in told[2]
    )


def test_a_failed_load_keeps_the_chat(make, tmp_path):
    session = make()
    say(session, "Hello?")
    before = list(session.messages)
    (tmp_path / "chat.json").write_bytes(b"\x80\x04]\x94.")
    with pytest.raises(UserError, match="is a pickle"):
        commands.run(f"/load {tmp_path}/chat.json", session)
    assert session.messages == before and len(say(session, "Still there?")) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/hlep", "did you mean /help?"),
        ("/strateg full", "did you mean /strategy?"),
        ("/xyzzy", "/help lists them"),
        ("/strategy some", "is not a strategy"),
        ("/strategy last_turns(٣)", "is not a strategy"),
        ("/history maybe", "/history takes on or off"),
        ("/regenerate warm", "a temperature from 0 to 2, of at most four decimals, and a seed below 2**32, as in"),
        ("/regenerate 2.1", "a temperature from 0 to 2"),
        ("/regenerate 0.12345", "at most four decimals"),
        ("/regenerate 1e0", "a temperature from 0 to 2"),
        ("/regenerate nan", "a temperature from 0 to 2"),
        ("/regenerate -1", "a temperature from 0 to 2"),
        ("/regenerate 0.7 4294967296", "a seed below 2**32"),
        ("/regenerate ٣", "a temperature from 0 to 2"),
        ("/regenerate 0.7 1 2", "a temperature from 0 to 2"),
        ("/regenerate", "there is no reply to ask for again: send a message first"),
        ("/regen", "did you mean /regenerate?"),
    ],
)
def test_a_misspelt_command_gets_a_suggestion(make, line, words):
    with pytest.raises(UserError, match=re.escape(words)):
        commands.run(line, make())


NAMES = {
    "folder": "already exists and is not a saved chat",
    "pipe": "already exists and is not a saved chat",
    "thesis.tex": "already exists and is not a saved chat",
    "other.json": "already exists and is not a saved chat",
    "/dev/full": "already exists and is not a saved chat",
    "..": "already exists and is not a saved chat",
    "": "needs a file name",
    "~nobody-of-this-name/x.json": "this home folder is not known: write the whole path",
    "a\0b": "cannot have control characters",
    "a\nb": "cannot have control characters",
    "\x1b[2J.json": "cannot have control characters",
    "n" * 300: "File name too long",
    "thesis.tex/x.json": "(File exists|Not a directory)",
    "/proc/x.json": "No such file|Permission denied",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_chat_that_cannot_be_saved_goes_on_and_nothing_is_overwritten(make, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "thesis.tex").write_text("years of work")
    (tmp_path / "other.json").write_text('{"schema": "mmlu-kit/chat/2"}')
    before = sorted(tmp_path.iterdir())
    session = make()
    say(session, "Hello?")
    with pytest.raises((UserError, OSError), match=NAMES[name]):
        commands.run(f"/save {name}", session)
    assert sorted(tmp_path.iterdir()) == before and (tmp_path / "thesis.tex").read_text() == "years of work"
    assert session.path is None and session.turns() == 1
    if name:
        with pytest.raises(UserError):
            commands.run(f"/load {name}", session)
        assert session.turns() == 1


def test_the_longest_file_name_can_be_saved(make, tmp_path):
    path = tmp_path / ("é" * 125 + ".json")
    commands.run(f"/save {path}", make())
    assert [path] == list(tmp_path.iterdir())


SCRIPTS = {
    "Latin-1": ("/help\ncafé\n".encode("latin-1"), r"script, line 2: not UTF-8"),
    "UTF-16": ("/help".encode("utf-16"), "script, line 1: not UTF-8"),
    "half of a character": (b"Hello \xed\xa0\x80", "script, line 1: not UTF-8"),
    "a line without end": (b"/help\n" + b"\0" * 2**22, "script, line 2: more than 1,048,576 bytes"),
    "an escape sequence": (b"/\x1b[2J", "there is no command /␛"),
    "a message without end": (b"/help\n" + b"Hello \\\n" * 2**18, "script, line 2: more than 1,048,576 bytes"),
    "a command of three lines": (b"\n/hlep \\\n\\\nme\n", "script, line 2: there is no command /hlep"),
    "Latin-1 in a message's second line": ("One\\\ncafé\n".encode("latin-1"), "script, line 2: not UTF-8"),
    "a last line that goes on": (b"/help\nHello \\\n", r"script, line 2: \\ continues the last line, but none follows"),
}


@pytest.mark.parametrize(("script", "line"), SCRIPTS.values(), ids=SCRIPTS)
def test_a_script_that_is_no_text_is_one_line(make, script, line):
    with pytest.raises(UserError, match=line):
        terminal.play(make(), io.BytesIO(script), "script")


def test_messages_with_control_characters_are_messages(make, capsys):
    session = make()
    terminal.play(session, io.BytesIO(b"\xef\xbb\xbfHello \0 \x1b[2J\r\n\n//help\n"), "script")
    assert [message["content"] for message in session.messages[::2]] == ["Hello \0 \x1b[2J", "/help"]
    assert "\x1b" not in capsys.readouterr().out


def test_help_names_every_command(make):
    told = commands.run("/help", make())
    names = "/help /save /load /clear /history /strategy /system /regenerate /stats /undo /quit".split()
    assert [line.split()[0] for line in told.splitlines()[:-2]] == names
    assert told.splitlines()[-2].startswith("A \\ at a line's end continues the message")
    with pytest.raises(commands.Leave):
        commands.run("/quit", make())


LINES = {
    "several lines": (b"One\\\n  Two\\\r\n\\\n\nThree\n", ["One\n  Two", "Three"]),
    "an indented first line": (b"\\\n  if x:\\\n    y\n", ["  if x:\n    y"]),
    "a backslash that is text": (b"a & b \\\\\nC:\\ \n", ["a & b \\\\", "C:\\"]),
    "three backslashes": (b"a \\\\\\\nb\n", ["a \\\\\nb"]),
    "a slash in a later line": (b"One\\\n/quit\n", ["One\n/quit"]),
    "two slashes": (b"//system\\\nTwo\n", ["/system\nTwo"]),
    "nothing": (b"\\\n\\\n \n", []),
}


@pytest.mark.parametrize(("script", "texts"), LINES.values(), ids=LINES)
def test_a_backslash_at_a_lines_end_continues_the_message(make, script, texts):
    session = make(max_new_tokens=1)
    terminal.play(session, io.BytesIO(script), "script")
    assert [message["content"] for message in session.messages[::2]] == texts


def test_another_system_message_holds_from_the_next_reply_on_and_replies_keep_theirs(make, tmp_path):
    session, path = make("last_turns(1)", system="Be brief."), tmp_path / "chat.json"
    say(session, "One?", "Two?")
    assert commands.run("/system", session) == "the system message is: Be brief."
    assert commands.run("/system Count.\nIn words.", session) == "the system message is: Count.\nIn words."
    say(session, "Three?")
    system, *_ = session.messages
    assert system == session.view.messages[0] == {"role": "system", "content": "Count.\nIn words."}
    assert [message.get("system") for message in session.messages[2::2]] == ["Be brief.", "Be brief.", None]
    # What was computed for another prompt is not used: the reply is that of a chat that always had this system message.
    fresh = make("last_turns(1)", system="Count.\nIn words.")
    fresh.messages[1:] = session.messages[1:-2]
    assert say(fresh, "Three?") == [session.messages[-1]["content"]] and fresh.view.tokens == session.view.tokens
    assert commands.run("/system off", session) == commands.run("/system", session) == "no system message"
    say(session, "Four?")
    assert session.messages[0]["role"] == session.view.messages[0]["role"] == "user"
    commands.run(f"/save {path}", session)
    other = make()
    commands.run(f"/load {path}", other)
    assert other.messages == session.messages
    # With the first one back, the replies under it need no record; the others do.
    commands.run("/system Be brief.", other)
    records = [message.get("system", "the same") for message in other.messages if message["role"] == "assistant"]
    assert records == ["the same", "the same", "Count.\nIn words.", None]


def test_a_system_message_that_leaves_no_room_is_refused_at_the_next_message_and_can_be_changed(make):
    session = make(context=64)
    commands.run("/system " + "word " * 200, session)
    with pytest.raises(views.PromptTooLong, match="the system message and the newest message take"):
        say(session, "Hello?")
    commands.run("/system off", session)
    assert len(say(session, "Hello?")) == 1


def test_a_reply_is_asked_again_with_a_seed_and_each_seed_gives_the_same_reply(make, tmp_path):
    session, path = make(max_new_tokens=12), tmp_path / "chat.json"
    first, greedy = say(session, "My name is Alice.", "Which planet is red?")
    tokens = session.view.tokens

    def again(argument=""):
        reply = "".join(commands.run(f"/regenerate {argument}", session))
        assert session.messages[-1]["content"] == reply and session.turns() == 2 and session.view.tokens == tokens
        assert session.replier.last.cached_tokens == tokens - 1
        return reply

    drawn = [again("1.5") for _ in range(4)]
    assert len(set(drawn)) == 4 and session.messages[-1]["sampling"] == {"temperature": 1.5, "seed": 4}
    assert session.meter().endswith("· temperature 1.5, seed 4 ]") and "temperature 1.5" in commands.run("/stats", session)
    assert [again(f"1.5 {seed}") for seed in (3, 1)] == [drawn[2], drawn[0]]
    assert again() and session.messages[-1]["sampling"] == {"temperature": 0.7, "seed": 2}
    session.save(path)
    assert states.load(path).messages == session.messages
    # Another process draws the same.
    other = make(max_new_tokens=12)
    other.restore(path)
    assert "".join(other.regenerate(1.5, 3)) == drawn[2]
    assert again("0") == greedy and "sampling" not in session.messages[-1] and "temperature" not in session.meter()
    assert session.messages[1]["content"] == first
    # The newest message is asked under what holds now.
    commands.run("/history off", session)
    list(commands.run("/regenerate 0", session))
    assert session.view.left_out == 1 and session.turns() == 2


def test_a_stopped_reply_replaces_the_last_one_and_a_failed_one_does_not(make):
    session = make(max_new_tokens=64)
    say(session, "Which planet is red?")
    before = list(session.messages)
    with pytest.raises(UserError):
        session.context = 70
        list(session.regenerate(1.0))
    assert session.messages == before
    session.context = 2048
    reply = session.regenerate(1.0, 5)
    begun = next(reply) + next(reply)
    reply.close()
    assert session.messages[-1]["content"] == begun and session.messages[-1]["ended"] == "interrupted"
    assert session.messages[-1]["sampling"]["seed"] == 5 and session.turns() == 1


def test_a_script_asks_again_and_prints_temperature_and_seed(make, capsys):
    session = make()
    script = b"Hello?\n/regenerate 1 7\n/system Be\\\nbrief.\n/regenerate\n"
    terminal.play(session, io.BytesIO(script), "script")
    printed = capsys.readouterr()
    assert "the system message is: Be\nbrief." in printed.out
    meters = printed.err.splitlines()
    assert len(meters) == 3 and "temperature" not in meters[0]
    assert meters[1].endswith("temperature 1, seed 7 ]") and meters[2].endswith("temperature 0.7, seed 8 ]")

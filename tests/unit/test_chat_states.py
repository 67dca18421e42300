"""Saved chats are written completely or not at all, and validated when loaded; pickles are never loaded."""

import json
import os
import pickle
import time
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mmlu_kit.chat import states, views
from mmlu_kit.chat.states import ModelIdentity
from mmlu_kit.files import sha256
from mmlu_kit.inputs.checkpoints import FileEntry, Manifest
from mmlu_kit.user_errors import UserError

MODEL = ModelIdentity(name="demo", repository=None, commit=None, files_sha256="0" * 64)
LOG = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Grüß dich 👋 \x1b[2J"},
    {"role": "assistant", "content": "", "ended": "interrupted"},
]
SAMPLED = {"role": "assistant", "content": "Hi", "sampling": {"temperature": 0.7, "seed": 3}, "system": None}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "chat.json"
    states.save(path, LOG, views.Strategy("last_turns", 4), MODEL, "1" * 64)
    return path


def test_a_saved_chat_loads_unchanged(saved):
    chat = states.load(saved)
    assert (chat.messages, chat.strategy, chat.model, chat.template_sha256) == (LOG, "last_turns(4)", MODEL, "1" * 64)
    states.save(saved, LOG[:1], views.Strategy("full"), MODEL, "1" * 64)
    assert states.load(saved).messages == LOG[:1] and list(saved.parent.iterdir()) == [saved]


def test_chats_saved_by_earlier_versions_still_load(saved):
    """Chats that earlier versions of the kit saved can still be loaded."""
    chat = json.loads(saved.read_text())
    assert len(chat.pop("saved")) == len("2026-01-01T00:00:00Z")
    assert chat == {
        "schema": "mmlu-kit/chat/2",
        "model": {"name": "demo", "repository": None, "commit": None, "files_sha256": "0" * 64},
        "template_sha256": "1" * 64,
        "strategy": "last_turns(4)",
        "messages": LOG,
    }
    saved.write_text(json.dumps({**chat, "schema": "mmlu-kit/chat/1", "saved": "2026-01-01T00:00:00Z"}))
    assert states.load(saved).messages == LOG
    states.save(saved, [*LOG, LOG[1], SAMPLED], views.Strategy("full"), MODEL, "1" * 64)
    assert json.loads(saved.read_text())["schema"] == "mmlu-kit/chat/2" and states.load(saved).messages[-1] == SAMPLED
    files = {"config.json": FileEntry(bytes=3, sha256="a" * 64)}
    manifest = Manifest(folder="m", repository=None, commit=None, files=files, parameters=1, checkpoint_bytes=1)
    text = '{"config.json": {"bytes": 3, "sha256": "' + "a" * 64 + '"}}'
    assert states.model_identity("demo", manifest).files_sha256 == sha256(text)


class Trap:
    """The content of a hostile pickle: loading it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def pickles(trap):
    """Return pickles of every protocol: a list of messages like the writeup's, other data, and code."""
    messages = [{"role": "user", "content": "My name is Alice."}]
    for value in (messages, [], {}, {"messages": messages}, (), None, "text", "long " * 3000, 7, 2.5, [1, 2], trap):
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            data = pickle.dumps(value, protocol)
            yield data
            # Half of one; of the first protocols, which have no mark, where it begins with more than a long text.
            if protocol >= 2 or (value in (messages, [1, 2]) and len(data) > 20):
                yield data[: len(data) // 2 + 8]
    yield b"cos\nsystem\n(S'touch %s'\ntR." % str(trap.path).encode()


def test_a_pickle_is_recognised_and_never_loaded(tmp_path):
    trap = Trap(tmp_path / "run")
    path = tmp_path / "chat.json"
    for data in pickles(trap):
        path.write_bytes(data)
        with pytest.raises(UserError, match=r"is a pickle and is not loaded, since loading a pickle can run code"):
            states.load(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(trap))
    with pytest.raises(UserError, match="is a pickle"):
        states.load(path)
    assert not trap.path.exists()


@pytest.mark.parametrize(
    "text",
    [
        "# Title\n\nSome words.",
        "Name: Alice",
        "tables and more",
        "user,assistant\n",
        "(see below)",
        "Is it so?",
        "<html>",
        "",
        "\x00",
    ],
)
def test_other_files_are_not_mistaken_for_pickles(tmp_path, text):
    path = tmp_path / "chat.pkl"
    path.write_text(text)
    with pytest.raises(UserError, match="is not a saved chat, or is damaged"):
        states.load(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda chat: chat.pop("messages"), "messages: missing"),
        (lambda chat: chat.update(schema="mmlu-kit/merged/3"), "its schema is not mmlu-kit/chat/2"),
        (
            lambda chat: chat.update(schema="mmlu-kit/chat/3"),
            "saved by another version of the kit ('mmlu-kit/chat/3'; this one reads mmlu-kit/chat/1 and mmlu-kit/chat/2)",
        ),
        (lambda chat: chat.update(run="me"), "'run' is not a key"),
        (lambda chat: chat.update(strategy="last_turns(all)"), "strategy: "),
        (lambda chat: chat.update(strategy="token_budget(0)"), "strategy: "),
        (lambda chat: chat.update(saved="yesterday"), "saved: "),
        (lambda chat: chat.update(template_sha256="1" * 63), "template_sha256: "),
        (lambda chat: chat["model"].update(files_sha256="G" * 64), "model.files_sha256: "),
        (lambda chat: chat["model"].update(weights="w"), "model.weights: 'weights' is not a key"),
        (lambda chat: chat["model"].pop("commit"), "model.commit: missing"),
        (lambda chat: chat.update(messages={}), "messages: "),
        (lambda chat: chat["messages"].append({"role": "tool", "content": ""}), "messages.3.role: 'tool'"),
        (lambda chat: chat["messages"][2].update(name="Bob"), "messages.2.name: 'name' is not a key"),
        (lambda chat: chat["messages"][2].pop("content"), "messages.2.content: missing"),
        (lambda chat: chat["messages"][2].update(ended="end"), "messages.2.ended: 'end' is not known"),
        (lambda chat: chat["messages"][1].update(ended="length"), "message 1 is not a reply"),
        (lambda chat: chat["messages"][1].update(sampling=SAMPLED["sampling"]), "message 1 is not a reply"),
        (lambda chat: chat["messages"][0].update(system="Be brief."), "message 0 is not a reply"),
        (lambda chat: chat["messages"][2].update(system=["Be brief."]), "messages.2.system: "),
        (lambda chat: chat["messages"][2].update(sampling={"temperature": 0.7}), "messages.2.sampling.seed: missing"),
        (lambda chat: chat["messages"][2].update(sampling={"temperature": 0, "seed": 1}), "messages.2.sampling.temperature: "),
        (lambda chat: chat["messages"][2].update(sampling={"temperature": float("inf"), "seed": 1}), "sampling.temperature: "),
        (lambda chat: chat["messages"][2].update(sampling={"temperature": float("nan"), "seed": 1}), "sampling.temperature: "),
        (lambda chat: chat["messages"][2].update(sampling={"temperature": 1, "seed": 2**32}), "messages.2.sampling.seed: "),
        (lambda chat: chat["messages"][2].update(sampling={"temperature": 1, "seed": 1, "top_p": 1}), "'top_p' is not a key"),
        (lambda chat: chat["messages"].append({"role": "system", "content": ""}), "a message by 'system' is out of order"),
        (lambda chat: chat["messages"].pop(1), "a message by 'assistant' is out of order"),
        (lambda chat: chat["messages"][1].update(content=["Hello"]), "messages.1.content: "),
        (lambda chat: chat["messages"][1].update(content="\ud83d"), "surrogates not allowed"),
        (lambda chat: chat["model"].update(name="\ud83d"), "surrogates not allowed"),
    ],
)
def test_a_damaged_chat_is_reported_in_one_line_with_its_place(saved, change, words):
    chat = json.loads(saved.read_text())
    change(chat)
    saved.write_text(json.dumps(chat))
    with pytest.raises(UserError) as problem:
        states.load(saved)
    assert words in str(problem.value) and str(saved) in str(problem.value) and "\n" not in str(problem.value)


def test_files_that_cannot_be_a_chat_are_not_read(tmp_path, saved):
    os.mkfifo(tmp_path / "pipe")
    large = tmp_path / "large.json"
    with large.open("wb") as stream:
        stream.truncate(states.MAX_BYTES + 1)
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000)
    whole = saved.read_bytes()
    half = tmp_path / "half.json"
    half.write_bytes(whole[: len(whole) // 2])
    for name, words in (
        ("nothing.json", "does not exist"),
        (".", "is a folder, not a file"),
        ("pipe", "is a named pipe, not a file"),
        ("large.json", "16,777,217 bytes, more than any such file"),
        ("deep.json", "not valid JSON"),
        ("half.json", "not valid JSON"),
    ):
        with pytest.raises(UserError, match=words):
            states.load(tmp_path / name)


@pytest.mark.parametrize("begin", [b"(", b"((((x", b"NNN", b"0", b"\x8b", b"]" * 9, b"L9", b"}("])
def test_a_file_of_one_byte_repeated_is_judged_at_once(begin):
    started = time.process_time()
    states.looks_like_pickle(begin + begin[-1:] * 70_000)
    assert time.process_time() - started < 1


FORMS = {
    "a list": "[]",
    "a number": "7",
    "null": "null",
    "nothing": "",
    "an empty object": "{}",
    "a schema that is a number": '{"schema": 7}',
    "a list of messages": '[{"role": "user", "content": "Hello"}]',
    "another program's chat": '{"messages": [{"role": "user", "content": "Hello"}]}',
    "a million brackets": "[" * 10**6,
    "a number of a million digits": "9" * 10**6,
    "Latin-1": "é".encode("latin-1"),
    "UTF-16": '{"schema": "mmlu-kit/chat/1"}'.encode("utf-16"),
    "NUL bytes": b"\0" * 4096,
    "a program": b"\x7fELF\x02\x01\x01\0",
    "an image": b"\x89PNG\r\n\x1a\n",
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_files_of_other_forms_are_no_chats(tmp_path, content):
    path = tmp_path / "chat.json"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as problem:
        states.load(path)
    assert str(problem.value).startswith(f"{path} is not a saved chat") and str(problem.value).isprintable()


@pytest.mark.parametrize("messages", [[1, 2], ["Hello"], [None], [[]], [{}], 7, "Hello", None, [{"role": 1, "content": 2}]])
def test_messages_of_other_forms_are_a_damaged_chat(saved, messages):
    saved.write_text(json.dumps({**json.loads(saved.read_text()), "messages": messages}))
    with pytest.raises(UserError, match=r"is a damaged chat: messages"):
        states.load(saved)


def test_a_chat_of_a_hundred_thousand_turns_is_loaded(saved):
    messages = [{"role": role, "content": ""} for role in ("user", "assistant")] * 100_000
    saved.write_text(json.dumps({**json.loads(saved.read_text()), "messages": messages}))
    assert len(views.split(states.load(saved).messages)[1]) == 100_000


@given(st.binary(max_size=200) | st.text(max_size=50).map(lambda text: text.encode("utf-8", "surrogatepass")))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_raise_at_most_a_user_error(tmp_path, data):
    path = tmp_path / "chat.json"
    path.write_bytes(data)
    with pytest.raises(UserError):
        states.load(path)


def test_another_file_is_not_overwritten(tmp_path):
    path = tmp_path / "thesis.tex"
    path.write_text("years of work")
    with pytest.raises(UserError, match="already exists and is not a saved chat"):
        states.save(path, LOG, views.Strategy("full"), MODEL, "1" * 64)
    assert path.read_text() == "years of work"

"""Files are written completely or not at all, whatever the disk does."""

import os
import stat

import pytest
from mmlu_kit import files
from mmlu_kit.user_errors import UserError


def test_json_files_are_sorted_and_round_trip(tmp_path):
    files.write_json(tmp_path / "sub/a.json", {"b": [1, "é"], "a": None})
    assert (tmp_path / "sub/a.json").read_text() == '{\n "a": null,\n "b": [\n  1,\n  "é"\n ]\n}\n'
    assert files.read_json(tmp_path / "sub/a.json") == {"a": None, "b": [1, "é"]}


def test_nan_is_never_written(tmp_path):
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", float("nan"))
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing_behind(tmp_path, monkeypatch):
    files.write_text(tmp_path / "a", "old")
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left on device") as error:
        files.write_text(tmp_path / "a", "new")
    assert error.value.filename == str(tmp_path / "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


def test_the_name_of_a_file_that_is_not_utf8_cannot_be_recorded(tmp_path):
    name = os.fsdecode(b"caf\xe9")
    with pytest.raises(UserError, match=r"a.json cannot have .*caf.udce9.*, which is not UTF-8: rename the file or folder"):
        files.write_json(tmp_path / "a.json", {"folder": name})
    assert list(tmp_path.iterdir()) == []
    files.write_text(tmp_path / name, "x")  # its own name may be any
    assert files.read_text(tmp_path / name) == "x"


def test_an_interrupted_write_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        files.write_text(tmp_path / "a", "new")
    assert list(tmp_path.iterdir()) == []


def test_only_files_are_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "folder").mkdir()
    before = {path: path.lstat().st_mode for path in tmp_path.iterdir()}
    for name, kind in (("pipe", "a named pipe"), ("null", "a device"), ("folder", "a folder")):
        with pytest.raises(UserError, match=f"{name} is {kind}, not a file: choose another name"):
            files.write_text(tmp_path / name, "x")
    assert {path: path.lstat().st_mode for path in tmp_path.iterdir()} == before
    with pytest.raises(OSError) as error:
        files.write_text(tmp_path / "pipe/x", "x")
    assert error.value.filename == str(tmp_path / "pipe/x")


def test_files_have_the_usual_permissions(tmp_path):
    files.write_text(tmp_path / "a", "x")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "does not exist"),
        (b'{"a": ', "not valid JSON"),
        (b"\xff", r"a\.json is not UTF-8 text \(byte 0\)"),
        (b"[" * 200_000, "not valid JSON"),
        (b"9" * 5_000, "not valid JSON"),
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"{}\0", r"a\.json is not UTF-8 text \(byte 2 is NUL\)"),
        ("{}".encode("utf-16"), "is UTF-16 text: save it as UTF-8"),
        ("{}".encode("utf-16-be"), r"is not UTF-8 text \(byte 0 is NUL\)"),
        ('{"é": 1}'.encode("latin-1"), r"is not UTF-8 text \(byte 2\)"),
    ],
)
def test_a_missing_or_damaged_file_is_reported_in_one_line(tmp_path, content, words):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=words):
        files.read_json(tmp_path / "a.json")


def test_a_file_that_an_editor_marked_as_utf8_is_read(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf[1]\r\n")
    assert files.read_json(tmp_path / "a.json") == [1]


def test_only_regular_files_of_their_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "link").symlink_to("nowhere")
    with (tmp_path / "huge").open("wb") as stream:
        stream.truncate(files.MAX_BYTES + 1)
    lines = {
        ".": "is a folder, not a file: correct the path",
        "pipe": "is a named pipe, not a file",
        "loop": "cannot be read .Too many levels of symbolic links.",
        "link": "is a link to a file that does not exist",
        "huge": "has 200,000,001 bytes, more than any such file",
        "n" * 300: "cannot be read .File name too long.",
        "a\0b": "cannot be read .embedded null byte.",
    }
    for name, line in lines.items():
        with pytest.raises(UserError, match=line):
            files.read_text(tmp_path / name)
    with pytest.raises(UserError, match="is a device, not a file"):
        files.read_text("/dev/zero")


def test_an_unreadable_file_is_named(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("x")
    monkeypatch.setattr(os, "open", lambda *_: (_ for _ in ()).throw(PermissionError(13, "Permission denied")))
    with pytest.raises(UserError, match=r"a cannot be read \(Permission denied\): correct the path or its permissions"):
        files.read_text(tmp_path / "a")

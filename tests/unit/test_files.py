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
    ],
)
def test_a_missing_or_damaged_file_is_reported_in_one_line(tmp_path, content, words):
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=words):
        files.read_json(tmp_path / "a.json")

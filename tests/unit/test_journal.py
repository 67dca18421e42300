"""The journal of an evaluation: complete batches are read back, anything else is dropped, and processes cannot share one."""

import subprocess
import sys

import pytest
from mmlu_kit.evaluation import journal
from mmlu_kit.user_errors import UserError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "a/astronomy.jsonl"


def filled(path, key="key"):
    written = journal.Journal(path, key)
    written.append(0, [{"index": 1, "text": "é\n"}])
    written.append(2, [{"index": 2}, {"index": 3}])
    written.close()


def reopened(path, key="key"):
    again = journal.Journal(path, key)
    again.close()
    return again.kept


def test_written_batches_are_read_back(path):
    filled(path)
    assert reopened(path) == {0: [{"index": 1, "text": "é\n"}], 2: [{"index": 2}, {"index": 3}]}


def test_a_journal_of_another_key_is_emptied(path):
    filled(path)
    assert reopened(path, "other key") == {}
    assert reopened(path) == {}


def test_a_truncated_line_is_dropped_and_the_next_is_complete(path):
    filled(path)
    whole = path.read_bytes()
    first, second = (sum(len(line) for line in whole.splitlines(keepends=True)[:n]) for n in (1, 2))
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert set(reopened(path)) == ({0} if length >= second else set()), length
        again = journal.Journal(path, "key")
        again.append(7, [{"index": 9}])
        again.close()
        assert 7 in reopened(path)
    assert first < second


def test_a_changed_byte_ends_the_journal_there(path):
    filled(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1].replace(b"index", b"inDex") + lines[2])
    assert reopened(path) == {}


@pytest.mark.parametrize("text", [b"", b"\x00\xff\n", b"{}\n{}\n", b'{"key": "key"}\n[1]\n{"batch": "x"}\n', b"null\n"])
def test_other_content_is_not_read_as_a_batch(path, text):
    path.parent.mkdir()
    path.write_bytes(text)
    assert reopened(path) == {}


def test_two_processes_cannot_share_one(path):
    held = journal.Journal(path, "key")
    with pytest.raises(UserError, match="is in use by another process running this evaluation"):
        journal.Journal(path, "key")
    held.close()
    assert reopened(path) == {}


def test_a_killed_process_releases_its_lock(path, root):
    code = (
        "import sys, os, signal; from mmlu_kit.evaluation.journal import Journal\n"
        "Journal(sys.argv[1], 'key').append(0, []); os.kill(os.getpid(), signal.SIGKILL)"
    )
    program = [sys.executable, "-c", code, str(path)]
    assert subprocess.run(program, cwd=root / "workflow/scripts").returncode == -9
    assert reopened(path) == {0: []}


def test_a_removed_journal_leaves_no_file(path):
    held = journal.Journal(path, "key")
    held.remove()
    assert not path.exists()
    assert reopened(path) == {}

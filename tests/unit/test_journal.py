"""The journal of an evaluation: complete batches are read back, anything else is dropped, and processes cannot share one."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmlu_kit.evaluation import journal
from mmlu_kit.evaluation.process import Job, Outputs
from mmlu_kit.evaluation.runner import Runner
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.models import loading, tokenizers
from mmlu_kit.recall.experiment import Experiment
from mmlu_kit.settings import OnUnavailable, Requested
from mmlu_kit.timing.phase_timer import PhaseTimer
from mmlu_kit.user_errors import UserError

from tests.hostile import journals


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


@pytest.fixture(scope="module")
def evaluate(root, tmp_path_factory):
    """Evaluate a tiny model on six questions, in a folder that may have a journal."""
    torch.set_num_threads(1)
    manifest = checkpoints.verified_manifest(root / "workflow/demo/models/demo-small")
    tokenizer = tokenizers.load_tokenizer(Path(manifest.folder))
    requested = Requested(tokens_per_batch=128)
    loaded = loading.load(manifest, requested, OnUnavailable.FAIL)
    questions_folder = tmp_path_factory.mktemp("questions")
    journals.asked(questions_folder)
    by_subject = {"astronomy": questions.read_folder(questions_folder / "questions", "astronomy")}

    def call(folder):
        outputs = Outputs(folder / "evaluations", None, folder / "journals")
        job = Job(Path(manifest.folder), "m", requested, OnUnavailable.FAIL, outputs)
        runner = Runner(job, manifest, loaded, tokenizer, PhaseTimer())
        runner.run("astronomy", by_subject["astronomy"])
        for each in runner.journals:
            each.close()
        return (folder / "evaluations/astronomy.json").read_bytes()

    return call


@pytest.fixture(scope="module")
def whole(evaluate, tmp_path_factory):
    """The lines of the journal and the evaluation of an undisturbed run."""
    folder = tmp_path_factory.mktemp("whole")
    evaluation = evaluate(folder)
    lines = (folder / journals.JOURNAL).read_bytes().splitlines(keepends=True)
    assert len(lines) > 3
    return lines, evaluation


def resumed(evaluate, folder, lines):
    """Evaluate in a folder with a journal of these lines."""
    (folder / "journals").mkdir()
    (folder / journals.JOURNAL).write_bytes(b"".join(lines))
    return evaluate(folder)


@pytest.mark.parametrize("damage", journals.DAMAGE.values(), ids=journals.DAMAGE)
def test_questions_of_a_damaged_journal_are_scored_again_and_the_run_says_so(damage, evaluate, whole, tmp_path, capsys):
    lines, evaluation = whole
    assert resumed(evaluate, tmp_path, damage(lines)) == evaluation
    output = capsys.readouterr().out
    assert f"{journals.JOURNAL}: " in output and "is computed again\n" in output
    assert evaluate(tmp_path) == evaluation and "Note: " not in capsys.readouterr().out


@pytest.mark.parametrize("change", journals.HARMLESS.values(), ids=journals.HARMLESS)
def test_a_usable_journal_is_used_without_a_word(change, evaluate, whole, tmp_path, capsys):
    lines, evaluation = whole
    assert resumed(evaluate, tmp_path, change(lines)) == evaluation
    assert "Note: " not in capsys.readouterr().out


def test_files_that_are_not_journals_are_kept_under_other_names(path):
    path.parent.mkdir()
    texts = {"aside": '{"question": "Why?"}\n', "aside1": '{"question": "How?"}\n'}
    for text in texts.values():
        path.write_text(text)
        journal.Journal(path, "key").close()
    assert {name: path.with_name(f"astronomy.jsonl.{name}").read_text() for name in texts} == texts


def test_nothing_is_written_through_a_link(path):
    path.parent.mkdir()
    other = path.with_name("other")
    other.write_text("mine")
    path.symlink_to(other)
    with pytest.raises(UserError, match="is a link"):
        journal.Journal(path, "key")
    assert other.read_text() == "mine"


def test_a_batch_that_was_scored_again_counts_once(path):
    filled(path)
    again = journal.Journal(path, "key")
    again.append(2, [{"index": 2}, {"index": 3}])
    again.close()
    assert journal.kept(path) == 3


@pytest.mark.parametrize("entries", [[{"text": 1}] * 2, [{}] * 2, [{"text": "a"}], [{"text": "\ud800"}] * 2, []])
def test_replies_that_do_not_fit_the_prompts_are_not_taken(entries, path, capsys):
    written = journal.Journal(path, "key")
    written.append(0, entries)
    written.close()
    experiment = SimpleNamespace(prompts=[(1,), (2,)])
    assert Experiment._kept(experiment, journal.Journal(path, "key")) == {}
    assert " is dropped " in capsys.readouterr().out


def test_replies_in_a_journal_are_taken(path, capsys):
    written = journal.Journal(path, "key")
    written.append(0, [{"text": "a"}, {"text": ""}])
    written.close()
    experiment = SimpleNamespace(prompts=[(1,), (2,)])
    assert Experiment._kept(experiment, journal.Journal(path, "key")) == {0: ["a", ""]}
    assert capsys.readouterr().out == ""

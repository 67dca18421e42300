"""Every file of a study beside its hashes: what was added, swapped, resized or renamed is named, and nothing hangs."""

import json
import os
import shutil
from pathlib import Path

import pytest
from mmlu_kit import files
from mmlu_kit.provenance import comparison, run_record
from mmlu_kit.user_errors import UserError

from tests.hostile.provenance import listen, recorded

REPORT, EVALUATION = "report.md", "evaluations/m/astronomy.json"


@pytest.fixture
def study(tmp_path):
    return recorded(tmp_path)


def differences(study):
    return comparison.differences(comparison.read(study), study)._asdict()


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def entity(study, name, **fields):
    graph = study / "ro-crate-metadata.json"
    edit(graph, lambda content: next(one for one in content["@graph"] if one["@id"] == name).update(fields))


def linked(study, name, content=None):
    """Move a file or folder aside and put a link to it in its place."""
    aside = study.parent / "aside"
    shutil.move(study / name, aside)
    if content is not None:
        aside.write_text(content)
    (study / name).symlink_to(aside)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda study: None, {}),
        (lambda study: (study / ".hidden").touch(), {"extra": [".hidden"]}),
        (lambda study: (study / "evaluations/.hidden").touch(), {"extra": ["evaluations/.hidden"]}),
        (lambda study: (study / ".git").mkdir(), {}),
        (lambda study: (study / "logs").touch(), {}),
        (lambda study: (study / "evaluations/logs").touch(), {"extra": ["evaluations/logs"]}),
        (lambda study: (study / "figures").mkdir() or (study / "figures/.snakemake_timestamp").touch(), {}),
        (lambda study: os.mkfifo(study / "pipe"), {"extra": ["pipe (a named pipe)"]}),
        (lambda study: listen(study / "socket"), {"extra": ["socket (a socket)"]}),
        (lambda study: os.mkfifo(study / "logs"), {}),
        (lambda study: (study / "link").symlink_to("/dev/zero"), {"extra": ["link (a link)"]}),
        (lambda study: (study / "link").symlink_to("nowhere"), {"extra": ["link (a link)"]}),
        (lambda study: (study / "link").symlink_to(".", target_is_directory=True), {"extra": ["link (a link)"]}),
        (lambda study: linked(study, REPORT), {"changed": [f"{REPORT} (a link)"]}),
        (lambda study: linked(study, REPORT, "other"), {"changed": [f"{REPORT} (a link)"]}),
        (lambda study: linked(study, "evaluations"), {"missing": [EVALUATION], "extra": ["evaluations (a link)"]}),
        (lambda study: (study / REPORT).unlink() or os.mkfifo(study / REPORT), {"changed": [f"{REPORT} (a named pipe)"]}),
        (lambda study: (study / REPORT).unlink() or (study / REPORT).mkdir(), {"missing": [REPORT]}),
        (lambda study: (study / REPORT).rename(study / "Report.md"), {"missing": [REPORT], "extra": ["Report.md"]}),
        (lambda study: (study / "a\nb\x1b[31m").touch(), {"extra": ["a\nb\x1b[31m"]}),
        (lambda study: (study / os.fsdecode(b"\xff")).touch(), {"extra": ["\udcff"]}),
        (lambda study: (study / REPORT).write_text("REPORT.MD"), {"changed": [REPORT]}),
        (lambda study: (study / REPORT).write_text(""), {"changed": [REPORT]}),
        (lambda study: entity(study, REPORT, sha256="1" * 64), {"changed": ["ro-crate-metadata.json"]}),
        (lambda study: entity(study, REPORT, contentSize="8"), {"changed": ["ro-crate-metadata.json"]}),
        (lambda study: entity(study, EVALUATION, sha256=""), {"changed": ["ro-crate-metadata.json"]}),
        (lambda study: entity(study, REPORT, **{"@id": "other"}), {"changed": ["ro-crate-metadata.json"]}),
        (lambda study: entity(study, "#model-m", sha256="1" * 64), {"changed": ["ro-crate-metadata.json"]}),
        (lambda study: entity(study, "#questions-q", sha256=None), {"changed": ["ro-crate-metadata.json"]}),
        (lambda study: entity(study, "provenance.json", sha256="1" * 64), {"changed": ["provenance.json"]}),
        (lambda study: entity(study, "provenance.json", contentSize="1"), {"changed": ["provenance.json"]}),
    ],
)  # fmt: skip
def test_every_difference_is_named(study, change, expected):
    change(study)
    assert differences(study) == {"changed": [], "missing": [], "extra": [], **expected}


@pytest.mark.parametrize("size", [0, 8, 10, 10**18, 10**30])
def test_another_size_than_recorded_is_a_change(study, size):
    edit(study / "provenance.json", lambda content: content["files"][REPORT].update(bytes=size))
    assert differences(study)["changed"] == [REPORT, "provenance.json", "ro-crate-metadata.json"]


def test_odd_names_are_printed_visibly(study, kit):
    (study / "a\nb\x1b[31m").touch()
    process = kit("check-results", study)
    assert process.returncode == 1 and process.stdout.splitlines()[0] == r"extra: a\nb\x1b[31m"
    assert "publish" in kit("check-results", "--help").stdout.lower()


def test_an_unreadable_file_or_folder_is_named(study, monkeypatch):
    def refuse(path, *_):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(files, "file_sha256", refuse)
    with pytest.raises(UserError, match="cannot be read \\(Permission denied\\): correct its permissions"):
        differences(study)
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match="cannot be read \\(Permission denied\\): correct its permissions"):
        comparison.entries(study)


def test_only_regular_visible_files_with_valid_names_are_recorded(study):
    (study / "link").symlink_to(REPORT)
    (study / ".hidden").touch()
    os.mkfifo(study / "pipe")
    assert run_record.result_files(study) == ["Snakefile", EVALUATION, REPORT]
    (study / os.fsdecode(b"\xff.txt")).touch()
    with pytest.raises(UserError, match=r"\\udcff.txt: the name is no valid UTF-8"):
        run_record.result_files(study)


def test_a_folder_behind_a_link_is_compared(study):
    link = Path(study.parent / "link")
    link.symlink_to(study)
    assert differences(link) == {"changed": [], "missing": [], "extra": []}

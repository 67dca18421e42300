"""Result files that changed after the run that recorded them: named, unless a later job of Snakemake explains them."""

import json
import os
import re
import shutil
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from mmlu_kit import files
from mmlu_kit.provenance import changes, comparison, crate, run_record
from mmlu_kit.provenance.documents import Job, ProvenanceFile
from mmlu_kit.results import unpacked
from mmlu_kit.user_errors import UserError

from tests.helpers import results

ENDED = 1_770_000_000.5  # when the recorded run ended, seconds since the epoch
EVALUATION = "evaluations/m/astronomy.json"
QUESTIONS = Path("resources/subjects/q@local")
OUTPUTS = (EVALUATION, "merged.json", "report.md", "figures")
TEXTS = {
    EVALUATION: "one",
    "merged.json": "two",
    "report.md": "three",
    "figures/a.png": "four",
    "notes.txt": "mine",
    "Snakefile": "",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """results/s of a finished run, whose files are older than its provenance.json."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results/s")
    for name, text in TEXTS.items():
        files.write_text(folder / name, text)
        os.utime(folder / name, (ENDED - 60, ENDED - 60))
        finished(name, ENDED - 60)
    finished("figures", ENDED - 60)
    unpack(folder, "answers")
    recorded(folder)
    return folder


def recorded(folder, jobs=True):
    """Write provenance.json and the crate as at the end of a run."""
    job = Job(
        rule="r", command=None, started="2026-01-01T00:00:00+00:00", ended="2026-01-01T00:00:00+00:00", outputs=[*OUTPUTS]
    )
    run = results.run(results.study(["m"], ["astronomy"]))
    provenance = run_record.record(run, folder, [job] if jobs else [], ENDED)
    provenance.write(folder / "provenance.json")
    entry = comparison.file_entry(folder / "provenance.json")
    files.write_json(folder / "ro-crate-metadata.json", crate.build(provenance, entry))


def unpack(folder, text):
    """Put an archive's file in elsewhere/colab, as `mmlu-kit unpack` does."""
    shutil.rmtree(folder / "elsewhere/colab", ignore_errors=True)
    files.write_text(folder / "elsewhere/colab/evaluations/m/anatomy.json", text)
    unpacked.record(folder / "elsewhere/colab")


def record_of(kind, name):
    return Path(".snakemake", kind, urlsafe_b64encode(f"results/s/{name}".encode()).decode())


def finished(name, end):
    """Snakemake's record of a finished job."""
    files.write_json(record_of("metadata", name), {"rule": "r", "starttime": end - 1, "endtime": end})


def killed(name):
    """Snakemake's mark of a job that was not finished."""
    files.write_json(record_of("incomplete", name), {"external_jobid": None})


def made_again(folder, name, later=0.0):
    """Write a file as a later job does; `later` seconds after the job's end somebody changed it."""
    files.write_text(folder / name, "made again")
    os.utime(folder / name, (ENDED + 100 + later, ENDED + 100 + later))
    target = "figures" if name.startswith("figures/") else name
    finished(target, ENDED + 100)


def check(folder, **options):
    """The warnings of a check; raises UserError for what stops a run."""
    outputs = {f"results/s/{name}" for name in (*OUTPUTS, "provenance.json", "ro-crate-metadata.json")}
    return list(changes.check(folder, QUESTIONS, Path(".snakemake"), outputs.__contains__, **options))


def stopped(folder, **options):
    with pytest.raises(UserError) as error:
        check(folder, **options)
    return str(error.value)


def test_an_unchanged_study_is_used(folder):
    assert check(folder) == []


def test_without_a_record_of_a_run_nothing_is_compared(folder):
    (folder / "provenance.json").unlink()
    (folder / EVALUATION).write_text("new")
    assert check(folder) == []


def old_date(path):
    path.write_text("ONE")
    os.utime(path, (ENDED - 60, ENDED - 60))


def link_to_a_copy(path):
    shutil.copy(path, "copy")
    path.unlink()
    path.symlink_to(Path("copy").resolve())


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_text("other"),
        lambda path: path.write_text(""),
        lambda path: path.write_bytes(b"\0" * 3),
        old_date,
        link_to_a_copy,
        lambda path: (path.unlink(), os.mkfifo(path)),
        lambda path: (path.unlink(), path.symlink_to("/nowhere")),
    ],
)
@pytest.mark.parametrize("has_records", [True, False])
def test_a_changed_file_is_named_with_what_to_do(folder, change, has_records):
    change(folder / EVALUATION)
    if not has_records:
        shutil.rmtree(".snakemake")  # as on another machine
    line = f"results/s/{EVALUATION} was changed after the run that made it: restore it, or delete it so that it is made again"
    assert stopped(folder) == line


def test_several_changed_files_are_counted(folder):
    for name in (EVALUATION, "merged.json", "figures/a.png"):
        (folder / name).write_text("other")
    assert f"results/s/{EVALUATION} (and 2 other files) was changed" in stopped(folder)


def test_a_folder_that_a_job_makes_is_deleted_as_a_whole(folder):
    (folder / "figures/a.png").write_text("other")
    assert stopped(folder).endswith(": restore it, or delete results/s/figures so that it is made again")


@pytest.mark.parametrize("name", [EVALUATION, "merged.json", "figures/a.png"])
def test_what_a_later_job_wrote_is_used(folder, name):
    made_again(folder, name)
    assert check(folder) == []
    made_again(folder, name, later=30)
    assert f"results/s/{name} was changed" in stopped(folder)


@pytest.mark.parametrize("name", [EVALUATION, "figures/a.png"])
def test_a_run_that_was_killed_while_it_wrote_goes_on(folder, name):
    (folder / name).write_text("half")
    killed("figures" if name.startswith("figures/") else name)
    assert check(folder) == []


def test_a_run_that_was_killed_between_provenance_and_crate_goes_on(folder):
    path = folder / "provenance.json"
    path.write_text(path.read_text().replace('"title": "Made study"', '"title": "Renamed"', 1))
    killed("provenance.json")
    assert check(folder) == []


@pytest.mark.parametrize("name", [EVALUATION, "figures/a.png", "report.md", "elsewhere/colab/evaluations/m/anatomy.json"])
def test_deleted_files_stop_nothing(folder, name):
    (folder / name).unlink()
    assert check(folder) == []


def test_added_files_logs_and_journals_stop_nothing(folder):
    for name in ("more.txt", ".hidden", "logs/a.log", "journals/m.jsonl"):
        files.write_text(folder / name, "x")
    assert check(folder) == []


def test_a_touched_file_stops_nothing(folder):
    os.utime(folder / EVALUATION)
    assert check(folder) == []


def test_an_edited_report_is_named_as_its_numbers_would_be_on_the_page_and_recorded_again(folder):
    (folder / "report.md").write_text("with a better number")
    assert stopped(folder).startswith("results/s/report.md was changed after the run that made it: restore it, or delete it")


def test_a_file_that_no_rule_makes_may_be_edited(folder):
    (folder / "notes.txt").write_text("with a remark")
    assert check(folder) == [
        "results/s/notes.txt is not as recorded in provenance.json: changed or replaced after that run, and kept"
    ]


def test_without_snakemakes_records_changes_are_only_warned_about(folder):
    (folder / EVALUATION).write_text("other")
    line = "is not as recorded in provenance.json; without Snakemake's records, nobody can tell who wrote it"
    assert check(folder, keeps_records=False) == [f"results/s/{EVALUATION} {line}"]
    (folder / EVALUATION).write_text(TEXTS[EVALUATION])
    recorded(folder, jobs=False)
    (folder / EVALUATION).write_text("other")
    assert check(folder) == [f"results/s/{EVALUATION} {line}"]


def test_an_archive_may_be_unpacked_again_but_not_edited(folder):
    unpack(folder, "other answers")
    (warning,) = check(folder)
    assert "elsewhere/colab/SHA256SUMS is not as recorded" in warning
    path = folder / "elsewhere/colab/evaluations/m/anatomy.json"
    path.write_text("forged")
    assert stopped(folder) == f"{path} was changed after the run that made it: restore it, or unpack its archive again"
    (folder / "provenance.json").unlink()
    assert f"{path} was changed" in stopped(folder), "compared with its archive even before a first run"


def test_an_edited_archive_without_its_hashes_is_named(folder):
    (folder / "elsewhere/colab/evaluations/m/anatomy.json").write_text("forged")
    (folder / "elsewhere/colab/SHA256SUMS").unlink()
    assert "elsewhere/colab/evaluations/m/anatomy.json was changed" in stopped(folder)


def test_results_that_were_copied_by_hand_are_used_with_a_warning(folder):
    files.write_text(folder / "elsewhere/copied/evaluations/m/virology.json", "answers")
    (warning,) = check(folder)
    assert warning.startswith("results/s/elsewhere/copied has no SHA256SUMS, so nobody can tell whether it is as packed")


@pytest.mark.parametrize(
    "text", ["x", "../../secret", f"{'0' * 64}  ../../x\n", f"{'0' * 64}  /etc/passwd\n", f"{'g' * 64}  a\n"]
)
def test_a_damaged_list_of_hashes_is_named(folder, text):
    (folder / "elsewhere/colab/SHA256SUMS").write_text(text)
    assert "SHA256SUMS is not as `mmlu-kit unpack` writes it: unpack the archive again" in stopped(folder)


def test_a_changed_provenance_is_named(folder):
    path = folder / "provenance.json"
    sha256 = ProvenanceFile.read(path).files[EVALUATION].sha256
    (folder / EVALUATION).write_text("eno")
    path.write_text(path.read_text().replace(sha256, comparison.file_entry(folder / EVALUATION).sha256))
    assert "results/s/provenance.json was changed" in stopped(folder)


def test_a_provenance_of_another_version_is_skipped_with_a_line(folder):
    path = folder / "provenance.json"
    path.write_text(path.read_text().replace("mmlu-kit/provenance/3", "mmlu-kit/provenance/1"))
    (folder / EVALUATION).write_text("other")
    (warning,) = check(folder)
    assert "is of another version of the kit (mmlu-kit/provenance/1)" in warning


@pytest.mark.parametrize("ended", ["", "yesterday", "9" * 5000])
def test_a_damaged_end_of_a_run_is_named(folder, ended):
    path = folder / "provenance.json"
    path.write_text(re.sub('"ended": "[^"]*",\n "files"', f'"ended": "{ended}",\n "files"', path.read_text()))
    (folder / EVALUATION).write_text("other")
    assert "at ended is no date" in stopped(folder)


@pytest.mark.parametrize("text", ["{", "[]", "null", '"x"', "[" * 100_000, '{"schema": 3}', "\udcff"])
def test_a_damaged_provenance_stops_a_run_in_one_line(folder, text):
    (folder / "provenance.json").write_bytes(text.encode(errors="surrogateescape"))
    assert "results/s/provenance.json" in stopped(folder)


@pytest.mark.parametrize("record", ["{", "[]", "3", '{"endtime": "later"}', '{"endtime": 1e300}', '{"endtime": null}'])
def test_damaged_records_of_snakemake_explain_nothing(folder, record):
    (folder / EVALUATION).write_text("other")
    record_of("metadata", EVALUATION).write_text(record)
    assert EVALUATION in stopped(folder)


def test_files_of_the_fixture_are_all_recorded(folder):
    names = set(json.loads((folder / "provenance.json").read_text())["files"])
    assert names == {*TEXTS, "elsewhere/colab/evaluations/m/anatomy.json", "elsewhere/colab/SHA256SUMS"}


@pytest.fixture
def subject(folder):
    """The fetched questions of the fixture's study, as its run recorded them; results.run names the file 'x'."""
    files.write_text(QUESTIONS / "x", "x")
    return QUESTIONS / "x"


def test_changed_questions_are_named_before_a_run_asks_them(folder, subject):
    assert check(folder) == []
    subject.write_text("y")
    assert (
        stopped(folder)
        == f"{subject} was changed after the run that made it: restore it, or delete it so that it is fetched again"
    )
    assert check(folder, keeps_records=False) == [
        f"{subject} is not as recorded in provenance.json; without Snakemake's records, nobody can tell who wrote it"
    ]


def test_questions_that_a_later_job_fetched_are_used(folder, subject):
    subject.write_text("y")
    os.utime(subject, (ENDED + 100, ENDED + 100))
    name = Path(".snakemake/metadata", urlsafe_b64encode(str(subject).encode()).decode())
    files.write_json(name, {"rule": "fetch_questions", "starttime": ENDED + 99, "endtime": ENDED + 100})
    assert check(folder) == []
    subject.unlink()
    assert check(folder) == []

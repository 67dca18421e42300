"""Results of another machine: packed, unpacked and kept apart from this machine's. Archives are untrusted."""

import errno
import itertools
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import traceback
import tracemalloc
import zipfile
from dataclasses import replace

import pytest
from mmlu_kit import files, locks
from mmlu_kit import subjects as config_subjects
from mmlu_kit.evaluation import answer_parser
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.report import figures
from mmlu_kit.results import archives, locations, merging, summaries, zip_members
from mmlu_kit.results.unpacked import SUMS
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError

from tests.conftest import ROOT
from tests.helpers import results

SUBJECTS = ["anatomy", "virology"]
LOG = (ROOT / "tests/fixtures/time_logs/gnu-1.9.txt").read_text()


def run(folder, model, answers="ABCD", subjects=SUBJECTS):
    """Write the files that a run of a model leaves in a study's results."""
    for subject in subjects:
        results.evaluation(model, subject, answers).write(folder / f"evaluations/{model}/{subject}.json")
        results.timing(model, subject).write(folder / f"timings/{model}/{subject}.json")
        files.write_text(folder / f"timings/{model}/{subject}.time", LOG)
    files.write_text(folder / f"logs/evaluate/{model}.log", "/home/somebody/secret")
    return folder


def not_run(model, subject):
    return NotRun(model=model, requested=results.REQUESTED, reason="no GPU", subject=subject)


def packed(folder, path):
    data, counts = archives.pack(folder)
    files.write_bytes(path, data)
    return counts


def zipped(path, *members):
    """Write an archive with these (name or ZipInfo, content)."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"s"
        for name, content in members:
            archive.writestr(name, content)
    return path


def everything(folder):
    """The files in a folder but for the hashes that are stored beside unpacked ones."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != SUMS]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_only_the_logs_of_processes_that_evaluated_are_packed_and_read(tmp_path):
    """Logs of the other way to evaluate, in one job or in several, stay where a study was changed from one to the other."""
    away = run(tmp_path / "away/s", "m")
    for subject in SUBJECTS:
        results.timing("m", subject).model_copy(update={"process": "m/together.time"}).write(away / f"timings/m/{subject}.json")
    together = away / "timings/m/together.time"
    files.write_text(together, LOG)
    packed(away, tmp_path / "colab.zip")
    archives.unpack(tmp_path / "colab.zip", tmp_path / "home/s", "colab")
    home = tmp_path / "home/s/elsewhere/colab"
    assert list((home / "timings/m").glob("*.time")) == [locations.process_log(home, "m", "anatomy")]
    assert locations.process_log(away, "m", "virology") == together
    not_run("m", "anatomy").write(away / "timings/m/anatomy.json")
    assert locations.process_log(away, "m", "anatomy") == together.with_name("anatomy.time")


def test_unpacked_files_equal_the_packed_ones(tmp_path):
    away = run(tmp_path / "away/s", "m")
    assert packed(away, tmp_path / "colab.zip") == {"m": 2}
    assert archives.unpack(tmp_path / "colab.zip", tmp_path / "home/s", "colab") == {"m": 2}
    here = everything(tmp_path / "home/s/elsewhere/colab")
    assert here == {name: data for name, data in everything(away).items() if not name.startswith("logs/")} and len(here) == 6
    assert archives.pack(away)[0] == archives.pack(away)[0]


@pytest.mark.parametrize(
    ("comment", "message"),
    [
        (b"s", "holds results of the study 's', not of 'writeup': unpack it into that study's results"),
        (b"", "names no study, as `pack` does"),
        (b"\xff", "names no study"),
        (b"../s", "names no study"),
    ],
)
def test_an_archive_of_another_study_is_refused_before_it_is_joined(tmp_path, comment, message):
    packed(run(tmp_path / "away/s", "m"), tmp_path / "colab.zip")
    with zipfile.ZipFile(tmp_path / "colab.zip", "a") as archive:
        archive.comment = comment
    with pytest.raises(UserError, match=message):
        archives.unpack(tmp_path / "colab.zip", tmp_path / "home/writeup", "colab")
    assert not (tmp_path / "home").exists()


def test_not_run_placeholders_and_job_logs_are_not_packed(tmp_path):
    away = run(tmp_path / "away/s", "m")
    for kind in ("evaluations", "timings"):
        not_run("n", "anatomy").write(away / kind / "n/anatomy.json")
    packed(away, tmp_path / "colab.zip")
    with zipfile.ZipFile(tmp_path / "colab.zip") as archive:
        assert {name.split("/")[1] for name in archive.namelist()} == {"m"}
        assert not any(b"somebody" in archive.read(name) for name in archive.namelist())
    with pytest.raises(UserError, match="no evaluation was run on this machine, so there is nothing to pack"):
        archives.pack(tmp_path)


def test_a_machines_second_archive_replaces_its_first(tmp_path):
    for subjects in (SUBJECTS[:1], SUBJECTS):
        packed(run(tmp_path / "away/s", "m", subjects=subjects), tmp_path / "colab.zip")
        archives.unpack(tmp_path / "colab.zip", tmp_path / "home/s", "colab")
    assert len(list(tmp_path.glob("home/s/elsewhere/colab/evaluations/m/*"))) == 2
    assert [path.name for path in (tmp_path / "home/s/elsewhere").iterdir()] == ["colab"]


def test_another_machines_result_takes_precedence(tmp_path):
    packed(run(tmp_path / "away/s", "m"), tmp_path / "colab.zip")
    not_run("m", "anatomy").write(tmp_path / "home/s/evaluations/m/anatomy.json")
    archives.unpack(tmp_path / "colab.zip", tmp_path / "home/s", "colab")
    assert locations.result_folder(tmp_path / "home/s", "m", "anatomy") == tmp_path / "home/s/elsewhere/colab"
    assert locations.result_folder(tmp_path / "home/s", "other", "anatomy") == tmp_path / "home/s"


def test_logs_are_named_by_machine_model_and_job(tmp_path):
    names = {"timings/m/anatomy.time": "m/anatomy.time", "elsewhere/colab/timings/m/x.time": "elsewhere/colab/m/x.time"}
    assert {path: locations.log_name(tmp_path, tmp_path / path) for path in names} == names
    for path in (tmp_path / "m/anatomy.time", tmp_path / "anatomy.time", tmp_path.parent / "timings/m/anatomy.time"):
        with pytest.raises(UserError, match=f"{path.name}: not a log in timings/<model>/"):
            locations.log_name(tmp_path, path)


def test_contradicting_answers_are_refused_and_nothing_is_written(tmp_path):
    home = run(tmp_path / "home/s", "m", "ABCD")
    packed(run(tmp_path / "away/s", "m", "ABDD"), tmp_path / "colab.zip")
    message = r"evaluations/m/anatomy\.json and .* contradict each other: 1 different answer, the first to question 2;"
    with pytest.raises(UserError, match=message):
        archives.unpack(tmp_path / "colab.zip", home, "colab")
    assert not locations.other_machines(home) and not list(home.glob("elsewhere/*"))
    packed(run(tmp_path / "away/s", "m", "ABCD"), tmp_path / "colab.zip")
    assert archives.unpack(tmp_path / "colab.zip", home, "colab") == {"m": 2}


EVALUATION, TIMING = results.evaluation("m", "anatomy", "ABCD"), results.timing("m", "anatomy")


def linked(name):
    member = zipfile.ZipInfo(name)
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member


@pytest.mark.parametrize(
    "name",
    [
        "../evil.json", "/etc/evil.json", "evaluations/../../evil.json", "evaluations/m/../evil.json", "timings/.m/x.json",
        "evaluations\\m\\x.json", "evaluations/m/x.py", "report.html", "evaluations/m/x.json/y.json", "timings/m/\n.json",
        linked("evaluations/m/link.json"),
    ],
)  # fmt: skip
def test_an_archive_with_an_unexpected_file_is_refused(tmp_path, name):
    members = [
        ("evaluations/m/anatomy.json", EVALUATION.model_dump_json()),
        ("timings/m/anatomy.json", TIMING.model_dump_json()),
    ]
    zipped(tmp_path / "bad.zip", *members, (name, "/etc/passwd"))
    with pytest.raises(UserError, match=r"bad\.zip holds .* which `pack` never writes: nothing was unpacked"):
        archives.unpack(tmp_path / "bad.zip", tmp_path / "home/s", "bad")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]


def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(zip_members, "MOST_BYTES", 1000)
    zipped(tmp_path / "bomb.zip", ("evaluations/m/anatomy.json", "0" * 2000))
    with pytest.raises(UserError, match="it is not a packed study"):
        archives.unpack(tmp_path / "bomb.zip", tmp_path / "home/s", "bomb")


@pytest.mark.parametrize(
    ("evaluation", "timing", "message"),
    [
        (EVALUATION.plain() | {"extra": 1}, TIMING.plain(), "not a valid evaluation file at extra"),
        (results.evaluation("m", "virology", "ABCD").plain(), TIMING.plain(), "holds the answers of m on virology"),
        (EVALUATION.plain(), {"schema": "mmlu-kit/timing/4"}, "not a valid timing file"),
        (EVALUATION.plain(), results.timing("m", "anatomy", process="../x").plain(), "is not the log of a process"),
        (EVALUATION.plain() | {"schema": "mmlu-kit/evaluation/2"}, {}, "another version of the kit"),
        (
            EVALUATION.plain() | {"totals": results.evaluation("m", "anatomy", "ABCA").totals.plain()},
            TIMING.plain(),
            "evaluations/m/anatomy.json: not a valid evaluation file: the totals",
        ),
        (EVALUATION.plain(), None, r"timings/m/anatomy\.json is missing"),
        (not_run("m", "anatomy").plain(), not_run("m", "anatomy").plain(), "not a valid evaluation file"),
    ],
)
def test_every_file_is_checked_before_any_is_written(tmp_path, evaluation, timing, message):
    members = [("evaluations/m/anatomy.json", json.dumps(evaluation))]
    members += [("timings/m/anatomy.json", json.dumps(timing))] if timing is not None else []
    with pytest.raises(UserError, match=message):
        archives.unpack(zipped(tmp_path / "a.zip", *members), tmp_path / "home/s", "a")
    assert not list((tmp_path / "home/s").rglob("*.json"))


@pytest.mark.parametrize("cut", [0, 10, 400])
def test_a_truncated_archive_is_named(tmp_path, cut):
    packed(run(tmp_path / "away/s", "m"), tmp_path / "colab.zip")
    (tmp_path / "colab.zip").write_bytes((tmp_path / "colab.zip").read_bytes()[:cut])
    with pytest.raises(UserError, match=r"colab\.zip is not a complete zip archive"):
        archives.unpack(tmp_path / "colab.zip", tmp_path / "home/s", "colab")
    with pytest.raises(UserError, match=r"none\.zip does not exist: copy there the archive that `make pack` made"):
        archives.unpack(tmp_path / "none.zip", tmp_path / "home/s", "none")


GPU = results.MACHINE.model_copy(
    update={"host": "colab", "processor": "Xeon", "gpu": "T4", "gpu_memory_bytes": 16 * 10**9, "cuda": "12", "driver": "5"}
)


def joined(*on_both):
    """merged.json and table of model `a`, run here, and `b`, run on GPU; models of `on_both` ran virology on GPU."""
    study = results.study(["a", "b"], SUBJECTS)
    pairs = [(model, subject) for model in "ab" for subject in SUBJECTS]
    sources = {("b", subject): "elsewhere/colab" for subject in SUBJECTS}
    timings = []
    for model, subject in pairs:
        on_gpu = model == "b" or (subject == "virology" and model in on_both)
        timings.append(results.timing(model, subject, machine=GPU if on_gpu else results.MACHINE))
    evaluations = [results.evaluation(model, subject, "ABCA", parameters=1000 * ord(model)) for model, subject in pairs]
    processes = {f"a/{subject}.time": results.process() for subject in SUBJECTS}
    processes |= {f"elsewhere/colab/b/{subject}.time": results.process() for subject in SUBJECTS}
    merged = merging.merge(study, evaluations, timings, Processes(processes), sources=sources)
    return merged, merging.table(study, evaluations)


def test_each_result_names_its_machine_and_where_it_came_from():
    merged, _ = joined()
    assert [(one.machine, one.source) for one in merged.results] == [(0, None)] * 2 + [(1, "elsewhere/colab")] * 2
    assert [machine.gpu for machine in merged.machines] == [None, "T4"]
    assert merged.results[2].process == "elsewhere/colab/b/anatomy.time"
    assert set(summaries.summarize(merged, "b", SUBJECTS).processes) == {f"elsewhere/colab/b/{s}.time" for s in SUBJECTS}


def test_hosts_that_differ_only_in_name_are_one_machine():
    merged, _ = joined()
    assert len({machine.model_dump_json() for machine in merged.machines}) == 2
    other_node = results.MACHINE.model_copy(update={"host": "another node"})
    timings = [results.timing("a", "anatomy"), results.timing("a", "virology", machine=other_node)]
    evaluations = [results.evaluation("a", subject, "ABCD") for subject in SUBJECTS]
    merged = merging.merge(results.study(["a"], SUBJECTS), evaluations, timings, Processes({}))
    assert len(merged.machines) == 1 and summaries.summarize(merged, "a", SUBJECTS).real_s == 4.0


def test_times_of_different_machines_are_never_added():
    merged, table = joined("a")
    summary = summaries.summarize(merged, "a", SUBJECTS)
    assert summary.real_s is summary.cpu_s is summary.load_s is summary.machine is None
    assert [summaries.summarize(merged, "a", [subject]).real_s for subject in SUBJECTS] == [2.0, 2.0]
    assert "the time of all subjects" in results.report(merged, table)


def test_the_report_warns_of_times_from_several_machines():
    merged, table = joined()
    report = results.report(merged, table)
    assert "**These times come from several machines**, so they compare machines as much as models" in report
    assert "× the real time" not in report.split("## 4.")[1].split("## 5.")[0]
    assert "Results from another machine (Xeon, T4) are included: `elsewhere/colab`." in report
    assert "| `elsewhere/colab/<kind>/<model>/<file>` | 6 |" in report


def test_no_pareto_line_joins_times_of_several_machines():
    here, away = (summaries.summarize(joined()[0], model, SUBJECTS) for model in "ab")
    assert b"Pareto" not in figures.render(figures.efficiency, "svg", [here, away], [])
    assert figures.efficiency([here, away], []).legends[0].get_texts()[0].get_text() == "guessing (25%)"
    slower = replace(here, real_s=3 * here.real_s, correct=here.correct + 1)
    assert figures.efficiency([here, slower], []).legends[0].get_texts()[0].get_text().endswith("(Pareto)")


def test_an_archive_with_damaged_data_is_named(tmp_path):
    path, name = tmp_path / "colab.zip", "evaluations/m/anatomy.json"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = b"results"
        archive.writestr(name, json.dumps(list(range(2000))))
    data = bytearray(path.read_bytes())
    begin = 30 + len(name)  # a local header's length
    data[begin : begin + 2] = b"\xff\xff"  # no kind of block that there is
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"colab\.zip is not a complete zip archive"):
        archives.unpack(path, tmp_path / "results", "colab")


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_damage_anywhere_in_an_archive_is_a_users_error(tmp_path, compression):
    """Whichever bytes are changed, nothing but the one line for a damaged file is raised, and nothing is written."""
    path, chosen = tmp_path / "a.zip", random.Random(1)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.comment = b"s"
        archive.writestr("evaluations/m/anatomy.json", b'{"a": 1}' * 50)
    whole = path.read_bytes()
    for _ in range(100):
        data = bytearray(whole)
        for place in chosen.sample(range(len(data)), 3):
            data[place] = chosen.randrange(256)
        path.write_bytes(data)
        with pytest.raises(UserError):
            archives.unpack(path, tmp_path / "home/s", "a")
    assert not (tmp_path / "home").exists()


def unpacked(tmp_path):
    """An archive with another subject than the one unpacked before, and the study's results."""
    for subjects, name in ((SUBJECTS[:1], "old.zip"), (SUBJECTS, "new.zip")):
        packed(run(tmp_path / f"{name}/s", "m", subjects=subjects), tmp_path / f"{name}/colab.zip")
    archives.unpack(tmp_path / "old.zip/colab.zip", tmp_path / "home/s", "colab")
    return tmp_path / "new.zip/colab.zip", tmp_path / "home/s"


def child(function):
    """Run a function in a fork of this process and return its exit status; 9 stands for SIGKILL."""
    process = os.fork()
    if process == 0:
        try:
            function()
        except UserError:
            os._exit(2)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return abs(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))


def killed_at(step, function):
    """Run a function that is killed before its change of the disk of this number, from 0."""
    steps = itertools.count()

    def before(change):
        def call(*arguments, **options):
            if next(steps) == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return change(*arguments, **options)

        return call

    for name in ("mkdir", "rename", "unlink", "rmdir", "fsync"):
        setattr(os, name, before(getattr(os, name)))
    function()


def test_a_kill_leaves_the_old_or_the_new_and_the_next_run_leaves_nothing_else(tmp_path):
    archive, home = unpacked(tmp_path)
    old, kept = everything(home / "elsewhere/colab"), tmp_path / "kept"
    shutil.copytree(home, kept)
    new = None
    for step in itertools.count():
        if child(lambda step=step: killed_at(step, lambda: archives.unpack(archive, home, "colab"))) == 0:
            break
        try:
            (folder,) = locations.other_machines(home)
            after = everything(folder)
        except UserError as error:
            assert "was killed while replacing it: run it again" in str(error)
            after = old
        assert after == old or len(after) == 6
        archives.unpack(archive, home, "colab")
        assert [path.name for path in (home / "elsewhere").iterdir()] == ["colab"]
        new = everything(home / "elsewhere/colab")
        assert len(new) == 6 and new != old
        shutil.rmtree(home)
        shutil.copytree(kept, home)
    assert step > 10


def test_two_unpacks_at_the_same_time_end_in_one_whole_folder(tmp_path):
    archive, home = unpacked(tmp_path)
    lock = locks.take(home / "elsewhere/.lock")
    with pytest.raises(UserError, match="elsewhere is in use by another `unpack`: wait for it"):
        archives.unpack(archive, home, "colab")
    lock.close()
    children = []
    for _ in range(4):
        children.append(os.fork())
        if children[-1] == 0:
            os._exit(child(lambda: archives.unpack(archive, home, "colab")))
    statuses = [os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) for number in children]
    assert 0 in statuses and set(statuses) <= {0, 2}
    assert [path.name for path in (home / "elsewhere").iterdir()] == ["colab"]
    assert len(everything(home / "elsewhere/colab")) == 6


def test_a_full_disk_leaves_the_old(tmp_path, monkeypatch):
    archive, home = unpacked(tmp_path)
    before = everything(home)

    def full(stream):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(OSError, match=r"No space left on device: '.*elsewhere/.colab.part/evaluations/m/anatomy.json'"):
        archives.unpack(archive, home, "colab")
    assert everything(home) == before


def large(subjects):
    """Files of evaluations of 1 MB each, which do not compress."""
    for subject in subjects:
        text = random.Random(subject).randbytes(250_000).hex()
        evaluation = results.evaluation("m", subject, "ABCD")
        answers = {"generated": text, "parsed": answer_parser.parse(text, "ABCD")}
        answers["correct_generated"] = False
        assert answers["parsed"] is None
        answered = [record.model_copy(update=answers) for record in evaluation.records]
        yield evaluation.model_copy(update={"records": answered, "totals": Totals.over(answered)})


def test_the_memory_for_an_archive_does_not_grow_with_its_members(tmp_path):
    peaks = []
    for number in (1, 6):
        away = run(tmp_path / f"{number}/s", "m", subjects=config_subjects.SUBJECTS[:number])
        for evaluation in large(config_subjects.SUBJECTS[:number]):
            evaluation.write(away / f"evaluations/m/{evaluation.subject}.json")
        packed(away, tmp_path / f"{number}.zip")
        tracemalloc.start()
        archives.unpack(tmp_path / f"{number}.zip", tmp_path / f"home/{number}/s", "colab")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    print("PEAKS", peaks)
    assert peaks[1] < 1.2 * peaks[0] and peaks[0] > 2_000_000


@pytest.mark.parametrize(
    ("limit", "value", "message"),
    [
        ("MOST_FILES", 2, "has more than 2 files or 4 GB: it is not a packed study"),
        ("MOST_BYTES", 1000, "has more than 100000 files or 1e-06 GB: it is not a packed study"),
        ("MOST_BYTES_EACH", {"evaluations": 1000, "timings": 10**6}, "evaluations/m/anatomy.json has more than 0 MB"),
    ],
)
def test_a_large_archive_is_refused_before_it_is_read(tmp_path, monkeypatch, limit, value, message):
    packed(run(tmp_path / "away/s", "m"), tmp_path / "colab.zip")
    monkeypatch.setattr(zip_members, limit, value)
    with pytest.raises(UserError, match=message):
        archives.unpack(tmp_path / "colab.zip", tmp_path / "home/s", "colab")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("variables", "arguments"),
    [
        (
            {"FILE": "/tmp/my [best] results (1).zip", "NAME": "laptop"},
            ["--name=laptop", "--", "/tmp/my [best] results (1).zip"],
        ),
        ({"FILE": 'it\'s "$b" $(c) `d` #e.zip'}, ["--", 'it\'s "$b" $(c) `d` #e.zip']),
        ({"FILE": "open $(paren.zip"}, ["--", "open $(paren.zip"]),
        ({"FILE": "-x.zip"}, ["--", "-x.zip"]),
        ({"FILE": "~/a\\b.zip"}, ["--", "~/a\\b.zip"]),
        ({"FILE": "a.zip b.zip", "CONFIG": "mine.yaml"}, ["--configfile", "mine.yaml", "--", "a.zip b.zip"]),
    ],
)
def test_make_passes_names_of_files_as_they_are(tmp_path, variables, arguments):
    shutil.copy2(ROOT / "Makefile", tmp_path)
    stub = tmp_path / ".venv/bin/mmlu-kit"
    files.write_text(stub, "#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    stub.chmod(0o755)
    for name in ("envs/torch.txt", "envs/cpu.lock", "pyproject.toml"):
        files.write_text(tmp_path / name, "")
    files.write_text(tmp_path / ".venv/kit", "")
    command = ["make", "--silent", "unpack", *(f"{name}={value}" for name, value in variables.items())]
    process = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert process.stdout.splitlines() == ["unpack", "--results", "results/demo", *arguments], process.stderr


def test_several_archives_are_unpacked_each_under_its_own_name(tmp_path, kit):
    for name in ("one", "the other", "~"):
        packed(run(tmp_path / f"{name}/s", "m"), tmp_path / f"{name}.zip")
    process = kit("unpack", "--results", tmp_path / "home/s", "--", "one.zip o*.zip", cwd=tmp_path)
    assert process.returncode == 2 and "two archives have the same name" in process.stderr
    process = kit("unpack", "--results", tmp_path / "home/s", "--name", "b", "--", "'the other.zip'", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    process = kit(
        "unpack", "--results", tmp_path / "home/s", "--", "one.zip", "~/one.zip", cwd=tmp_path, env={"HOME": str(tmp_path)}
    )
    assert process.returncode == 2 and "two archives have the same name" in process.stderr
    process = kit("unpack", "--results", tmp_path / "home/s", "--", "one.zip", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert [path.name for path in locations.other_machines(tmp_path / "home/s")] == ["b", "one"]
    assert "config has no study 's', so settings are not compared" in process.stdout


@pytest.mark.parametrize("place", ["elsewhere", "elsewhere/colab", "elsewhere/colab/evaluations", "elsewhere/colab/timings/m"])
def test_nothing_is_written_or_removed_through_a_link(tmp_path, place):
    packed(run(tmp_path / "away/s", "m"), tmp_path / "colab.zip")
    other = tmp_path / "other"
    files.write_text(other / "evaluations/m/anatomy.json", "mine")
    link = tmp_path / "home/s" / place
    link.parent.mkdir(parents=True)
    link.symlink_to(other)
    with pytest.raises(UserError, match=r"is a link|was not unpacked from an archive"):
        archives.unpack(tmp_path / "colab.zip", tmp_path / "home/s", "colab")
    assert everything(other) == {"evaluations/m/anatomy.json": b"mine"} and link.is_symlink()


def test_files_that_were_not_unpacked_are_never_removed(tmp_path):
    archive, home = unpacked(tmp_path)
    notes = home / "elsewhere/colab/notes.txt"
    files.write_text(notes, "mine")
    before = everything(home)
    with pytest.raises(UserError, match=r"notes\.txt was not unpacked from an archive: move it away, or choose another name"):
        archives.unpack(archive, home, "colab")
    assert everything(home) == before

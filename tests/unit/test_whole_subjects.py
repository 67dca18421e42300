"""`subjects: all` takes the subjects that a folder has whole and says what it leaves out; named subjects are never left out."""

import subprocess
import sys

import pytest
import yaml
from mmlu_kit import study as studies
from mmlu_kit.inputs import whole_subjects
from mmlu_kit.report.sentences import study as sentences
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.user_errors import UserError

ROWS = "q,1,2,3,4,B\nr,1,2,3,4,C\n"
MISSING = "there is no test file"


@pytest.fixture
def folder(tmp_path):
    """A folder with four whole subjects; two have two few-shot examples, one has one, one has none."""
    for split in ("dev", "test"):
        (tmp_path / "set" / split).mkdir(parents=True)
    for subject, dev in (("anatomy", ROWS), ("astronomy", ROWS), ("virology", "e,1,2,3,4,A\n"), ("sociology", None)):
        (tmp_path / f"set/test/{subject}_test.csv").write_text(ROWS)
        if dev:
            (tmp_path / f"set/dev/{subject}_dev.csv").write_text(dev)
    return tmp_path / "set"


def config_of(folder, examples=0, subjects="all", **changes):
    prompt = {"examples": examples}
    model = str(folder.parent)
    return {
        "study": "mine",
        "images": {"cpu": "c", "cuda": "d"},
        "questions": {"theirs": {"path": str(folder)}},
        "models": {"m": {"path": model}, "n": {"path": model, "prompt": prompt}},
        "studies": {
            "mine": {
                "title": "Mine",
                "questions": "theirs",
                "subjects": subjects,
                "groups": {"small": {"title": "Small", "models": ["m", "n"]}},
                **changes,
            }
        },
    }


def study_of(folder, **changes):
    return whole_subjects.only(studies.resolve(config_of(folder, **changes)))


@pytest.mark.parametrize(
    ("examples", "whole"),
    [
        (0, ["anatomy", "astronomy", "sociology", "virology"]),
        (1, ["anatomy", "astronomy", "virology"]),
        (2, ["anatomy", "astronomy"]),
    ],
)
def test_subjects_with_as_many_examples_as_requested_are_used(folder, examples, whole):
    study = study_of(folder, examples=examples)
    assert study.subjects == whole
    assert len(study.left_out) == 57 - len(whole) and study.left_out["nutrition"] == MISSING
    if examples == 2:
        assert study.left_out["virology"] == "2 few-shot examples are requested, but the dev split has 1"
        assert study.left_out["sociology"] == "2 few-shot examples are requested, but the dev split has 0"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"q,1,2,3,4,B\nr,1,2,3,C\n", "test/astronomy_test.csv: row 2: 5 columns instead of 6"),
        (b"q,1,2,3,4,E\n", "test/astronomy_test.csv: row 1: the answer is 'E'"),
        (b"", "test/astronomy_test.csv is empty"),
        (b"caf\xe9,1,2,3,4,B\n", "test/astronomy_test.csv is not UTF-8 text"),
        (b'"q,1,2,3,4,B\n', "test/astronomy_test.csv is not a CSV file"),
    ],
)
def test_a_subject_with_a_damaged_row_is_left_out_whole(folder, content, reason):
    (folder / "test/astronomy_test.csv").write_bytes(content)
    study = study_of(folder)
    assert study.subjects == ["anatomy", "sociology", "virology"]
    assert study.left_out["astronomy"].startswith(reason)
    (folder / "test/astronomy_test.csv").write_text(ROWS)
    (folder / "dev/astronomy_dev.csv").write_bytes(content)
    assert study_of(folder).left_out["astronomy"].startswith(reason.replace("test", "dev"))


def test_subjects_of_other_names_are_a_set_of_its_own(folder):
    (folder / "test/Operating Systems_test.csv").write_text(ROWS)
    study = study_of(folder)
    assert study.subjects == ["anatomy", "astronomy", "operating_systems", "sociology", "virology"] and study.left_out == {}


@pytest.mark.parametrize("names", [("a b", "a_b"), ("A", "a"), ("数学",), ("x" * 101,)])
def test_files_whose_names_make_no_name_or_one_name_are_refused(folder, names):
    for name in names:
        (folder / f"test/{name}_test.csv").write_text(ROWS)
    with pytest.raises(UserError, match=r"questions\.theirs: .*(are both of the subject a|makes no name: write it in letters)"):
        study_of(folder)


def test_a_whole_set_leaves_nothing_out(folder):
    for subject in SUBJECTS:
        (folder / f"test/{subject}_test.csv").write_text(ROWS)
    study = study_of(folder)
    assert study.subjects == list(SUBJECTS) and study.left_out == {} and study.left_out_in_words == []


def test_named_subjects_are_never_left_out(folder):
    (folder / "test/anatomy_test.csv").write_text("damaged")
    study = study_of(folder, subjects=["anatomy", "virology"])
    assert study.subjects == ["anatomy", "virology"] and study.left_out is None


@pytest.mark.parametrize(
    ("subjects", "words"),
    [
        (["astronmy"], "config: studies.mine.subjects: 'astronmy' is not known; did you mean 'astronomy'?"),
        (["anatomy", "nutrition"], "'nutrition' is not known; known: anatomy, astronomy, sociology, virology"),
    ],
)
def test_a_misspelt_subject_is_refused_with_those_that_the_folder_has(folder, subjects, words):
    with pytest.raises(UserError) as error:
        study_of(folder, subjects=subjects)
    assert words in str(error.value)


def test_a_part_that_names_a_missing_subject_is_refused(folder):
    part = {"model": "m", "subjects": ["nutrition"]}
    for name in ("baseline", "stability"):
        with pytest.raises(UserError, match=rf"studies\.mine\.{name}: nutrition cannot be asked: {MISSING}"):
            study_of(folder, **{name: part})
    assert study_of(folder, baseline={"model": "m", "subjects": ["anatomy"]}).baseline.subjects == ["anatomy"]


def test_a_folder_without_subjects_is_refused(folder):
    with pytest.raises(
        UserError, match=r"questions\.theirs: .*/set/test has no whole subject: correct its files, or the path; a"
    ):
        study_of(folder / "test")


@pytest.mark.parametrize(
    ("subjects", "words"),
    [
        ("astronomy", r"subjects: .*write \[astronomy\]"),
        ("All", r"write \[All\]"),
        ([], "subjects"),
        (["all"], "'all' is not known; known: anatomy"),
    ],
)
def test_other_words_than_all_are_refused(folder, subjects, words):
    with pytest.raises(UserError, match=words):
        study_of(folder, subjects=subjects)


def test_all_subjects_of_the_hub_are_all_57(folder):
    config = config_of(folder)
    config["questions"] = {"theirs": {"repository": "cais/mmlu", "commit": "a" * 40}}
    study = whole_subjects.only(studies.resolve(config))
    assert study.subjects == list(SUBJECTS) and not study.left_out


def test_the_report_says_what_is_left_out_and_why(folder):
    (folder / "test/astronomy_test.csv").write_text("q,1,2,3,4,E\n")
    study = study_of(folder)
    line = sentences.left_out(study)
    assert line.startswith("the study asks all 57 subjects, and the question set has 3 subjects whole. ")
    assert "virology" not in line and "nutrition" in line and MISSING in line
    assert r"astronomy: test/astronomy\_test.csv: row 1: the answer is 'E'" in line
    assert str(folder) not in line


def test_the_terminal_says_what_is_left_out(folder, root, tmp_path):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config_of(folder)))
    command = [sys.executable, "-m", "mmlu_kit", "check", "--study", "mine", "--configfile", tmp_path / "mine.yaml"]
    process = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(root / "workflow/scripts")}, capture_output=True, text=True
    )
    assert f"world_religions: {MISSING}" in process.stdout and "LEFT OUT: " in process.stdout, process.stderr

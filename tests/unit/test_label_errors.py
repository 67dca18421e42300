"""Label checks are matched to questions by text, whatever the separator and spelling; a damaged check is one error line."""

import csv

import pytest
from mmlu_kit.analysis import label_errors
from mmlu_kit.inputs import questions
from mmlu_kit.user_errors import UserError

HEADER = ["question", "choices", "answer", "error_type", "source", "correct_answer", "potential_reason"]
CHOICES = ["one", "it's two", "3, or; so", "four"]


def row(question="Why?", choices=CHOICES, kind="OK", **changes):
    cells = {"question": question, "choices": str(choices), "answer": "0", "error_type": kind}
    return {**dict.fromkeys(HEADER, ""), **cells, **changes}


def folder(tmp_path, rows, separator=",", subject="anatomy"):
    with (tmp_path / f"mmlu_{subject}.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, HEADER, delimiter=separator)
        writer.writeheader()
        writer.writerows(rows)
    return tmp_path


def question(text="Why?", index=0, subject="anatomy", choices=CHOICES):
    return questions.Question(subject, "test", index, text, tuple(choices), "A")


def matched(folder, *questions):
    return label_errors.match(label_errors.read(folder, ["anatomy", "virology"]), questions)


@pytest.mark.parametrize("separator", [",", ";"])
def test_both_separators_and_all_spellings_are_read(tmp_path, separator):
    kinds = [
        "OK",
        "ok",
        "Ok",
        "Wrong Groundtruth",
        "wrong_groundtruth",
        "No correct answer",
        "Expert",
        " bad  question clarity ",
    ]
    rows = [row(f"{number}, a; b?", kind=kind) for number, kind in enumerate(kinds)]
    checks = matched(folder(tmp_path, rows, separator), *(question(f"{n}, a; b?", n) for n in range(len(kinds))))
    assert list(checks.types.values()) == [
        *["ok"] * 3, *["wrong groundtruth"] * 2, "no correct answer", "expert", "bad question clarity",
    ]  # fmt: skip
    assert checks.unmatched == 0
    assert checks.warnings == ["1 label check left to an expert: these questions count as neither good nor flagged."]


def test_a_check_is_matched_by_text_and_not_by_row_number(tmp_path):
    rows = [row("Second?", kind="ok"), row("First?", kind="wrong groundtruth")]
    checks = matched(folder(tmp_path, rows), question("First?", 0), question("Second?", 1), question("Third?", 2))
    assert checks.types == {("anatomy", 1): "ok", ("anatomy", 0): "wrong groundtruth"}


def test_checks_match_by_choices_but_not_by_white_space(tmp_path):
    rows = [row(" Why,\n  then? ", ["one ", "two", "three", "four"]), row("Why, then?", ["1", "2", "3", "4"])]
    checks = matched(folder(tmp_path, rows), question("Why, then?", choices=["one", "two", " three", "four"]))
    assert checks.types == {("anatomy", 0): "ok"} and checks.unmatched == 1
    assert checks.warnings == ["1 label check of questions that are not in this study."]


def test_a_check_applies_only_to_its_files_subject(tmp_path):
    checks = matched(folder(tmp_path, [row()], subject="virology"), question(), question(subject="virology", index=7))
    assert checks.types == {("virology", 7): "ok"}


def test_duplicate_questions_share_a_check_and_errors_win(tmp_path):
    rows = [row(kind="ok"), row(kind="no correct answer"), row(kind="ok")]
    checks = matched(folder(tmp_path, rows), question(index=0), question(index=5))
    assert checks.types == {("anatomy", 0): "no correct answer", ("anatomy", 5): "no correct answer"}


def test_unmatched_checks_give_a_warning(tmp_path):
    checks = matched(folder(tmp_path, [row()]), question("Another?"))
    assert checks.unmatched == 1 and "No label was checked" in " ".join(checks.warnings)
    counts = label_errors.accuracies(checks, {})
    assert (counts.checked, counts.flagged, counts.models) == (0, 0, [])


def test_a_subject_without_a_file_has_no_checks(tmp_path):
    assert {check.key[0] for check in label_errors.read(folder(tmp_path, [row()]), ["anatomy", "virology"])} == {"anatomy"}
    assert label_errors.read(folder(tmp_path, [row()]), ["astronomy"]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"choices": "__import__('os').system('touch /tmp/owned')"}, "line 2: choices must be a list of four strings"),
        ({"choices": "['a', 'b', 'c']"}, "choices must be a list of four strings"),
        ({"choices": "['a', 'b', 'c', 4]"}, "choices must be a list of four strings"),
        ({"choices": "('a', 'b', 'c', 'd')"}, "choices must be a list of four strings"),
        ({"choices": "[" * 15_000}, "choices must be a list of four strings"),
        ({"choices": "-" * 19_000 + "1"}, "choices must be a list of four strings"),
        ({"choices": f"['a', 'b', 'c', '{'d' * 30_000}']"}, "choices must be a list of four strings"),
        ({"choices": "['a', 'b', 'c', '\0']"}, "."),
        ({"error_type": "<script>"}, "line 2: error_type is '<script>'; known: ok, expert, bad question clarity"),
        ({"question": "w" * 200_000}, "mmlu_anatomy.csv is not a CSV file .field larger"),
    ],
)
def test_an_invalid_check_is_an_error_that_names_its_line(tmp_path, changes, words):
    with pytest.raises(UserError, match=words):
        label_errors.read(folder(tmp_path, [{**row(), **changes}]), ["anatomy"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "its header lacks choices, error_type, question"),
        (b"question,answer\nWhy?,0\n", "its header lacks choices, error_type"),
        (b"question,choices,error_type\nWhy?\n", "line 2: its number of columns differs from the header's"),
        (b"question,choices,error_type\nWhy?,[],ok,more\n", "line 2: its number of columns differs from the header's"),
        (b"question,choices,error_type\n\xff\n", "is not UTF-8 text .byte 28"),
        (b'question,choices,error_type\n"Why?\n', "is not a CSV file"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, text, words):
    (tmp_path / "mmlu_anatomy.csv").write_bytes(text)
    with pytest.raises(UserError, match=f"mmlu_anatomy.csv.*{words}"):
        label_errors.read(tmp_path, ["anatomy"])


def test_a_missing_or_wrong_folder_is_an_error(tmp_path):
    with pytest.raises(UserError, match="label_errors: there is no folder /"):
        label_errors.read(tmp_path / "nowhere", ["anatomy"])
    with pytest.raises(UserError, match="has no mmlu_<subject>"):
        label_errors.read(tmp_path, ["anatomy"])


def test_every_real_check_matches_a_question(real_data):
    names = sorted(path.stem.removeprefix("mmlu_") for path in (real_data / "mmlu_redux").glob("*.csv"))
    files = [(real_data / f"mmlu/test/{name}_test.csv", name) for name in names]
    asked = [question for path, name in files for question in questions.read_csv(path, name, "test")]
    checks = label_errors.match(label_errors.read(real_data / "mmlu_redux", names), asked)
    assert len(names) == 10 and len(checks.types) == 1000 and checks.unmatched == 0
    counts = label_errors.accuracies(checks, {})
    assert (counts.checked, counts.flagged) == (989, 66)
    assert counts.by_type == {
        "bad question clarity": 25,
        "wrong groundtruth": 31,
        "no correct answer": 7,
        "bad options clarity": 2,
        "multiple correct answers": 1,
    }

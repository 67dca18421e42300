"""Label checks are matched to questions by text, whatever the separator and spelling; a damaged check is one error line."""

import csv

import pytest
from mmlu_kit.analysis import label_errors
from mmlu_kit.analysis.label_accuracies import label_accuracies
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
        "no correct answers",
        "Wrong Ground Truth",
    ]
    rows = [row(f"{number}, a; b?", kind=kind) for number, kind in enumerate(kinds)]
    checks = matched(folder(tmp_path, rows, separator), *(question(f"{n}, a; b?", n) for n in range(len(kinds))))
    assert list(checks.types.values()) == [
        *["ok"] * 3, *["wrong groundtruth"] * 2, "no correct answer", "expert", "bad question clarity",
        "no correct answer", "wrong groundtruth",
    ]  # fmt: skip
    assert checks.unmatched == 0
    expert, uncorrected = checks.warnings
    assert expert == "1 label check left to an expert: these questions count as neither good nor flagged."
    assert uncorrected.endswith("correct_answer: anatomy 3 (empty), anatomy 4 (empty), anatomy 9 (empty).")


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
    counts = label_accuracies(checks, {})
    assert (counts.checked, counts.flagged, counts.models) == (0, 0, [])


def test_a_subject_without_a_file_has_no_checks(tmp_path):
    assert {check.key[0] for check in label_errors.read(folder(tmp_path, [row()]), ["anatomy", "virology"])} == {"anatomy"}
    assert label_errors.read(folder(tmp_path, [row()]), ["astronomy"]) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"choices": "__import__('os').system('touch /tmp/owned')"},
            "line 2: choices must be a list of strings, one for each choice",
        ),
        ({"choices": "['a']"}, "choices has 1 string; a question has 2 to 26"),
        ({"choices": "['a', 'b', 'c', 4]"}, "choices must be a list of strings"),
        ({"choices": "('a', 'b', 'c', 'd')"}, "choices must be a list of strings"),
        ({"choices": "[" * 15_000}, "choices must be a list of strings"),
        ({"choices": "-" * 19_000 + "1"}, "choices must be a list of strings"),
        ({"choices": f"['a', 'b', 'c', '{'d' * 30_000}']"}, "choices must be a list of strings"),
        ({"choices": "['a', 'b', 'c', '\0']"}, "."),
        ({"error_type": "<script>"}, "line 2: error_type is '<script>'; known: ok, expert, bad question clarity"),
        ({"question": "w" * 200_000}, "mmlu_anatomy.csv: line 2: is not a row of a CSV file .field larger"),
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
        (b"\xff\xfe" + "question,choices,error_type\n".encode("utf-16-le"), "its header lacks choices, error_type, question"),
        (b'question,choices,error_type\n"Why?\n', "is not a row of a CSV file"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(tmp_path, text, words):
    (tmp_path / "mmlu_anatomy.csv").write_bytes(text)
    with pytest.raises(UserError, match=f"mmlu_anatomy.csv.*{words}"):
        label_errors.read(tmp_path, ["anatomy"])


def encoded(tmp_path, text, encoding):
    """The checks of two questions, whose file has some text in an encoding other than UTF-8."""
    path = folder(tmp_path, [row("Second?"), row("First, MARK?", kind="no correct answer")]) / "mmlu_anatomy.csv"
    path.write_bytes(path.read_bytes().replace(b"MARK", text.encode(encoding)))
    return matched(tmp_path, question(f"First, {text}?", 0), question("Second?", 1))


@pytest.mark.parametrize(("encoding", "words"), [("mac_roman", "Mac Roman"), ("cp1252", "Windows-1252")])
@pytest.mark.parametrize("text", ["the bully’s", "“é–ü”", "Señor"])
def test_bytes_that_are_not_utf8_are_read_by_the_encoding_that_gives_a_questions_text(tmp_path, encoding, words, text):
    checks = encoded(tmp_path, text, encoding)
    assert checks.types == {("anatomy", 1): "ok", ("anatomy", 0): "no correct answer"} and checks.unmatched == 0
    warning = f"mmlu_anatomy.csv is not UTF-8: 1 label check read as {words}, which gives the text of a question."
    assert checks.warnings == [warning]


def test_bytes_in_another_encoding_belong_to_no_question(tmp_path):
    checks = encoded(tmp_path, "naïve", "cp437")
    assert checks.types == {("anatomy", 1): "ok"} and checks.unmatched == 1
    assert checks.warnings == ["1 label check of questions that are not in this study."]


def test_a_file_with_its_types_in_the_column_source_is_read(tmp_path):
    rows = [row(f"{number}?", kind="", source=kind) for number, kind in enumerate(["ok", "", "Bad Question Clarity"])]
    checks = matched(folder(tmp_path, rows), *(question(f"{number}?", number) for number in range(3)))
    assert checks.types == {("anatomy", 0): "ok", ("anatomy", 2): "bad question clarity"}
    moved, unread = checks.warnings
    assert (
        moved == "mmlu_anatomy.csv has its error types in the column source: they were read from there, as error_type is empty."
    )
    assert unread.startswith(
        "1 row of mmlu_anatomy.csv could not be read and is left out: line 3: error_type is empty, so this label was not "
        "checked."
    )


def test_types_that_are_no_types_are_not_read_from_another_column(tmp_path):
    rows = [row("1?", kind="", source="ok"), row("2?", kind="", source="https://example.org")]
    with pytest.raises(UserError, match=r"mmlu_anatomy\.csv: line 2: error_type is empty, so this label was not checked"):
        label_errors.read(folder(tmp_path, rows), ["anatomy"])
    rows = [row("1?", kind="", source="wrong groundtruth"), row("2?")]
    checks = matched(folder(tmp_path, rows), question("1?", 0), question("2?", 1))
    assert checks.types == {("anatomy", 1): "ok"} and len(checks.unread) == 1


def test_rows_and_files_that_cannot_be_read_are_named_and_the_others_used(tmp_path):
    bad = [row("1?", choices="['a']"), row("2?"), row("3?", kind="<script>"), row("4?")]
    folder(tmp_path, bad)
    path = tmp_path / "mmlu_anatomy.csv"
    path.write_bytes(path.read_bytes() + b'short,row\n"x"y,[],ok,,,,\n')
    (tmp_path / "mmlu_virology.csv").write_bytes(b"question;answer\nWhy?;0\n")
    checks = matched(tmp_path, question("2?", 2), question("4?", 4), question("Why?", 0, "virology"))
    assert checks.types == {("anatomy", 2): "ok", ("anatomy", 4): "ok"}
    rows, file = checks.warnings
    assert rows.startswith("4 rows of mmlu_anatomy.csv could not be read and are left out: line ")
    assert file.startswith("mmlu_virology.csv could not be read and is left out: its header lacks choices, error_type: it is")
    assert str(tmp_path) not in " ".join(checks.warnings)


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
    counts = label_accuracies(checks, {})
    assert (counts.checked, counts.flagged) == (989, 66)
    assert counts.by_type == {
        "bad question clarity": 25,
        "wrong groundtruth": 31,
        "no correct answer": 7,
        "bad options clarity": 2,
        "multiple correct answers": 1,
    }

"""Questions are read as written; a malformed file is reported in one line with its place."""

import pytest
from mmlu_kit.inputs import questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.user_errors import UserError

GOOD = 'What is 1 + 1?,1,2,3,4,B\n"Two\nlines, ""quoted""",a,b,c,d,D\n'


def folder(tmp_path, test, dev=None):
    for split, text in (("test", test), ("dev", dev)):
        if text is not None:
            (tmp_path / split).mkdir(exist_ok=True)
            (tmp_path / split / f"astronomy_{split}.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    return tmp_path


def test_csv_keeps_line_breaks_commas_and_quotes(tmp_path):
    found = questions.read_folder(folder(tmp_path, GOOD), "astronomy")
    assert [q.question for q in found] == ["What is 1 + 1?", 'Two\nlines, "quoted"']
    assert found[0].choices == ("1", "2", "3", "4") and found[1].answer == "D"
    assert [(q.split, q.index) for q in found] == [("test", 0), ("test", 1)]


def test_json_lines_round_trip(tmp_path):
    written = questions.read_folder(folder(tmp_path, GOOD, GOOD), "astronomy")
    written.append(Question("astronomy", "test", 2, "Q?", ("yes", "no"), "B", "Astronomy & Space", "q-17"))
    questions.write_jsonl(tmp_path / "astronomy.jsonl", written)
    assert questions.read_jsonl(tmp_path / "astronomy.jsonl") == written
    assert len(questions.split(written, "dev")) == 2


@pytest.mark.parametrize("number", [2, 3, 5, 26])
def test_a_file_without_header_has_as_many_choices_as_its_first_row(tmp_path, number):
    row = ",".join(["q", *map(str, range(number)), LETTERS[number - 1]])
    (question,) = questions.read_folder(folder(tmp_path, row), "astronomy")
    assert question.letters == LETTERS[:number] and question.answer == LETTERS[number - 1]


def test_the_first_questions_keep_all_examples(tmp_path):
    every = questions.read_folder(folder(tmp_path, GOOD * 3, GOOD), "astronomy")
    assert [(one.split, one.index) for one in questions.first(every, 3)] == [
        ("dev", 0), ("dev", 1), ("test", 0), ("test", 1), ("test", 2),
    ]  # fmt: skip
    assert questions.first(every, None) == questions.first(every, 10**9) == every
    with pytest.raises(UserError, match="the limit is 0"):
        questions.first(every, 0)


def test_a_questions_hash_depends_on_content_not_place(tmp_path):
    first, second = questions.read_folder(folder(tmp_path, GOOD + GOOD), "astronomy")[::2]
    assert first.index != second.index and first.sha256 == second.sha256


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("q,a,A\n", ["row 1", "3 columns instead of 6 (question, A, B, C, D, the answer's letter)"]),
        (f"q,{','.join('abcdefghijklmnopqrstuvwxyza')},A\n", ["row 1", "29 columns instead of 6"]),
        (GOOD + "q,a,b,c,A\n", ["row 3", "5 columns instead of 6 (question, A, B, C, D, the answer's letter)"]),
        ("q,a,b,c,A\n" + GOOD, ["row 2", "6 columns instead of 5 (question, A, B, C, the answer's letter)"]),
        ("q,a,b,c,D\n", ["row 1", "'D', not one of A, B, C"]),
        (GOOD + "q,a,b,c,d,E\n", ["row 3", "'E'"]),
        (GOOD + "q,a,b,c,d,\n", ["row 3", "A, B, C, D"]),
        (" ,a,b,c,d,A\n", ["row 1", "question is empty"]),
        ("", ["is empty"]),
        ("\n\n", ["is empty"]),
        ('"never closed,a,b,c,d,A\n', ["not a CSV file"]),
        ("caf\u00e9,a,b,c,d,A\n".encode("latin-1"), ["not UTF-8"]),
    ],
)
def test_malformed_csv_raises_a_user_error_with_file_and_row(tmp_path, text, words):
    with pytest.raises(UserError) as problem:
        questions.read_folder(folder(tmp_path, text), "astronomy")
    for word in ["astronomy_test.csv", *words]:
        assert word in str(problem.value)


@pytest.mark.parametrize("line", ["{}", "[]", "not json", '{"subject": "astronomy", "split": "x", "index": 0}'])
def test_damaged_json_lines_raise_a_user_error(tmp_path, line):
    (tmp_path / "q.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=r"q\.jsonl:1"):
        questions.read_jsonl(tmp_path / "q.jsonl")


def test_every_real_file_can_be_read(real_data):
    counts = {}
    for path in sorted((real_data / "mmlu/test").glob("*_test.csv")):
        subject = path.name.removesuffix("_test.csv")
        assert subject in SUBJECTS
        found = questions.read_folder(real_data / "mmlu", subject)
        assert len(questions.split(found, "dev")) == 5
        counts[subject] = len(questions.split(found, "test"))
    assert len(counts) == 17
    ten = "abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry "
    ten += "college_computer_science college_mathematics college_medicine"
    assert [counts[subject] for subject in ten.split()] == [100, 135, 152, 100, 265, 144, 100, 100, 100, 173]


def test_there_are_57_subjects():
    assert len(set(SUBJECTS)) == 57

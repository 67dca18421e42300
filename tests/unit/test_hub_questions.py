"""Tables of a repository are read by the columns that config names; others are refused in one line."""

import pytest
from mmlu_kit.inputs import hub, hub_questions
from mmlu_kit.inputs import question_tables as table_files
from mmlu_kit.source_entries import QuestionSet
from mmlu_kit.user_errors import UserError

from tests.helpers import question_tables


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    """Return the questions of a subject of a set of this form, whose repository has these tables, or what is on disk."""

    def call(tables, chosen, /, **form):
        entry = QuestionSet(repository="a/b", commit="c" * 40, **form)
        for name, rows in tables.items():
            question_tables.save(tmp_path / name, rows)
        monkeypatch.setattr(hub, "fetch_questions", lambda *_: [[tmp_path / entry.tables.test]])
        return hub_questions.fetch(entry, chosen)

    return call


def refused(call, words):
    """Check that a call ends in a user's mistake with these words."""
    with pytest.raises(UserError) as error:
        call()
    assert words in str(error.value)


COLUMNS = {"files": {"test": "all.csv"}, "fields": {"choices": ["opa", "opb", "opc"], "answer": "cop", "subject": "topic"}}


@pytest.mark.parametrize("name", ["all.csv", "all.jsonl"])
def test_choices_in_columns_of_csv_and_json_lines(fetch, name):
    rows = [
        {"question": "Q, 1?", "opa": "x", "opb": "y", "opc": "z", "cop": "C", "topic": "Health & Safety"},
        {"question": "Q2?", "opa": "x", "opb": "y", "opc": "", "cop": "y", "topic": "Health & Safety"},
        {"question": "Q3?", "opa": "x", "opb": "y", "opc": "z", "cop": "A", "topic": "Law"},
    ]
    form = COLUMNS | {"files": {"test": name}}
    first, second = fetch({name: rows}, "health_safety", **form)
    assert (first.choices, first.answer, second.choices, second.answer) == (("x", "y", "z"), "C", ("x", "y"), "B")
    assert first.subject_title == "Health & Safety"


@pytest.mark.parametrize(
    ("where", "texts"),
    [
        ({"level": "5"}, ["a", "b"]),
        ({"checked": "true"}, ["a", "c"]),
        ({"checked": "false", "level": "5"}, ["b"]),
        ({"kind": "5"}, ["c"]),
        ({"share": "0.5"}, ["b"]),
    ],
)
@pytest.mark.parametrize("name", ["t.parquet", "t.jsonl"])
def test_rows_are_taken_by_texts_numbers_and_booleans(fetch, name, where, texts):
    columns = ("question", "level", "checked", "kind", "share")
    values = [("a", 5, True, "x", 1.5), ("b", 5, False, "x", 0.5), ("c", 6, True, "5", 2.0), ("d", 7, False, None, None)]
    rows = [{**dict(zip(columns, row, strict=True)), "choices": ["x", "y"], "answer": 1} for row in values]
    questions = fetch({name: rows}, "one", files={"test": name}, subject="one", where=where)
    assert [one.question for one in questions] == texts


def test_a_column_that_is_there_twice_is_refused(fetch, tmp_path):
    (tmp_path / "all.csv").write_text("question,opa,opb,opc,cop,topic,cop\nQ?,x,y,z,A,Law,B\n")
    refused(lambda: fetch({}, "law", **COLUMNS), "all.csv has the column 'cop' twice")


LISTS = {"files": {"test": "t.parquet"}, "subject": "one", "fields": {"choices": "options.text", "answer": "key"}}


def test_choices_in_a_list_of_structures(fetch):
    rows = [{"question": "Q?", "options": [{"text": "x"}, {"text": "y"}], "key": "y"}]
    assert fetch({"t.parquet": rows}, "one", **LISTS)[0].choices == ("x", "y")


@pytest.mark.parametrize(
    ("changes", "row", "words"),
    [
        ({"fields": {"choices": "optoins"}}, {}, "has no column 'optoins': correct `fields`; it has answer, choices"),
        ({"fields": {"choices": "choices.text"}}, {}, "row 1: 'choices' has no 'text': correct `fields`; there is"),
        ({"fields": {"choices": "choices.txt"}}, {"choices": {"text": ["a"]}}, "has no 'txt': correct `fields`; it has text"),
        ({"fields": {"labels": "question"}}, {}, "row 1: the labels are 'Q?', not a list of 2, one for each choice"),
        ({"where": {"checked": "yes"}}, {}, "has no column 'checked'"),
        ({"where": {"question": "none"}}, {}, "has no test questions for 'one'"),
        ({}, {"question": None}, "row 1: the question is missing, not text"),
        ({}, {"question": 3}, "row 1: the question is '3', not text"),
        ({}, {"question": " "}, "row 1: the question is empty"),
        ({}, {"question": "a\0"}, "row 1: it has NUL characters"),
        ({}, {"choices": None}, "row 1: the choices are missing, not a list of texts"),
        ({}, {"choices": "ab"}, "row 1: the choices are 'ab', not a list of texts"),
        ({}, {"choices": [1, 2]}, "row 1: choice 1 is '1', not text"),
        ({}, {"choices": ["a", None]}, "row 1: choice 2 is missing, not text"),
        ({}, {"choices": ["a"]}, "row 1: 1 choice, and a question needs 2 to 26"),
        ({}, {"choices": ["a"] * 27}, "row 1: 27 choices, and a question needs 2 to 26"),
        ({}, {"choices": {"text": ["a", "b"]}}, "row 1: the choices are a mapping, not a list of texts"),
        ({}, {"answer": None}, "row 1: the answer is missing: write a choice's letter"),
        ({}, {"answer": -1}, "row 1: the answer is -1, not a number from 0 to 1"),
        ({}, {"answer": 2**62}, "row 1: the answer is 4611686018427387904, not a number from 0 to 1"),
        ({}, {"answer": 1.0}, "row 1: the answer is '1.0', not a letter or the text of a choice"),
        ({}, {"answer": True}, "row 1: the answer is 'True', not a letter or the text of a choice"),
        ({}, {"answer": ["B"]}, "row 1: the answer is a list, not a letter or the text of a choice"),
        ({}, {"answer": "C"}, "row 1: the answer is 'C', not one of A, B or the text of a choice"),
        ({}, {"answer": "A", "choices": ["B", "A"]}, "row 1: the answer 'A' could be A or B: name the right choice in a way"),
        ({}, {"answer": "x", "choices": ["x", " x"]}, "row 1: the answer 'x' could be A or B"),
        ({"fields": {"answer_is": "index"}}, {"answer": "B"}, "row 1: the answer is 'B', not a number"),
        ({"fields": {"answer_is": "letter"}}, {"answer": 1}, "row 1: the answer is 1, not a letter"),
        ({"fields": {"answer_is": "letter"}}, {"answer": "y"}, "row 1: the answer is 'y', not one of A, B"),
        ({"fields": {"answer_is": "text"}}, {"answer": "B"}, "row 1: the answer is 'B', not the text of a choice"),
        ({"subject": None, "fields": {"subject": "topic"}}, {"topic": None}, "row 1: the subject is missing"),
        ({"subject": None, "fields": {"subject": "topic"}}, {"topic": 3}, "row 1: the subject is '3': write its name"),
        ({"subject": None, "fields": {"subject": "topic"}}, {"topic": "数学"}, "the subject '数学' makes no name"),
        ({"subject": None, "fields": {"subject": "topic"}}, {"topic": "On"}, "no test questions for 'one'; did you mean 'on'?"),
        ({"fields": {"id": "name"}}, {"name": [1]}, "row 1: the id is a list, neither text nor a number"),
    ],
)  # fmt: skip
def test_a_table_of_another_form_is_refused_in_one_line(fetch, changes, row, words):
    rows = [{"question": "Q?", "choices": ["x", "y"], "answer": 1, **row}]
    refused(lambda: fetch({"t.parquet": rows}, "one", **{"files": {"test": "t.parquet"}, "subject": "one", **changes}), words)


def test_two_spellings_of_a_subject_are_refused(fetch):
    rows = [{"question": "Q?", "choices": ["x", "y"], "answer": 1, "topic": topic} for topic in ("Law", "law")]
    form = {"files": {"test": "t.parquet"}, "fields": {"subject": "topic"}}
    refused(lambda: fetch({"t.parquet": rows}, "law", **form), "row 2: the subjects 'Law' and 'law' have one name, law")


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow", "t.jsonl", "t.csv"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"\xff" * 100, b"<!DOCTYPE html>\n<p>404</p>", b"\0" * 64, b"[" * 100_000])
def test_a_file_that_is_no_table_is_refused_in_one_line(fetch, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    refused(lambda: fetch({}, "one", files={"test": name}, subject="one"), name)


@pytest.mark.parametrize("name", ["t.parquet", "t.arrow"])
def test_a_table_that_grows_is_refused_before_it_fills_the_memory(fetch, monkeypatch, tmp_path, name):
    monkeypatch.setattr(table_files, "MAX_BYTES", 1_000_000)
    rows = [{"question": "x" * 10_000, "choices": ["a", "b"], "answer": 0}] * 1000
    question_tables.save(tmp_path / name, rows)
    words = "bytes in memory, more than any question set"
    refused(lambda: fetch({}, "one", files={"test": name}, subject="one"), words)
    monkeypatch.setattr(table_files, "MAX_ROWS", 10)
    monkeypatch.setattr(table_files, "MAX_BYTES", 10**9)
    refused(lambda: fetch({}, "one", files={"test": name}, subject="one"), "has more than 10 rows")

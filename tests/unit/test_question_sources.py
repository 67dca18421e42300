"""Questions of people's own: CSV files with a header, JSON lines, and folders of them."""

import json

import pytest
from mmlu_kit import subjects
from mmlu_kit.inputs import question_sources, questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.user_errors import UserError

QUIZ = """question,A,B,C,D,E,answer
What schedules processes?,the scheduler,the linker,the shell,,,A
"Which of these, if any, is a kernel?",Linux,GCC,make,vim,,Linux
Which call makes a process?,open,fork,read,write,seek,B
"""
LINES = [
    {"question": "2 + 2?", "choices": ["3", "4", "5"], "answer": 1},
    {"question": "Up or down?", "choices": ["up", "down"], "answer": "A", "id": 7},
    {"question": "Which is it?", "choices": ["this", "that", "both", "none", "all"], "answer": "none", "id": "q-3"},
]


def source(path, text, examples=None):
    """The source of a file with this text, and with these examples beside it."""
    path.write_text(text if isinstance(text, str) else "".join(json.dumps(line) + "\n" for line in text))
    if examples is not None:
        path.with_name("shots.csv").write_text(examples)
    return question_sources.local(path, path.with_name("shots.csv") if examples is not None else None)


def read(path, text, *subjects, **others):
    """The questions of the only subject, or of some, in a file with this text."""
    made = source(path, text, **others)
    return [one for subject in subjects or made.subjects() for one in made.read(subject)]


def test_a_csv_file_with_a_header_has_questions_of_three_four_and_five_choices(tmp_path):
    quiz = source(tmp_path / "Operating Systems.csv", QUIZ)
    assert quiz.subjects() == ["operating_systems"]
    asked = quiz.read("operating_systems")
    assert [(one.index, one.letters, one.answer) for one in asked] == [(0, "ABC", "A"), (1, "ABCD", "A"), (2, "ABCDE", "B")]
    assert asked[1].question == "Which of these, if any, is a kernel?" and asked[0].subject_title == "Operating Systems"


def test_columns_may_be_in_any_order_and_case(tmp_path):
    text = "\ufeffAnswer, ID ,b,Question,a\r\nA,7,no,Yes?,yes\r\n\r\nyes,,no,Yes?,yes\r\n"
    first, second = read(tmp_path / "q.csv", text)
    assert (first.choices, first.answer, first.id, second.answer, second.id) == (("yes", "no"), "A", "7", "A", None)


def test_lines_of_json_name_the_answer_by_number_letter_or_text(tmp_path):
    asked = read(tmp_path / "q.jsonl", LINES)
    assert [one.answer for one in asked] == ["B", "A", "D"] and [one.id for one in asked] == [None, "7", "q-3"]
    assert [len(one.choices) for one in asked] == [3, 2, 5] and asked[0].subject == "q"


def test_a_number_in_json_is_an_index_and_a_text_of_digits_a_choice(tmp_path):
    choices = ["2", "1", "0"]
    answers = [{"question": "?", "choices": choices, "answer": answer} for answer in (0, 2, "0", "2")]
    assert [one.answer for one in read(tmp_path / "q.jsonl", answers)] == ["A", "C", "C", "A"]


def test_a_letter_that_is_also_the_same_choices_text_is_no_contradiction(tmp_path):
    assert read(tmp_path / "q.csv", "question,A,B,answer\nq,A,B,B\n")[0].answer == "B"


SUBJECTS = "subject,split,question,A,B,answer\nLaw,test,q1,x,y,A\nHealth & Safety,dev,e1,x,y,B\nLaw,,q2,x,y,B\n"


def test_a_file_can_have_several_subjects_and_examples(tmp_path):
    quiz = source(tmp_path / "exam.csv", f"{SUBJECTS}Health & Safety,test,q3,x,y,A\n")
    assert quiz.subjects() == ["health_safety", "law"]
    assert [one.name for one in quiz.read("health_safety")] == ["health_safety/dev/0", "health_safety/test/0"]
    assert [one.question for one in quiz.read("law")] == ["q1", "q2"]
    assert quiz.read("health_safety")[0].subject_title == "Health & Safety" and quiz.read("law")[0].subject_title == "Law"


@pytest.mark.parametrize("header", ["question,A,B,answer", "subject,question,A,B,answer"])
def test_examples_come_from_a_file_beside_it(tmp_path, header):
    row = "e?,x,y,B\n" if header.startswith("question") else "Quiz,e?,x,y,B\n"
    asked = read(tmp_path / "quiz.csv", "question,A,B,answer\nq?,x,y,A\n", examples=f"{header}\n{row * 2}")
    assert [(one.name, one.answer) for one in asked] == [("quiz/dev/0", "B"), ("quiz/dev/1", "B"), ("quiz/test/0", "A")]
    with pytest.raises(UserError, match=r"quiz: 5 examples are requested, but the dev split has 2: use fewer, or add examples"):
        questions.examples(asked, 5)


def test_a_folder_has_a_file_for_each_subject(tmp_path):
    (tmp_path / "networks.jsonl").write_text(json.dumps(LINES[0]))
    (tmp_path / "README.md").write_text("of the course")
    (tmp_path / ".networks.csv").write_text("left by an editor")
    folder = source(tmp_path / "Operating Systems.CSV", QUIZ) and question_sources.local(tmp_path)
    assert folder.subjects() == ["networks", "operating_systems"]
    assert len(folder.read("operating_systems")) == 3 and folder.paths("networks") == [tmp_path / "networks.jsonl"]


def test_a_damaged_file_of_a_folder_leaves_the_others_whole(tmp_path):
    (tmp_path / "a.csv").write_text("damaged")
    (tmp_path / "b.csv").write_text(QUIZ)
    folder = question_sources.local(tmp_path)
    assert folder.subjects() == ["a", "b"] and len(folder.read("b")) == 3


def test_files_by_the_kit_are_read_as_they_are(tmp_path):
    written = [
        Question("law", "dev", 0, "e?", ("B", "A"), "A", "Law & Order"),
        Question("law", "test", 0, "q?", ("A", "B"), "B"),
    ]
    questions.write_jsonl(tmp_path / "law.jsonl", written)
    assert question_sources.local(tmp_path / "law.jsonl").read("law") == written
    assert question_sources.local(tmp_path).read("law") == written
    questions.write_jsonl(tmp_path / "tax.jsonl", [Question("tax", "test", 0, "q?", ("x", "y"), "B")])
    paths = [tmp_path / "law.jsonl", tmp_path / "tax.jsonl"]
    assert list(question_sources.read_subjects(paths)) == ["law", "tax"]
    assert list(question_sources.read_subjects(paths, ["tax"])) == ["tax"]


def test_one_source_knows_its_subjects_and_can_be_read_in_part(tmp_path):
    (tmp_path / "exam.csv").write_text(SUBJECTS.replace("dev", "test"))
    every = question_sources.read_subjects([tmp_path / "exam.csv"])
    assert {subject: len(asked) for subject, asked in every.items()} == {"health_safety": 1, "law": 2}
    (law,) = question_sources.read_subjects([tmp_path / "exam.csv"], ["law"], limit=1).values()
    assert [one.question for one in law] == ["q1"]
    with pytest.raises(UserError, match=r"exam.csv has no question of 'lwa'; did you mean 'law'"):
        question_sources.read_subjects([tmp_path / "exam.csv"], ["lwa"])


def test_demo_questions_are_the_same_in_every_form(tmp_path, root):
    folder = root / "workflow/demo/questions"
    written = questions.read_folder(folder, "astronomy")
    rows = [{"question": one.question, "choices": one.choices, "answer": "ABCD".index(one.answer), "split": one.split}
            for one in written]  # fmt: skip
    assert read(tmp_path / "astronomy.jsonl", rows) == written
    assert len(question_sources.local(folder).subjects()) == 10


@pytest.mark.parametrize(("title", "name"), [("Física & Überblick (C++)", "fisica_uberblick_c"), ("Ｌａｗ", "law"), ("法", "")])
def test_the_name_of_a_subject_is_its_title_without_accents(title, name):
    assert subjects.name(title) == name

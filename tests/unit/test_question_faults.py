"""Faults of a question set are told with their number, the first question, and what they mean for the numbers."""

import pytest
from mmlu_kit.inputs import question_faults, questions
from mmlu_kit.inputs.question_faults import FaultKind
from mmlu_kit.inputs.questions import Question
from mmlu_kit.report.sentences.questions import fault

CHOICES = ("a", "b", "c", "d")


def question(text, choices=CHOICES, answer="A", subject="anatomy", split="test", index=0):
    return Question(subject, split, index, text, tuple(choices), answer)


def told(*asked):
    return [fault(one) for one in question_faults.faults(asked)]


@pytest.mark.parametrize(
    ("choices", "answer", "words"),
    [
        (("", "b", "c", "d"), "A", "1 question has an empty right choice (`anatomy 0`): only by its letter"),
        ((" \t", "b", "c", "d"), "A", "1 question has an empty right choice"),
        (("a", "b", "", "d"), "A", "1 question has an empty wrong choice (`anatomy 0`): guessing"),
        (("a", "b", "c", "a"), "A", "1 question has another choice equal to the right one (`anatomy 0`): only one"),
        (("a", "b", "c", " a\n"), "D", "1 question has another choice equal to the right one"),
        (("a", "b  x", "b\tx", "d"), "A", "1 question has equal wrong choices (`anatomy 0`): guessing"),
    ],
)
def test_choices_that_are_empty_or_equal(choices, answer, words):
    (sentence,) = told(question("q", choices, answer), question("other", index=1))
    assert sentence.startswith(words)


def test_a_question_can_have_several_faults():
    faults = question_faults.faults([question("q", ("", "", "", "")), question("r", ("", "", "c", "d"), "C", index=1)])
    assert [(one.kind, one.questions, one.first_index) for one in faults] == [
        (FaultKind.RIGHT_TWICE, 1, 0),
        (FaultKind.RIGHT_EMPTY, 1, 0),
        (FaultKind.EMPTY, 2, 0),
        (FaultKind.EQUAL, 2, 0),
    ]


@pytest.mark.parametrize("text", ["Which? Answer: B", "Which?\nANSWER (b).", "Which? The answer is C", "Which? (Ans. D)"])
def test_a_question_that_ends_with_an_answer(text):
    assert told(question(text)) == [
        "1 question ends with the letter of an answer (`anatomy 0`): a model need not know the answer."
    ]


def test_the_letter_of_an_answer_is_one_of_the_questions():
    assert told(question("Give the answer F")) == []
    assert len(told(question("Give the answer F", "abcdef"))) == 1 and told(question("Give the answer C", "ab")) == []


@pytest.mark.parametrize(
    ("choices", "answer", "kinds"),
    [
        ("ab", "B", []),
        ("aa", "B", [FaultKind.RIGHT_TWICE]),
        ([*"abcdefghi", ""], "J", [FaultKind.RIGHT_EMPTY]),
        ([*"abcdefghijklmnopqrstuvwxy", "a"], "C", [FaultKind.EQUAL]),
    ],
)
def test_any_number_of_choices(choices, answer, kinds):
    assert [one.kind for one in question_faults.faults([question("q", choices, answer)])] == kinds


@pytest.mark.parametrize("text", ["Which? Answer:", "Which answer is a banana", "Who would answer Ada", "Which? B"])
def test_a_question_that_ends_with_no_answer(text):
    assert told(question(text)) == []


def test_copies_in_several_subjects_and_in_one():
    asked = [
        question(text, subject=subject, index=index) for index, text in enumerate("xyz") for subject in ("anatomy", "virology")
    ]
    assert told(*asked, question("w", index=7), question("w", index=8)) == [
        "3 questions are in both anatomy and virology (the first is `anatomy 0`): they count once in totals, intervals and "
        "tests, by the answer on the first of these subjects. Each subject's own accuracy has them all.",
        "1 question of anatomy occurs more than once there (`anatomy 7`): it counts once.",
    ]


def test_copies_that_differ():
    first, again = question("x y"), question("x  y", index=1)
    assert told(first, again) == ["1 question occurs again with other white space (`anatomy 0`): every copy counts."]
    (sentence,) = told(first, question("x y", answer="B", subject="virology"))
    assert sentence.startswith("1 question occurs again with another right letter (`anatomy 0`): every copy counts")
    assert told(first, question("x y", ("a", "b", "d", "c"), index=1)) == []  # another question


def test_examples_that_are_also_asked():
    asked = [question("x"), question("y", index=1), question("z", index=2)]
    examples = [
        question("x ", split="dev"),
        question("y", split="dev", subject="virology"),
        question("w", split="dev", index=1),
    ]
    assert told(*asked, *examples) == [
        "1 question is also a few-shot example of its subject (`anatomy 0`): prompts with examples may show the answer.",
        "1 question is also a few-shot example of another subject (`anatomy 1`): no prompt shows its own answer.",
    ]


def test_the_faults_of_the_real_questions(real_data):
    subjects = sorted(path.name.removesuffix("_test.csv") for path in (real_data / "mmlu/test").glob("*_test.csv"))
    asked = [one for subject in subjects for one in questions.read_folder(real_data / "mmlu", subject)]
    assert [(one.kind, one.questions, one.subjects) for one in question_faults.faults(asked)] == [
        (FaultKind.REPEATED, 78, ["clinical_knowledge", "college_medicine"]),
        (FaultKind.REPEATED, 1, ["us_foreign_policy"]),
        (FaultKind.OTHER_EXAMPLE, 5, ["clinical_knowledge", "college_medicine"]),
        (FaultKind.EQUAL, 1, ["business_ethics"]),
    ]

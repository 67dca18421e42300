"""Corrected labels: how a check's right answer is read, and accuracies by it."""

import pytest
from mmlu_kit.analysis import label_errors
from mmlu_kit.analysis.label_accuracies import label_accuracies
from mmlu_kit.analysis.label_checks import Correction, LabelChecks
from mmlu_kit.analysis.label_rows import right_letters
from mmlu_kit.inputs import questions
from mmlu_kit.results import repeats
from mmlu_kit.statistics import intervals
from scipy import stats

from tests.helpers.analyses import RIGHT, study_of
from tests.unit.test_label_errors import CHOICES, folder, matched, question, row

NUMBERS = ["21", "3", "7", "24"]


@pytest.mark.parametrize(
    ("text", "choices", "letters"),
    [
        ("3", CHOICES, "D"),
        (" 2.0 ", CHOICES, "C"),
        ("C", CHOICES, "C"),
        ("(c)", CHOICES, "C"),
        ("it's  two", CHOICES, "B"),
        ("3, or; so", CHOICES, "C"),  # a choice's text is no list
        ("(0, 1)", CHOICES, "AB"),
        ("[1, 3]", CHOICES, "BD"),
        ("A and C", CHOICES, "AC"),
        ("B/D", CHOICES, "BD"),
        ("one; four", CHOICES, "AD"),
        ("A, A", CHOICES, "A"),
        ("", CHOICES, ""),
        ("4", CHOICES, ""),
        ("E", CHOICES, ""),
        ("-1", CHOICES, ""),
        ("None of these", CHOICES, ""),
        ("A, perhaps", CHOICES, ""),
        ("2: I am not sure", CHOICES, ""),
        ("3", NUMBERS, ""),  # the fourth choice, or the second
        ("2", NUMBERS, "C"),
        ("24", NUMBERS, "D"),
        ("A", ["B", "A"], ""),
        ("same", ["same", "same"], ""),
        ("25", [f"choice {number}" for number in range(26)], "Z"),
        ("z", [f"choice {number}" for number in range(26)], "Z"),
        ("\u0663", CHOICES, ""),
    ],
)
def test_a_right_answer_is_read_as_a_number_letter_or_text(text, choices, letters):
    assert "".join(sorted(right_letters(text, choices))) == letters


def checked(tmp_path, **kinds):
    """Return the checks of a file with one row of each kind, with these right answers."""
    rows = [row(f"{n}?", kind=kind, correct_answer=text) for n, (kind, text) in enumerate(kinds.items())]
    return matched(folder(tmp_path, rows), *(question(f"{n}?", n) for n in range(len(rows))))


def test_right_answers_are_read_of_wrong_labels_alone(tmp_path):
    kinds = {"ok": "2", "wrong_groundtruth": "2", "multiple_correct_answers": "(0, 1)", "no_correct_answer": "3", "expert": "1"}
    checks = checked(tmp_path, **kinds)
    assert checks.right_letters == {("anatomy", 1): frozenset("C"), ("anatomy", 2): frozenset("AB")}
    assert not [warning for warning in checks.warnings if "correct_answer" in warning]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Why not?", "('Why not?')"),
        ("", "(empty)"),
        ("A", "('A')"),
        ("0", "('0')"),
        ("\x1b[2J<script>", "('\\x1b[2J<script>')"),  # the report escapes every text from outside
        ("x" * 20_000, f"('{'x' * 40}')"),
    ],
)
def test_a_right_answer_that_cannot_be_read_is_named(tmp_path, text, named):
    """The label of the question is A: a check that calls it wrong and right says nothing."""
    checks = checked(tmp_path, wrong_groundtruth=text)
    assert checks.right_letters == {}
    assert checks.warnings == [
        "1 question with a wrong label left out of the corrected labels, as no choice can be read from the check's "
        f"correct_answer: anatomy 0 {named}."
    ]
    counts = label_accuracies(checks, {})
    assert (counts.flagged, counts.corrected, counts.unread_corrections) == (1, 0, 1)


def test_a_file_without_right_answers_is_read(tmp_path):
    path = tmp_path / "mmlu_anatomy.csv"
    path.write_text(f"question;choices;error_type\nWhy?;{['a', 'b']};wrong groundtruth\n", encoding="utf-8")
    assert matched(tmp_path, question(choices=["a", "b"])).corrections == {("anatomy", 0): Correction("", frozenset())}


def test_the_right_answer_of_a_repeated_question_stays_with_it():
    first = questions.Question("anatomy", "test", 0, "Why?", tuple(CHOICES), "A")
    again = questions.Question("anatomy", "test", 5, "Why?", tuple(CHOICES), "A")
    types = {("anatomy", 0): "ok", ("anatomy", 5): "wrong groundtruth"}
    checks = LabelChecks(types, 0, corrections={("anatomy", 5): Correction("1", frozenset("B"))})
    assert checks.once([first, again]).right_letters == {("anatomy", 0): frozenset("B")}


def accuracies_of(answers, types, corrections):
    """Return a model's accuracies on anatomy with these checks."""
    _, table, _ = study_of({"m": {"anatomy": answers}})
    letters = {("anatomy", index): Correction(text, frozenset(text)) for index, text in corrections.items()}
    checks = LabelChecks({("anatomy", index): kind for index, kind in types.items()}, 0, corrections=letters)
    errors = label_accuracies(checks, {"m": repeats.once(table)})
    return errors, errors.models[0]


def test_accuracies_with_corrected_labels():
    """Right answers are A, B, C, D, A, B …; the labels of questions 0 to 4 are wrong or unclear."""
    kinds = ["wrong groundtruth", "wrong groundtruth", "multiple correct answers", "no correct answer", "bad question clarity"]
    types = dict(enumerate([*kinds, "expert", *["ok"] * 34]))
    errors, model = accuracies_of("ADD" + RIGHT[3:40], types, {0: "B", 1: "D", 2: "CD"})
    assert (errors.checked, errors.flagged, errors.corrected, errors.unread_corrections) == (39, 5, 3, 0)
    assert (model.checked.count, model.checked.questions) == (37, 39)
    assert (model.clean.count, model.clean.questions) == (34, 34)
    assert (model.corrected.count, model.corrected.questions) == (36, 37)  # all but question 0
    assert (model.correction.only_first, model.correction.only_second) == (2, 1)
    assert (model.clean.low, model.clean.high) == intervals.wilson(34, 34)


def test_the_change_without_flagged_questions_is_a_share_of_their_difference():
    types = {index: "bad question clarity" if index < 10 else "ok" for index in range(40)}
    _, model = accuracies_of("BBBBBBBBBB" + RIGHT[10:40], types, {})
    change = model.change
    assert change.difference == pytest.approx(model.clean.share - model.checked.share)
    assert change.low < change.difference < change.high and change.low > 0
    assert change.p == pytest.approx(stats.fisher_exact([[30, 0], [3, 7]]).pvalue)


def test_without_flagged_questions_nothing_changes():
    _, model = accuracies_of(RIGHT[:10], dict.fromkeys(range(10), "ok"), {})
    assert model.flagged is model.change is None and model.corrected == model.clean == model.checked
    assert model.correction.difference == 0 and model.correction.p == 1


def test_the_real_right_answers_are_read(real_data):
    names = sorted(path.stem.removeprefix("mmlu_") for path in (real_data / "mmlu_redux").glob("*.csv"))
    files = [(real_data / f"mmlu/test/{name}_test.csv", name) for name in names]
    asked = [question for path, name in files for question in questions.read_csv(path, name, "test")]
    checks = label_errors.match(label_errors.read(real_data / "mmlu_redux", names), asked)
    unread = [place for place, correction in checks.corrections.items() if not correction.letters]
    assert len(checks.corrections) == 32 and len(checks.right_letters) == 31
    assert [subject for subject, _ in unread] == ["abstract_algebra"]  # whose check names none
    assert frozenset("AB") in checks.right_letters.values()

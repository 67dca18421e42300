"""The first paragraph of the error analysis follows the tests below it."""

import random

import pytest

from tests.helpers import results

SUBJECTS = ["anatomy", "astronomy", "virology"]
RIGHT = "ABCD" * 25


def half_right(seed):
    """Return 100 answers of which 50 are right, at random places."""
    wrong = set(random.Random(seed).sample(range(100), 50))
    return "".join("BCDA"["ABCD".index(gold)] if place in wrong else gold for place, gold in enumerate(RIGHT))


def in_short(answers, subjects=SUBJECTS):
    by_subject = {model: dict(zip(subjects, letters, strict=True)) for model, letters in answers.items()}
    report = results.report(*results.merged(results.study(list(answers), subjects), by_subject))
    (paragraph,) = [line for line in report.splitlines() if line.startswith("**In short:**")]
    return paragraph


@pytest.mark.parametrize(
    ("answers", "sentences"),
    [
        (
            {"m": ["A" * 100] * 3},
            [
                "m answered 300 questions of 3 subjects. m nearly always gave the same answer, so what it gets right",
                "known to about ±4.9 points. *Shown* means that chance alone gives such a result in fewer than 5% of studies.",
            ],
        ),
        (
            {"m": [half_right(n) for n in range(3)], "n": [half_right(n) for n in range(3, 6)], "always": ["D" * 100] * 3},
            [
                "3 models answered 300 questions of 3 subjects. always nearly always gave the same answer",
                "m, n do better than guessing.",
                "a common liking for a letter explain is not shown.",
                "A difference in accuracy is shown for 2 of 3 pairs of models.",
            ],
        ),
        (
            {"m": [half_right(n) for n in range(3)], "n": [half_right(n) for n in range(3)]},
            [
                "2 models answered 300 questions of 3 subjects. All of them do better than guessing.",
                "Models miss the same questions more often than chance, hard subjects and a common liking for a letter",
                "That one of the two is better is not shown.",
            ],
        ),
        (
            {"m": [RIGHT, half_right(1), "BCDA" * 25], "n": [RIGHT, half_right(2), "BCDA" * 25]},
            [
                "Some subjects are harder than others for each of 2 models; that models agree on which, more than",
            ],
        ),
        ({"m": ["BADC" * 3]}, ["m answered 12 questions of 1 subject. m does worse than guessing.", "proves little."]),
    ],
)
def test_the_first_paragraph_follows_the_tests(answers, sentences):
    subjects = SUBJECTS[: len(next(iter(answers.values())))]
    paragraph = in_short(answers, subjects)
    for sentence in sentences:
        assert sentence in paragraph, paragraph


def test_many_models_are_counted():
    paragraph = in_short({f"m{n}": [half_right(5 * n + k) for k in range(3)] for n in range(4)})
    assert "4 models answered 300 questions of 3 subjects. All of them do better than guessing." in paragraph
    assert "none of 6 pairs of models" in paragraph and "m1" not in paragraph
